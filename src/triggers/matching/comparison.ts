import { EVENT_FIELDS, type EventField, type FieldKind, type Registry } from '../../chain/events.ts';
import { compareDecimals, type Decimal } from '../../kernel/decimal.ts';
import type { MatchableEvent } from './event.ts';
import { compileEventTypes } from './event-types.ts';
import { FIELD_KINDS, type Operator } from './field-kinds.ts';
import { parseOperandList } from './operand-list.ts';
import { type AccessField, type CompiledCondition, type Predicate, refuse } from './predicate.ts';

/** A field of the public contract, under its own name, compared with a literal. */
export interface Comparison {
  readonly field: EventField;
  readonly operator: Operator;
  readonly value: string;
  readonly caseSensitive: boolean;
}

/** Compiles a comparison, or says why its operator or value does not fit the field. */
export function compileComparison(comparison: Comparison, registry: Registry | undefined): CompiledCondition {
  const { field, operator, value } = comparison;
  const kind = EVENT_FIELDS[field];
  const { operators } = FIELD_KINDS[kind];
  if (!operators.includes(operator)) {
    return refuse('operator', `${operator} does not apply to "${field}" (${kind}); use one of ${operators.join(', ')}`);
  }
  switch (operator) {
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return compileOrder(comparison, kind, ORDER[operator]);
    case 'contains':
    case 'starts_with':
      return compilePart(comparison, kind, PART[operator]);
    case 'in': {
      const operands = parseOperandList(value);
      return operands.ok ? compileEquality(comparison, operands.items, registry) : refuse('value', operands.message);
    }
    case 'equals':
      return compileEquality(comparison, [value], registry);
    case 'not_equals': {
      const equal = compileEquality(comparison, [value], registry);
      return equal.ok ? { ok: true, predicate: (event) => !equal.predicate(event) } : equal;
    }
  }
}

/** The spelling under which an index finds the event's value of the field, if the event has one. */
export function accessKeyOf(field: AccessField, event: MatchableEvent): string | undefined {
  const text = textOf(event, field);
  return text === undefined ? undefined : FIELD_KINDS[EVENT_FIELDS[field]].canonical(text, true);
}

/** What the event says in the field, as text; `undefined` where it has no such field. */
function textOf(event: MatchableEvent, field: EventField): string | undefined {
  const value = event.fields[field];
  return value === undefined || value === null ? undefined : String(value);
}

/** Whether a comparison of value and operand (negative, zero, positive) satisfies the operator. */
const ORDER = {
  gt: (order: number) => order > 0,
  gte: (order: number) => order >= 0,
  lt: (order: number) => order < 0,
  lte: (order: number) => order <= 0,
};

function compileOrder(
  { field, value }: Comparison,
  kind: FieldKind,
  holds: (order: number) => boolean,
): CompiledCondition {
  const { number, expects } = FIELD_KINDS[kind];
  const operand = number?.(value);
  if (!number || !operand) return refuse('value', `"${field}" is compared with ${expects}`);
  return { ok: true, predicate: onNumber(field, number, (actual) => holds(compareDecimals(actual, operand))) };
}

const onNumber =
  (field: EventField, number: (text: string) => Decimal | undefined, holds: (actual: Decimal) => boolean): Predicate =>
  (event) => {
    const text = textOf(event, field);
    const actual = text === undefined ? undefined : number(text);
    return actual !== undefined && holds(actual);
  };

const PART = {
  contains: (whole: string, part: string) => whole.includes(part),
  starts_with: (whole: string, part: string) => whole.startsWith(part),
};

function compilePart(
  { field, value, caseSensitive }: Comparison,
  kind: FieldKind,
  holds: (whole: string, part: string) => boolean,
): CompiledCondition {
  const { part: allowed, expects } = FIELD_KINDS[kind];
  if (allowed && !allowed.test(value)) return refuse('value', `must be hexadecimal: "${field}" is ${expects}`);
  const fold = (text: string) => (caseSensitive && !allowed ? text : text.toLowerCase());
  const part = fold(value);
  const predicate: Predicate = (event) => {
    const text = textOf(event, field);
    return text !== undefined && holds(fold(text), part);
  };
  return { ok: true, predicate };
}

/** Holds when the field equals any of the operands, in the sense of its kind. */
function compileEquality(
  comparison: Comparison,
  operands: readonly string[],
  registry: Registry | undefined,
): CompiledCondition {
  const { field, caseSensitive } = comparison;
  if (field === 'event_type') return compileEventTypes(operands, caseSensitive, registry);
  const { canonical, expects } = FIELD_KINDS[EVENT_FIELDS[field]];
  const spellings = operands.map((operand) => canonical(operand, caseSensitive));
  if (!spellings.every((key) => key !== undefined)) return refuse('value', `"${field}" is compared with ${expects}`);
  // An array, since there are at most a hundred and mostly one; a set for each condition takes several times the memory.
  const keys = [...new Set(spellings)];
  const predicate: Predicate = (event) => {
    const text = textOf(event, field);
    const key = text === undefined ? undefined : canonical(text, caseSensitive);
    return key !== undefined && keys.includes(key);
  };
  return field === 'agent_id' ? { ok: true, predicate, access: { field, keys } } : { ok: true, predicate };
}
