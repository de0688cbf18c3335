import type { ConditionInput } from '../../matching/conditions.ts';
import type { Refusal } from '../../matching/predicate.ts';
import { fieldIn, optionsOf, scopeOf } from '../input.ts';
import { type CompiledState, machine } from '../machine.ts';
import { shortText } from '../short-text.ts';

/** `null`: the event before had no such field. */
type ChangedMemory = { last: string | null };

/** The operator `changed`: the field is another than it was at the event before. The first event has nothing before it. */
export function changed(input: ConditionInput): CompiledState | Refusal {
  const options = optionsOf(input, ['scope']);
  if (!options.ok) return options;
  const scope = scopeOf(input, 'agent');
  if (!scope.ok) return scope;
  const field = fieldIn(input);
  if (!field.ok) return field;
  const state = machine<ChangedMemory>({
    kind: 'changed',
    scope: scope.value,
    onEvent(memory, event) {
      const text = field.value(event);
      const last = text === undefined ? null : shortText(text);
      return { memory: { last }, holds: memory !== undefined && memory.last !== last };
    },
  });
  return { ok: true, state };
}
