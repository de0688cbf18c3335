import { rfc3339 } from '../kernel/clock.ts';

/** The three registries of ERC-8004. */
export const REGISTRIES = ['identity', 'reputation', 'validation'] as const;

export type Registry = (typeof REGISTRIES)[number];

/** How a field's text is to be compared and shown. `integer` and `decimal` values may be wider than a JS number. */
export type FieldKind = 'text' | 'integer' | 'decimal' | 'address' | 'hash' | 'timestamp';

/** The closed list of names that conditions, templates and `/events` know, each with its kind. */
export const EVENT_FIELDS = {
  event_type: 'text',
  chain_id: 'integer',
  registry: 'text',
  block_number: 'integer',
  block_hash: 'hash',
  transaction_hash: 'hash',
  log_index: 'integer',
  timestamp: 'timestamp',
  agent_id: 'integer',
  owner: 'address',
  agent_uri: 'text',
  from: 'address',
  to: 'address',
  metadata_key: 'text',
  metadata_value: 'text',
  client_address: 'address',
  feedback_index: 'integer',
  value: 'integer',
  value_decimals: 'integer',
  score: 'decimal',
  tag1: 'text',
  tag2: 'text',
  endpoint: 'text',
  feedback_uri: 'text',
  feedback_hash: 'hash',
  responder: 'address',
  response_uri: 'text',
  response_hash: 'hash',
  validator_address: 'address',
  request_uri: 'text',
  request_hash: 'hash',
  response: 'integer',
  validation_tag: 'text',
} as const satisfies Record<string, FieldKind>;

export type EventField = keyof typeof EVENT_FIELDS;

/** Names from earlier drafts of the registries, accepted wherever a field is named. */
export const FIELD_ALIASES: Readonly<Record<string, EventField>> = {
  token_uri: 'agent_uri',
  file_uri: 'feedback_uri',
  file_hash: 'feedback_hash',
};

/** The field that a name or alias stands for; `undefined` when there is none. */
export function canonicalField(name: string): EventField | undefined {
  if (Object.hasOwn(EVENT_FIELDS, name)) return name as EventField;
  return Object.hasOwn(FIELD_ALIASES, name) ? FIELD_ALIASES[name] : undefined;
}

/** Events of the proxy and of its ownership, which every registry emits. */
const PROXY_EVENTS = ['Upgraded', 'Initialized', 'OwnershipTransferred'] as const;

/** Every event that a registry's contract emits, under the contract's own name. */
export const EVENT_TYPES = {
  identity: [
    'Registered',
    'MetadataSet',
    'URIUpdated',
    'Transfer',
    'Approval',
    'ApprovalForAll',
    'MetadataUpdate',
    'BatchMetadataUpdate',
    ...PROXY_EVENTS,
  ],
  reputation: ['NewFeedback', 'FeedbackRevoked', 'ResponseAppended', ...PROXY_EVENTS],
  validation: ['ValidationRequest', 'ValidationResponse', ...PROXY_EVENTS],
} as const satisfies Record<Registry, readonly string[]>;

export type EventType = (typeof EVENT_TYPES)[Registry][number];

export const ZERO_ADDRESS = '0x0000000000000000000000000000000000000000';

/** What a name of an event stands for: the contract's event and, where the name is narrower, its receiver. */
export interface EventTypeMeaning {
  eventType: EventType;
  /** The event counts only when its `to` is this address (lower-case hex). */
  onlyTo?: string;
}

const EVENT_ALIASES: Readonly<Record<string, EventTypeMeaning>> = {
  AgentMinted: { eventType: 'Registered' },
  AgentRegistered: { eventType: 'Registered' },
  FeedbackSubmitted: { eventType: 'NewFeedback' },
  AgentBurned: { eventType: 'Transfer', onlyTo: ZERO_ADDRESS },
};

const ALL_EVENT_TYPES: ReadonlySet<string> = new Set(Object.values(EVENT_TYPES).flat());

const isEventType = (name: string): name is EventType => ALL_EVENT_TYPES.has(name);

/** The contract's event behind a name or alias (case matters); `undefined` when there is none. */
export function canonicalEventType(name: string): EventTypeMeaning | undefined {
  if (isEventType(name)) return { eventType: name };
  return Object.hasOwn(EVENT_ALIASES, name) ? EVENT_ALIASES[name] : undefined;
}

/** Every name that `canonicalEventType` knows, for messages and documents. */
export const EVENT_NAMES: readonly string[] = [...ALL_EVENT_TYPES, ...Object.keys(EVENT_ALIASES)];

/**
 * What an event says, under the public contract's field names; a field that its event does not have is absent.
 * Integers wider than 53 bits (`agent_id`, `value`, `feedback_index`) and `score` are decimal text. Addresses and
 * hashes are lower-case hex, so equal ones are equal text.
 */
export type EventFields = Record<string, string | number | null>;

/** An event with its place on the chain. */
export interface ChainEvent {
  chainId: number;
  registry: Registry;
  eventType: string;
  blockNumber: number;
  blockHash: string;
  blockTime: Date;
  transactionHash: string;
  logIndex: number;
  fields: EventFields;
}

/** Every field of an event, those of its place included: the record that conditions and templates read. */
export function completeFields(event: ChainEvent): EventFields {
  return {
    ...event.fields,
    event_type: event.eventType,
    chain_id: event.chainId,
    registry: event.registry,
    block_number: event.blockNumber,
    block_hash: event.blockHash,
    transaction_hash: event.transactionHash,
    log_index: event.logIndex,
    timestamp: rfc3339(event.blockTime),
  };
}
