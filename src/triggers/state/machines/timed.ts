import type { Registry } from '../../../chain/events.ts';
import type { ConditionInput } from '../../matching/conditions.ts';
import type { Predicate, Refusal } from '../../matching/predicate.ts';
import { comparisonIn, optionsOf, scopeOf, spanOf } from '../input.ts';
import { type CompiledState, machine, type Scope, type StateMachine } from '../machine.ts';

type TimedMemory = { since: number | null; told: boolean };

/**
 * `absence`: holds when no event has come for the `time_window` since the last one, once for each silence. It begins with
 * the first event: nobody is missed who was never there.
 */
export function absence(input: ConditionInput): CompiledState | Refusal {
  const options = optionsOf(input, ['time_window', 'scope']);
  if (!options.ok) return options;
  const scope = scopeOf(input, 'agent');
  if (!scope.ok) return scope;
  const span = spanOf(input, 'time_window');
  if (!span.ok) return span;
  return { ok: true, state: timed(input, scope.value, span.value, () => true, true) };
}

/**
 * `sustained`: holds when field, operator and value have held for the span `for`, without an event in between for which they
 * did not, once for each such time. Events without the field end it.
 */
export function sustained(input: ConditionInput, registry: Registry | undefined): CompiledState | Refusal {
  const options = optionsOf(input, ['for', 'scope']);
  if (!options.ok) return options;
  const scope = scopeOf(input, 'agent');
  if (!scope.ok) return scope;
  const span = spanOf(input, 'for');
  if (!span.ok) return span;
  const holds = comparisonIn(input, registry);
  if (!holds.ok) return holds;
  const state = timed(input, scope.value, span.value, holds.value.predicate, false);
  return { ok: true, state, ...(holds.value.weight && { weight: holds.value.weight }) };
}

function timed(
  { condition_type }: ConditionInput,
  scope: Scope,
  span: number,
  begins: Predicate,
  anew: boolean,
): StateMachine {
  return machine<TimedMemory>({
    kind: condition_type,
    scope,
    onEvent(memory, event, at) {
      if (!begins(event)) return { memory: { since: null, told: false }, holds: false };
      const goesOn = !anew && memory !== undefined && memory.since !== null;
      return goesOn ? { memory, holds: false } : { memory: { since: at, told: false }, holds: false, anchors: true };
    },
    dueAt: ({ since, told }) => (since === null || told ? undefined : since + span),
    // One that has told goes on until an event ends it, unless every event begins it anew.
    endsAt: ({ since, told }) => (since === null || (told && anew) ? 0 : undefined),
    onTime: (memory) => ({ memory: { since: memory?.since ?? null, told: true }, holds: true }),
  });
}
