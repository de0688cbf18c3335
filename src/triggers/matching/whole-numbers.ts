import type { EventField } from '../../chain/events.ts';
import { compareDecimals, type Decimal, formatDecimal } from '../../kernel/decimal.ts';
import { type Refusal, refuse } from './predicate.ts';

/** What whole numbers a field can have, as far as anything is known about them. */
interface Bounds {
  readonly least: bigint;
  readonly most: bigint;
}

const unsigned = (bits: bigint): Bounds => ({ least: 0n, most: 2n ** bits - 1n });

/** Types by the registries' ABI; `response` is 0 to 100 and decimals are 0 to 18 by EIP-8004. */
const BOUNDS: Partial<Record<EventField, Bounds>> = {
  chain_id: unsigned(53n),
  block_number: unsigned(53n),
  log_index: unsigned(53n),
  agent_id: unsigned(256n),
  feedback_index: unsigned(64n),
  value: { least: -(2n ** 127n), most: 2n ** 127n - 1n },
  value_decimals: { least: 0n, most: 18n },
  response: { least: 0n, most: 100n },
};

const SMALL = 1_000n;

/** `agent_id is a whole number, 0 or more`. */
function nature(field: EventField, { least, most }: Bounds): string {
  const span = least < 0n ? '' : most < SMALL ? `, ${least} to ${most}` : `, ${least} or more`;
  return `${field} is a whole number${span}`;
}

const decimal = (units: bigint): Decimal => ({ units, scale: 0 });

/** Where an order comparison with the operand would hold for no number in the bounds. */
const NEVER = {
  gt: (operand: Decimal, { most }: Bounds) => compareDecimals(operand, decimal(most)) >= 0,
  gte: (operand: Decimal, { most }: Bounds) => compareDecimals(operand, decimal(most)) > 0,
  lt: (operand: Decimal, { least }: Bounds) => compareDecimals(operand, decimal(least)) <= 0,
  lte: (operand: Decimal, { least }: Bounds) => compareDecimals(operand, decimal(least)) < 0,
};

/** Why no event has a number in the field that compares so with the operand; nothing where one may. */
export function refuseOrder(field: EventField, operator: keyof typeof NEVER, operand: Decimal): Refusal | undefined {
  const bounds = BOUNDS[field];
  if (!bounds || !NEVER[operator](operand, bounds)) return undefined;
  return refuse('value', `${nature(field, bounds)}, so ${operator} ${formatDecimal(operand)} never holds`);
}

/** Why no event has exactly this number in the field; nothing where one may. */
export function refuseNumber(field: EventField, operand: Decimal): Refusal | undefined {
  const bounds = BOUNDS[field];
  if (!bounds) return undefined;
  const outside = NEVER.gte(operand, bounds) || NEVER.lte(operand, bounds);
  if (!outside && !formatDecimal(operand).includes('.')) return undefined;
  const tooLarge = outside && operand.units > 0n && bounds.most >= SMALL;
  return refuse('value', tooLarge ? `${field} is never larger than ${bounds.most}` : nature(field, bounds));
}

/** Why nothing is between the two; nothing where something is. */
export function refuseSpan(field: EventField, low: Decimal, high: Decimal): Refusal | undefined {
  if (compareDecimals(low, high) > 0) {
    return refuse(
      'value',
      `nothing is between ${formatDecimal(low)} and ${formatDecimal(high)}: the lower comes first`,
    );
  }
  const refusal = refuseOrder(field, 'gte', low) ?? refuseOrder(field, 'lte', high);
  if (refusal || !BOUNDS[field] || ceiling(low) <= floor(high)) return refusal;
  return refuse(
    'value',
    `${nature(field, BOUNDS[field])}, and none is between ${formatDecimal(low)} and ${formatDecimal(high)}`,
  );
}

const floor = ({ units, scale }: Decimal): bigint => {
  const one = 10n ** BigInt(scale);
  return units / one - (units % one < 0n ? 1n : 0n);
};

const ceiling = ({ units, scale }: Decimal): bigint => -floor({ units: -units, scale });
