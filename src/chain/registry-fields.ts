import { FIELD_OF_ARGUMENT } from './decode.ts';
import { EVENT_TYPES, type EventField, type EventType, type Registry } from './events.ts';

/** Where an event stands, which every event has. */
const PLACE: readonly EventField[] = [
  'event_type',
  'chain_id',
  'registry',
  'block_number',
  'block_hash',
  'transaction_hash',
  'log_index',
  'timestamp',
];

/** `score` is made of two arguments. */
const fieldsOf = (eventType: EventType): EventField[] => [
  ...Object.values(FIELD_OF_ARGUMENT[eventType]),
  ...(eventType === 'NewFeedback' ? (['score'] as const) : []),
];

const all = (registry: Registry): ReadonlySet<EventField> =>
  new Set([...PLACE, ...EVENT_TYPES[registry].flatMap(fieldsOf)]);

/** The fields that some event of the registry has. */
export const FIELDS_OF_REGISTRY: Readonly<Record<Registry, ReadonlySet<EventField>>> = {
  identity: all('identity'),
  reputation: all('reputation'),
  validation: all('validation'),
};
