import { compareDecimals, type Decimal, formatDecimal } from '../../../kernel/decimal.ts';
import type { ConditionInput } from '../../matching/conditions.ts';
import { type Refusal, refuse } from '../../matching/predicate.ts';
import { decimalValue, numberIn, optionsOf, orderOf, scopeOf } from '../input.ts';
import { type CompiledState, machine } from '../machine.ts';

/** Digits behind the point that the average is kept with. */
const SCALE = 18;

const MAX_WINDOW = 10_000;

type EmaMemory = { units: string; count: number };

/**
 * `ema_threshold`: the exponential moving average of a field of numbers, compared with `value`. With `window_size` N each
 * event moves it by 2/(N+1) of the way; the first sets it. Kept as a whole number of 10^-18, so that it is the same
 * wherever it is computed. Events without the field leave it as it is and do not count.
 */
export function ema(input: ConditionInput): CompiledState | Refusal {
  const options = optionsOf(input, ['window_size', 'scope']);
  if (!options.ok) return options;
  const scope = scopeOf(input, 'agent');
  if (!scope.ok) return scope;
  const number = numberIn({ ...input, field: input.field === 'ema' ? 'score' : input.field });
  if (!number.ok) return number;
  const order = orderOf(input);
  if (!order.ok) return order;
  const threshold = decimalValue(input.value, 'value');
  if (!threshold.ok) return threshold;
  const size = options.value['window_size'];
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 1 || size > MAX_WINDOW) {
    return refuse('config.window_size', `must be a whole number from 1 to ${MAX_WINDOW}`);
  }
  const state = machine<EmaMemory>({
    kind: 'ema_threshold',
    scope: scope.value,
    onEvent(memory, event) {
      const sample = number.value(event);
      const next = sample ? advance(memory, sample, BigInt(size)) : (memory ?? { units: '0', count: 0 });
      const average = { units: BigInt(next.units), scale: SCALE };
      const known = next.count > 0;
      return {
        memory: next,
        holds: sample !== undefined && order.value(compareDecimals(average, threshold.value)),
        values: { ema: known ? formatDecimal(average) : null },
      };
    },
  });
  return { ok: true, state };
}

function advance(memory: EmaMemory | undefined, { units, scale }: Decimal, size: bigint): EmaMemory {
  const sample = scale <= SCALE ? units * 10n ** BigInt(SCALE - scale) : units / 10n ** BigInt(scale - SCALE);
  if (!memory || memory.count === 0) return { units: String(sample), count: 1 };
  const before = BigInt(memory.units);
  return { units: String(before + ((sample - before) * 2n) / (size + 1n)), count: memory.count + 1 };
}
