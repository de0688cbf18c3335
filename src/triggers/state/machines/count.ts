import type { ConditionInput } from '../../matching/conditions.ts';
import type { Refusal } from '../../matching/predicate.ts';
import { refuse } from '../../matching/predicate.ts';
import { optionsOf, orderOf, scopeOf, spanOf, wholeValue } from '../input.ts';
import { type CompiledState, machine } from '../machine.ts';
import { endOf, newest, within } from '../samples.ts';

const MAX_COUNT = 1_000;

type CountMemory = { times: readonly number[] };

/**
 * `rate_limit` (the ancestor's name) and `count`: how many events there were in the `time_window` that ends with this one,
 * this one included, compared with `value`. With `reset_on_trigger` the count begins anew when the trigger fires. No more
 * than `value` + 1 of the newest are kept, which is all that the comparison can tell apart.
 */
export function count(input: ConditionInput): CompiledState | Refusal {
  const options = optionsOf(input, ['time_window', 'reset_on_trigger', 'scope']);
  if (!options.ok) return options;
  const scope = scopeOf(input, 'agent');
  if (!scope.ok) return scope;
  const span = spanOf(input, 'time_window');
  if (!span.ok) return span;
  const order = orderOf(input);
  if (!order.ok) return order;
  const threshold = wholeValue(input, 0, MAX_COUNT);
  if (!threshold.ok) return threshold;
  const reset = options.value['reset_on_trigger'] ?? false;
  if (typeof reset !== 'boolean') return refuse('config.reset_on_trigger', 'must be true or false');
  const state = machine<CountMemory>({
    kind: input.condition_type,
    scope: scope.value,
    onEvent(memory, _, at) {
      const times = newest([...within(memory?.times ?? [], at, span.value), at], threshold.value + 1);
      return { memory: { times }, holds: order.value(times.length - threshold.value), values: { count: times.length } };
    },
    endsAt: ({ times }) => endOf(times, span.value),
    ...(reset && { onFire: () => ({ times: [] }) }),
  });
  return { ok: true, state };
}
