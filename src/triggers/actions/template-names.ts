import { EVENT_FIELDS, FIELD_ALIASES } from '../../chain/events.ts';

/** What the stateful conditions of a trigger have to show: the names of `StateValues`. */
const STATE_NAMES: readonly string[] = ['ema', 'count', 'distinct_count', 'change'];

/** What may stand in `{{ }}` besides the fields of events; each stands for the value of the same name. */
const FLAT_NAMES: readonly string[] = ['event_id', 'trigger_id', 'trigger_name', 'delivery_id'];

const FIELDS: readonly (readonly [string, string])[] = [
  ...Object.keys(EVENT_FIELDS).map((name) => [name, name] as const),
  ...Object.entries(FIELD_ALIASES),
];

/**
 * Every name that a template may use, with the key of its value. The flat names and those with a path are two spellings
 * of the same values; `event` alone is the whole public form of the event, as JSON.
 */
export const TEMPLATE_NAMES: ReadonlyMap<string, string> = new Map([
  ...FIELDS,
  ...FLAT_NAMES.map((name) => [name, name] as const),
  ...FIELDS.map(([name, key]) => [`event.${name}`, key] as const),
  ['event', 'event'],
  ['event.id', 'event_id'],
  ['agent.id', 'agent_id'],
  ['agent.owner', 'owner'],
  ['agent.uri', 'agent_uri'],
  ['trigger.id', 'trigger_id'],
  ['trigger.name', 'trigger_name'],
  ['delivery.id', 'delivery_id'],
  ['delivery.kind', 'delivery.kind'],
  ['delivery.retracts', 'delivery.retracts'],
  ...STATE_NAMES.map((name) => [`state.${name}`, `state.${name}`] as const),
]);
