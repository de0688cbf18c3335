import { compareDecimals, type Decimal, formatDecimal, parseDecimal } from '../../../kernel/decimal.ts';
import type { ConditionInput } from '../../matching/conditions.ts';
import { type Refusal, refuse } from '../../matching/predicate.ts';
import { decimalValue, numberIn, optionsOf, orderOf, scopeOf, spanOf } from '../input.ts';
import { type CompiledState, machine } from '../machine.ts';
import { endOf } from '../samples.ts';

const MAX_SAMPLES = 256;

type ChangeMemory = { samples: readonly (readonly [at: number, value: string])[] };

/**
 * `rate_of_change`: by how much the field has changed since the oldest value in the `time_window` that ends with this
 * event, compared with `value`: as a difference, or with `percent` in per cent of the older value. Holds for no event that is
 * the first in its window, and in per cent for none after a zero. Of more than 256 events in a window the newest count.
 */
export function rateOfChange(input: ConditionInput): CompiledState | Refusal {
  const options = optionsOf(input, ['time_window', 'percent', 'scope']);
  if (!options.ok) return options;
  const scope = scopeOf(input, 'agent');
  if (!scope.ok) return scope;
  const number = numberIn(input);
  if (!number.ok) return number;
  const span = spanOf(input, 'time_window');
  if (!span.ok) return span;
  const order = orderOf(input);
  if (!order.ok) return order;
  const threshold = decimalValue(input.value, 'value');
  if (!threshold.ok) return threshold;
  const percent = options.value['percent'] ?? false;
  if (typeof percent !== 'boolean') return refuse('config.percent', 'must be true or false');
  const state = machine<ChangeMemory>({
    kind: input.condition_type,
    scope: scope.value,
    onEvent(memory, event, at) {
      const value = number.value(event);
      const kept = (memory?.samples ?? []).filter(([time]) => time > at - span.value);
      if (!value) return { memory: { samples: kept }, holds: false };
      const samples = [...kept, [at, formatDecimal(value)] as const].slice(-MAX_SAMPLES);
      const oldest = kept.length === 0 ? undefined : parseDecimal(samples[0]?.[1] ?? '');
      const compared = oldest && compareChange(oldest, value, threshold.value, percent);
      const holds = compared !== undefined && order.value(compared);
      return { memory: { samples }, holds, values: { change: oldest ? formatDecimal(minus(value, oldest)) : null } };
    },
    endsAt: ({ samples }) =>
      endOf(
        samples.slice(-1).map(([at]) => at),
        span.value,
      ),
  });
  return { ok: true, state };
}

function minus(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { units: a.units * 10n ** BigInt(scale - a.scale) - b.units * 10n ** BigInt(scale - b.scale), scale };
}

const times = (a: Decimal, b: Decimal): Decimal => ({ units: a.units * b.units, scale: a.scale + b.scale });

/** Without a division, so that it is exact: change · 100 against threshold · |old|. */
function compareChange(oldest: Decimal, value: Decimal, threshold: Decimal, percent: boolean): number | undefined {
  const change = minus(value, oldest);
  if (!percent) return compareDecimals(change, threshold);
  if (oldest.units === 0n) return undefined;
  const base = { ...oldest, units: oldest.units < 0n ? -oldest.units : oldest.units };
  return compareDecimals(times(change, { units: 100n, scale: 0 }), times(threshold, base));
}
