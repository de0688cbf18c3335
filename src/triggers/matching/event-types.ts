import {
  canonicalEventType,
  EVENT_NAMES,
  EVENT_TYPES,
  type EventTypeMeaning,
  type Registry,
} from '../../chain/events.ts';
import { accessByTerms } from './access.ts';
import type { MatchableEvent } from './event.ts';
import { type CompiledComparison, type Predicate, type Refusal, refuse } from './predicate.ts';

/**
 * Holds when the event is of any of the named types. Names are the contracts' own and their aliases, so that
 * `AgentMinted` finds `Registered`; one that no event of the registry bears is refused, since it could never hold.
 */
export function compileEventTypes(
  names: readonly string[],
  caseSensitive: boolean,
  registry: Registry | undefined,
): CompiledComparison {
  const meanings: EventTypeMeaning[] = [];
  for (const name of names) {
    const meaning = canonicalEventType(caseSensitive ? name : (SPELLINGS.get(name.toLowerCase()) ?? name));
    if (!meaning || !isEmittedBy(registry, meaning)) return refuseType(registry);
    meanings.push(meaning);
  }
  const keys = [...new Set(meanings.map(({ eventType }) => eventType.toLowerCase()))];
  const access = accessByTerms('event_type', keys);
  const [first, ...others] = meanings.map(isA);
  const predicate: Predicate =
    first && others.length === 0 ? first : (event) => first?.(event) || others.some((holds) => holds(event));
  return { ok: true, predicate, ...(access && { access }) };
}

const isA =
  ({ eventType, onlyTo }: EventTypeMeaning) =>
  ({ fields }: MatchableEvent): boolean =>
    fields['event_type'] === eventType && (onlyTo === undefined || fields['to'] === onlyTo);

const SPELLINGS = new Map(EVENT_NAMES.map((name) => [name.toLowerCase(), name]));

const isEmittedBy = (registry: Registry | undefined, { eventType }: EventTypeMeaning) =>
  registry === undefined || EVENT_TYPES[registry].some((emitted) => emitted === eventType);

/** Whether an event of the registry can have a type of which `holds` says so. */
export const someTypeOf = (registry: Registry | undefined, holds: (type: string) => boolean): boolean =>
  (registry ? EVENT_TYPES[registry] : Object.values(EVENT_TYPES).flat()).some(holds);

export function refuseType(registry: Registry | undefined): Refusal {
  const names = EVENT_NAMES.filter((name) => {
    const meaning = canonicalEventType(name);
    return meaning && isEmittedBy(registry, meaning);
  });
  const whose = registry ? `the ${registry} registry` : 'the registries';
  return refuse('value', `must be an event of ${whose}: ${names.join(', ')}`);
}
