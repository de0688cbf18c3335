import { canonicalField, EVENT_FIELDS, type EventField, type Registry } from '../../chain/events.ts';
import { type Decimal, parseDecimal } from '../../kernel/decimal.ts';
import { compileComparison } from '../matching/comparison.ts';
import type { ConditionInput } from '../matching/conditions.ts';
import type { MatchableEvent } from '../matching/event.ts';
import { OPERATOR_LIST, type Operator, operatorOf } from '../matching/field-kinds.ts';
import { type CompiledPredicate, type Refusal, refuse } from '../matching/predicate.ts';
import type { Scope } from './machine.ts';

/** What a reader of a condition finds out, or why it cannot be. */
export type Read<T> = { readonly ok: true; readonly value: T } | Refusal;

const found = <T>(value: T): Read<T> => ({ ok: true, value });

/** Whether the options of a condition are among those that its kind has. */
export function optionsOf(input: ConditionInput, names: readonly string[]): Read<Readonly<Record<string, unknown>>> {
  const config = input.config ?? {};
  const unknown = Object.keys(config).find((name) => !names.includes(name));
  if (unknown === undefined) return found(config);
  return refuse(`config.${unknown}`, `is not an option of ${input.condition_type}; there are ${names.join(', ')}`);
}

export function scopeOf({ config }: ConditionInput, otherwise: Scope): Read<Scope> {
  const scope = config?.['scope'] ?? otherwise;
  return scope === 'agent' || scope === 'trigger' ? found(scope) : refuse('config.scope', 'must be agent or trigger');
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
const LONGEST = 30 * 86_400;

/** A span such as `90s`, `10m`, `1h` or `7d`, in seconds. */
export function spanOf({ config }: ConditionInput, name: string): Read<number> {
  const text = config?.[name];
  const [, digits, unit = ''] = typeof text === 'string' ? (/^(\d{1,7})([smhd])$/.exec(text) ?? []) : [];
  const seconds = Number(digits) * (UNITS[unit] ?? Number.NaN);
  if (seconds >= 1 && seconds <= LONGEST) return found(seconds);
  return refuse(`config.${name}`, 'must be a span such as 90s, 10m, 1h or 7d, of a second to 30 days');
}

/** A whole number in the condition's value. */
export function wholeValue({ value }: ConditionInput, least: number, most: number): Read<number> {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  return number >= least && number <= most
    ? found(number)
    : refuse('value', `must be a whole number from ${least} to ${most}`);
}

export function decimalValue(text: unknown, path: string): Read<Decimal> {
  const value =
    typeof text === 'number' ? parseDecimal(String(text)) : typeof text === 'string' ? parseDecimal(text) : undefined;
  return value ? found(value) : refuse(path, 'must be a plain decimal number such as -3.2');
}

const ORDERS = {
  equals: (order: number) => order === 0,
  not_equals: (order: number) => order !== 0,
  gt: (order: number) => order > 0,
  gte: (order: number) => order >= 0,
  lt: (order: number) => order < 0,
  lte: (order: number) => order <= 0,
} as const;

type OrderOperator = keyof typeof ORDERS;

const isOrder = (operator: Operator | undefined): operator is OrderOperator =>
  operator !== undefined && operator in ORDERS;

/** Whether a comparison (negative, zero, positive) satisfies the condition's operator. */
export function orderOf(
  { operator }: ConditionInput,
  allowed: readonly OrderOperator[] = Object.keys(ORDERS) as OrderOperator[],
): Read<(order: number) => boolean> {
  const named = operatorOf(operator);
  if (isOrder(named) && allowed.includes(named)) return found(ORDERS[named]);
  return refuse('operator', named ? `must be one of ${allowed.join(', ')}` : `must be one of ${OPERATOR_LIST}`);
}

/** The number that an event has in the condition's field; the field must be one of numbers. */
export function numberIn({ field: name }: ConditionInput): Read<(event: MatchableEvent) => Decimal | undefined> {
  const field = canonicalField(name);
  const kind = field && EVENT_FIELDS[field];
  if (!field || (kind !== 'integer' && kind !== 'decimal')) {
    return refuse('field', `"${name}" is not a field of numbers, such as score, value or response`);
  }
  return found((event) => {
    const text = textIn(event, field);
    return text === undefined ? undefined : parseDecimal(text);
  });
}

/** Any field of an event, as text; `undefined` where the event has no such field. */
export function fieldIn({ field: name }: ConditionInput): Read<(event: MatchableEvent) => string | undefined> {
  const field = canonicalField(name);
  return field ? found((event) => textIn(event, field)) : refuse('field', `"${name}" is not a field of an event`);
}

function textIn(event: MatchableEvent, field: EventField): string | undefined {
  const value = event.fields[field];
  return value === undefined || value === null ? undefined : String(value);
}

/** The comparison of the condition's field, operator and value. */
export function comparisonIn(input: ConditionInput, registry: Registry | undefined): Read<CompiledPredicate> {
  const field = canonicalField(input.field);
  if (!field) return refuse('field', `"${input.field}" is not a field of an event`);
  const operator = operatorOf(input.operator);
  if (!operator) return refuse('operator', `must be one of ${OPERATOR_LIST}`);
  const compiled = compileComparison({ field, operator, value: input.value, caseSensitive: true }, registry);
  return compiled.ok ? found(compiled) : compiled;
}
