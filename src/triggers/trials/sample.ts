import {
  canonicalEventType,
  canonicalField,
  EVENT_FIELDS,
  EVENT_NAMES,
  EVENT_TYPES,
  type EventFields,
} from '../../chain/events.ts';
import { invalidField } from '../../kernel/errors.ts';
import type { EventRow } from '../actions/event-payload.ts';
import type { TriggerRow } from '../rules/store.ts';

type Fields = Readonly<Record<string, string | number | null>>;

/** Fields that say where an event stands, which are no part of what it says. */
const PLACE = new Set([
  'event_type',
  'chain_id',
  'registry',
  'block_number',
  'block_hash',
  'transaction_hash',
  'log_index',
  'timestamp',
]);

/** Where a made-up event stands, as far as it is not said. */
const NOWHERE = `0x${'00'.repeat(32)}`;
const LOCAL_CHAIN = 31_337;

/**
 * An event made up of fields under their public names.
 * @throws AppError `validation_failed` for a name that is none and for a value that is none of its field
 */
export function sampleEvent(fields: Fields, trigger: TriggerRow, now: Date): EventRow {
  const given = new Map<string, string | number | null>();
  for (const [name, value] of Object.entries(fields)) {
    const field = canonicalField(name);
    if (!field)
      throw invalidField(
        `event.${name}`,
        `is not a field of an event; there are ${Object.keys(EVENT_FIELDS).join(', ')}`,
      );
    given.set(field, value);
  }
  const own: EventFields = Object.fromEntries([...given].filter(([name]) => !PLACE.has(name)));
  const agentId = given.get('agent_id');
  return {
    id: 'evt_sample',
    chainId: number(given, 'chain_id') ?? trigger.chainId ?? LOCAL_CHAIN,
    registry: trigger.registry,
    eventType: eventType(given.get('event_type'), trigger),
    blockNumber: number(given, 'block_number') ?? 0,
    blockHash: text(given, 'block_hash') ?? NOWHERE,
    transactionHash: text(given, 'transaction_hash') ?? NOWHERE,
    logIndex: number(given, 'log_index') ?? 0,
    blockTime: moment(given.get('timestamp')) ?? now,
    agentId: agentId === undefined || agentId === null ? null : String(agentId),
    fields: own,
    status: 'confirmed',
  };
}

function eventType(value: string | number | null | undefined, { registry }: TriggerRow): string {
  if (value === undefined || value === null) return EVENT_TYPES[registry][0];
  const meaning = canonicalEventType(String(value));
  if (meaning) return meaning.eventType;
  throw invalidField('event.event_type', `must be one of ${EVENT_NAMES.join(', ')}`);
}

function number(given: ReadonlyMap<string, unknown>, name: string): number | undefined {
  const value = given.get(name);
  if (value === undefined || value === null) return undefined;
  const whole = Number(value);
  if (Number.isSafeInteger(whole) && whole >= 0) return whole;
  throw invalidField(`event.${name}`, 'must be a whole number');
}

function text(given: ReadonlyMap<string, unknown>, name: string): string | undefined {
  const value = given.get(name);
  return value === undefined || value === null ? undefined : String(value).toLowerCase();
}

/** RFC 3339, or seconds since 1970. */
function moment(value: string | number | null | undefined): Date | undefined {
  if (value === undefined || value === null) return undefined;
  const date = new Date(/^\d+$/.test(String(value)) ? Number(value) * 1_000 : String(value));
  if (!Number.isNaN(date.getTime())) return date;
  throw invalidField('event.timestamp', 'must be an RFC 3339 time, or seconds since 1970');
}
