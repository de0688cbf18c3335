import { type AbiEvent, type AbiParameter, decodeEventLog, type Hex, hexToBytes } from 'viem';
import { formatDecimal } from '../kernel/decimal.ts';
import { EVENT_BY_SELECTOR } from './abi.ts';
import type { EventField, EventFields, EventType, Registry } from './events.ts';

/** The part of a log that says what happened: lower-case or mixed-case hex. */
export interface LogBody {
  topics: readonly string[];
  data: string;
}

export type DecodedLog =
  | { ok: true; registry: Registry; eventType: EventType; agentId: string | null; fields: EventFields }
  | { ok: false; reason: string };

/**
 * Which argument fills which field. An argument that is not listed says nothing of its own: the indexed hash of a
 * string that the event also carries whole, or the token ids of ERC-4906's batch form, for which there is no field.
 */
export const FIELD_OF_ARGUMENT: Readonly<Record<EventType, Readonly<Record<string, EventField>>>> = {
  Registered: { agentId: 'agent_id', agentURI: 'agent_uri', owner: 'owner' },
  MetadataSet: { agentId: 'agent_id', metadataKey: 'metadata_key', metadataValue: 'metadata_value' },
  URIUpdated: { agentId: 'agent_id', newURI: 'agent_uri', updatedBy: 'from' },
  Transfer: { tokenId: 'agent_id', from: 'from', to: 'to' },
  Approval: { tokenId: 'agent_id', owner: 'owner', approved: 'to' },
  ApprovalForAll: { owner: 'owner', operator: 'to', approved: 'value' },
  MetadataUpdate: { _tokenId: 'agent_id' },
  BatchMetadataUpdate: {},
  NewFeedback: {
    agentId: 'agent_id',
    clientAddress: 'client_address',
    feedbackIndex: 'feedback_index',
    value: 'value',
    valueDecimals: 'value_decimals',
    tag1: 'tag1',
    tag2: 'tag2',
    endpoint: 'endpoint',
    feedbackURI: 'feedback_uri',
    feedbackHash: 'feedback_hash',
  },
  FeedbackRevoked: { agentId: 'agent_id', clientAddress: 'client_address', feedbackIndex: 'feedback_index' },
  ResponseAppended: {
    agentId: 'agent_id',
    clientAddress: 'client_address',
    feedbackIndex: 'feedback_index',
    responder: 'responder',
    responseURI: 'response_uri',
    responseHash: 'response_hash',
  },
  ValidationRequest: {
    validatorAddress: 'validator_address',
    agentId: 'agent_id',
    requestURI: 'request_uri',
    requestHash: 'request_hash',
  },
  ValidationResponse: {
    validatorAddress: 'validator_address',
    agentId: 'agent_id',
    requestHash: 'request_hash',
    response: 'response',
    responseURI: 'response_uri',
    responseHash: 'response_hash',
    tag: 'validation_tag',
  },
  Upgraded: { implementation: 'to' },
  Initialized: { version: 'value' },
  OwnershipTransferred: { previousOwner: 'from', newOwner: 'to' },
};

/**
 * How much of a text is kept, in bytes of UTF-8 as JSON writes it. The ABI has no bound, and one transaction of a layer 2
 * carries hundreds of kilobytes: an event that is held, matched and sent many times over must not. Control characters
 * count as JSON escapes them, since they would otherwise be six times as long when they are sent.
 */
const MAX_TEXT_BYTES = 16 * 1024;

/** Reads a log of a registry. Whatever the log holds, the answer is a value: nothing is thrown. */
export function decodeLog(registry: Registry, log: LogBody): DecodedLog {
  const selector = log.topics[0]?.toLowerCase();
  if (selector === undefined) return { ok: false, reason: 'the log has no topic' };
  const event = EVENT_BY_SELECTOR[registry].get(selector);
  if (!event)
    return { ok: false, reason: `no event of the ${registry} registry has the topic ${selector.slice(0, 66)}` };
  try {
    return read(registry, event, { topics: log.topics.map((topic) => topic.toLowerCase()), data: log.data });
  } catch (error) {
    // The library's messages repeat the log, which is kept whole elsewhere and may be megabytes long.
    const kind = error instanceof MalformedLog ? error.message : error instanceof Error ? error.name : 'unknown error';
    return { ok: false, reason: `${event.name} does not fit its ABI: ${kind}` };
  }
}

/** A value that the ABI decoder lets through although no contract compiled from this ABI can emit it. */
class MalformedLog extends Error {}

function read(registry: Registry, event: AbiEvent, { topics, data }: LogBody): DecodedLog {
  const indexed = event.inputs.filter((input) => input.indexed).length;
  if (topics.length !== indexed + 1) throw new MalformedLog(`expected ${indexed + 1} topics, got ${topics.length}`);
  // Both casts only name the strings hex: the decoder rejects what is not.
  const { args } = decodeEventLog({ abi: [event], topics: topics as [Hex, ...Hex[]], data: data as Hex });
  const values: Readonly<Record<string, unknown>> = { ...args };
  const eventType = event.name as EventType;
  const fields: EventFields = {};
  for (const input of event.inputs) {
    const name = input.name ?? '';
    const field = FIELD_OF_ARGUMENT[eventType][name];
    if (field) fields[field] = fieldValue(input, values[name]);
  }
  if (eventType === 'NewFeedback') fields['score'] = scoreOf(fields);
  if (eventType === 'MetadataSet') {
    fields['metadata_value'] = metadataText(String(fields['metadata_key']), String(fields['metadata_value']));
  }
  for (const [name, value] of Object.entries(fields)) if (typeof value === 'string') fields[name] = clip(value);
  const agentId = fields['agent_id'];
  return { ok: true, registry, eventType, agentId: agentId === undefined ? null : String(agentId), fields };
}

function fieldValue({ type }: AbiParameter, value: unknown): string | number {
  switch (typeof value) {
    case 'bigint':
      if (!fits(type, value)) throw new MalformedLog(`a value does not fit ${type}`);
      return value.toString();
    case 'number':
      if (!Number.isSafeInteger(value) || !fits(type, BigInt(value))) {
        throw new MalformedLog(`a value does not fit ${type}`);
      }
      return value;
    case 'boolean':
      return value ? '1' : '0';
    case 'string':
      return type === 'string' ? storable(value) : value.toLowerCase();
    default:
      throw new MalformedLog(`an argument of type ${type} is missing`);
  }
}

/** The ABI decoder reads whole words and does not look whether the value is within its type. */
function fits(type: string, value: bigint): boolean {
  const [, unsigned, bits = '256'] = /^(u?)int(\d*)$/.exec(type) ?? [];
  const width = Number(bits || '256');
  return (unsigned ? BigInt.asUintN(width, value) : BigInt.asIntN(width, value)) === value;
}

/** PostgreSQL's `text` and `jsonb` cannot hold NUL. */
const storable = (text: string) => text.replaceAll('\u0000', '\ufffd');

/** As much of the text as may be kept, in whole code points; the log's own bytes are kept beside the fields. */
function clip(text: string): string {
  if (text.length * MOST_BYTES_OF_UNIT <= MAX_TEXT_BYTES) return text;
  let [bytes, end] = [0, 0];
  for (const character of text) {
    bytes += jsonBytes(character.codePointAt(0) ?? 0);
    if (bytes > MAX_TEXT_BYTES) return text.slice(0, end);
    end += character.length;
  }
  return text;
}

const MOST_BYTES_OF_UNIT = 6;

/** At most what a code point takes within a JSON text (RFC 8259 §7) in UTF-8. */
function jsonBytes(codePoint: number): number {
  if (codePoint < 0x20) return MOST_BYTES_OF_UNIT;
  if (codePoint === 0x22 || codePoint === 0x5c) return 2;
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x1_0000 ? 3 : 4;
}

const scoreOf = (fields: EventFields) =>
  formatDecimal({ units: BigInt(fields['value'] ?? 0), scale: Number(fields['value_decimals']) });

const CONTROL = /[^\P{Cc}\t\n\r]/u;
const ADDRESS_BYTES = 20;

/** `agentWallet` is a packed address by the standard; any other value is free bytes, shown as text where it is text. */
function metadataText(key: string, hex: string): string {
  const bytes = hexToBytes(hex as Hex);
  if (key === 'agentWallet' && bytes.length === ADDRESS_BYTES) return hex;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return CONTROL.test(text) ? hex : text;
  } catch {
    return hex;
  }
}
