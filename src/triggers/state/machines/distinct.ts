import type { ConditionInput } from '../../matching/conditions.ts';
import type { Refusal } from '../../matching/predicate.ts';
import { fieldIn, optionsOf, orderOf, scopeOf, spanOf, wholeValue } from '../input.ts';
import { type CompiledState, machine } from '../machine.ts';
import { endOf } from '../samples.ts';
import { shortText } from '../short-text.ts';

const MAX_DISTINCT = 200;

type DistinctMemory = { seen: readonly (readonly [value: string, lastAt: number])[] };

/**
 * `distinct_count`: how many different values the field had in the `time_window` that ends with this event, compared with
 * `value`. The `value` + 1 values seen last are kept: whatever is dropped has left the window before they have.
 */
export function distinct(input: ConditionInput): CompiledState | Refusal {
  const options = optionsOf(input, ['time_window', 'scope']);
  if (!options.ok) return options;
  const scope = scopeOf(input, 'agent');
  if (!scope.ok) return scope;
  const field = fieldIn(input);
  if (!field.ok) return field;
  const span = spanOf(input, 'time_window');
  if (!span.ok) return span;
  const order = orderOf(input);
  if (!order.ok) return order;
  const threshold = wholeValue(input, 0, MAX_DISTINCT);
  if (!threshold.ok) return threshold;
  const state = machine<DistinctMemory>({
    kind: input.condition_type,
    scope: scope.value,
    onEvent(memory, event, at) {
      const text = field.value(event);
      const value = text === undefined ? undefined : shortText(text);
      const others = (memory?.seen ?? []).filter(([seen, lastAt]) => seen !== value && lastAt > at - span.value);
      const seen = value === undefined ? others : [...others, [value, at] as const].slice(-(threshold.value + 1));
      const holds = value !== undefined && order.value(seen.length - threshold.value);
      return { memory: { seen }, holds, values: { distinct_count: seen.length } };
    },
    endsAt: ({ seen }) =>
      endOf(
        seen.slice(-1).map(([, lastAt]) => lastAt),
        span.value,
      ),
  });
  return { ok: true, state };
}
