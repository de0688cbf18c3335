import { compareDecimals } from '../../../kernel/decimal.ts';
import type { ConditionInput } from '../../matching/conditions.ts';
import { type Refusal, refuse } from '../../matching/predicate.ts';
import { decimalValue, numberIn, optionsOf, orderOf, scopeOf } from '../input.ts';
import { type CompiledState, machine } from '../machine.ts';

type CrossingMemory = { set: boolean };

/**
 * `threshold_crossing`: holds for the event whose value passes the level `value`, and not again before one has come back
 * past the level `clear` (which is `value` where it is not given). So a value that trembles around a level tells once.
 */
export function crossing(input: ConditionInput): CompiledState | Refusal {
  const options = optionsOf(input, ['clear', 'scope']);
  if (!options.ok) return options;
  const scope = scopeOf(input, 'agent');
  if (!scope.ok) return scope;
  const number = numberIn(input);
  if (!number.ok) return number;
  const order = orderOf(input, ['gt', 'gte', 'lt', 'lte']);
  if (!order.ok) return order;
  const level = decimalValue(input.value, 'value');
  if (!level.ok) return level;
  const clear = decimalValue(options.value['clear'] ?? input.value, 'config.clear');
  if (!clear.ok) return clear;
  const rises = order.value(1);
  const gap = compareDecimals(level.value, clear.value);
  if (rises ? gap < 0 : gap > 0) return refuse('config.clear', `must not be ${rises ? 'above' : 'below'} the value`);
  const state = machine<CrossingMemory>({
    kind: input.condition_type,
    scope: scope.value,
    onEvent(memory, event) {
      const value = number.value(event);
      const before = memory?.set ?? false;
      if (!value) return { memory: { set: before }, holds: false };
      const passed = order.value(compareDecimals(value, level.value));
      const cleared = !order.value(compareDecimals(value, clear.value));
      return { memory: { set: before ? !cleared : passed }, holds: passed && !before };
    },
    endsAt: ({ set }) => (set ? undefined : 0),
  });
  return { ok: true, state };
}
