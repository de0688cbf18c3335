import { EVENT_FIELDS, type EventField } from '../../chain/events.ts';
import { compareDecimals, type Decimal, formatDecimal } from '../../kernel/decimal.ts';
import { accessByRange } from './access.ts';
import type { Comparison } from './comparison.ts';
import { FIELD_KINDS } from './field-kinds.ts';
import { parseOperandList } from './operand-list.ts';
import { type CompiledComparison, type Predicate, type Refusal, refuse } from './predicate.ts';
import { textIn } from './text-in.ts';
import { refuseOrder, refuseSpan } from './whole-numbers.ts';

/** Whether a comparison of value and operand (negative, zero, positive) satisfies the operator. */
const ORDER = {
  gt: (order: number) => order > 0,
  gte: (order: number) => order >= 0,
  lt: (order: number) => order < 0,
  lte: (order: number) => order <= 0,
};

interface OrderComparison extends Comparison {
  readonly operator: keyof typeof ORDER;
}

/** Compiles a comparison of a number or a time by its order. */
export function compileOrder({ field, operator, value }: OrderComparison): CompiledComparison {
  const operand = numberOf(field, value);
  if (!operand) return refuseOperand(field);
  const refusal = refuseOrder(field, operator, operand);
  if (refusal) return refusal;
  const bound = approximate(operand);
  const isFrom = operator === 'gt' || operator === 'gte';
  const access = accessByRange(isFrom ? { field, from: bound } : { field, to: bound });
  return { ok: true, predicate: orderedBy(field, ORDER[operator], operand), ...(access && { access }) };
}

/** Compiles `between`: two operands, both of which are within. */
export function compileBetween({ field, value }: Comparison): CompiledComparison {
  const operands = parseOperandList(value);
  const [first, second, ...more] = operands.ok ? operands.items : [];
  if (first === undefined || second === undefined || more.length > 0) {
    return refuse('value', 'must list two items, the lower and the upper end, such as 10,20 or ["10","20"]');
  }
  const [low, high] = [numberOf(field, first), numberOf(field, second)];
  if (!low || !high) return refuseOperand(field);
  const refusal = refuseSpan(field, low, high);
  if (refusal) return refusal;
  const [fromLow, toHigh] = [orderedBy(field, ORDER.gte, low), orderedBy(field, ORDER.lte, high)];
  const access = accessByRange({ field, from: approximate(low), to: approximate(high) });
  return { ok: true, predicate: (event) => fromLow(event) && toHigh(event), ...(access && { access }) };
}

const numberOf = (field: EventField, text: string) => FIELD_KINDS[EVENT_FIELDS[field]].number?.(text);

const refuseOperand = (field: EventField): Refusal =>
  refuse('value', `"${field}" is compared with ${FIELD_KINDS[EVENT_FIELDS[field]].expects}`);

/** The nearest double. Rounding keeps the order of numbers, so what an index finds by it is never too little. */
const approximate = (operand: Decimal) => Number(formatDecimal(operand));

/**
 * Numbers of at most 15 digits. Each has a double of its own, and rounding keeps their order (IEEE 754, DBL_DIG), so that
 * doubles compare them exactly.
 */
const SHORT = /^-?(?=[\d.]{1,16}$)\d{1,15}(?:\.\d+)?$/;

/** Holds when the event has a number in the field whose order to the operand does. Exact at any size. */
function orderedBy(field: EventField, holds: (order: number) => boolean, operand: Decimal): Predicate {
  const text = formatDecimal(operand);
  const short = SHORT.test(text) && EVENT_FIELDS[field] !== 'timestamp' ? Number(text) : undefined;
  return (event) => {
    const actual = textIn(event, field);
    if (actual === undefined) return false;
    if (short !== undefined && SHORT.test(actual)) return holds(Number(actual) - short);
    const exact = numberOf(field, actual);
    return exact !== undefined && holds(compareDecimals(exact, operand));
  };
}
