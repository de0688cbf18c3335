import type { EventField } from '../../chain/events.ts';
import type { MatchableEvent } from './event.ts';

/** What the event says in the field, as text; `undefined` where it has no such field. */
export function textIn(event: MatchableEvent, field: EventField): string | undefined {
  const value = event.fields[field];
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? undefined : String(value);
}
