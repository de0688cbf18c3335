import { EVENT_FIELDS, type EventField, REGISTRIES, type Registry } from '../../chain/events.ts';
import { FIELDS_OF_REGISTRY } from '../../chain/registry-fields.ts';
import { accessByTerms } from './access.ts';
import type { MatchableEvent } from './event.ts';
import { compileEventTypes } from './event-types.ts';
import { FIELD_KINDS, type Operator } from './field-kinds.ts';
import { parseOperandList } from './operand-list.ts';
import { compileBetween, compileOrder } from './order.ts';
import { type CompiledComparison, type Predicate, refuse } from './predicate.ts';
import { textIn } from './text-in.ts';
import { compilePart, compilePattern } from './text-parts.ts';
import { refuseNumber } from './whole-numbers.ts';

/** A field of the public contract, under its own name, compared with a literal. */
export interface Comparison {
  readonly field: EventField;
  readonly operator: Operator;
  /** Ignored by `exists` and `is_null`. */
  readonly value: string;
  readonly caseSensitive: boolean;
}

/** Compiles a comparison, or says why its operator or value does not fit the field, or why it would never hold. */
export function compileComparison(comparison: Comparison, registry: Registry | undefined): CompiledComparison {
  const { field, operator } = comparison;
  const kind = EVENT_FIELDS[field];
  const { operators } = FIELD_KINDS[kind];
  if (!operators.includes(operator)) {
    return refuse('operator', `${operator} does not apply to "${field}" (${kind}); use one of ${operators.join(', ')}`);
  }
  const compiled = compile(comparison, registry);
  if (compiled.ok && registry && !FIELDS_OF_REGISTRY[registry].has(field) && !HOLDS_WITHOUT.has(operator)) {
    return refuse('field', `no event of the ${registry} registry has "${field}"`);
  }
  return compiled;
}

/** Operators that hold for an event without the field. */
const HOLDS_WITHOUT: ReadonlySet<Operator> = new Set(['not_equals', 'not_in', 'is_null']);

function compile(comparison: Comparison, registry: Registry | undefined): CompiledComparison {
  const { operator, value } = comparison;
  switch (operator) {
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return compileOrder({ ...comparison, operator });
    case 'between':
      return compileBetween(comparison);
    case 'contains':
    case 'starts_with':
    case 'ends_with':
      return compilePart({ ...comparison, operator }, registry);
    case 'matches':
      return compilePattern(comparison, registry);
    case 'in':
    case 'not_in': {
      const operands = parseOperandList(value);
      if (!operands.ok) return refuse('value', operands.message);
      const equality = compileEquality(comparison, operands.items, registry);
      return operator === 'in' ? equality : negated(equality);
    }
    case 'equals':
      return compileEquality(comparison, [value], registry);
    case 'not_equals':
      return negated(compileEquality(comparison, [value], registry));
    case 'exists':
      return { ok: true, predicate: hasContent(comparison.field) };
    case 'is_null':
      return negated({ ok: true, predicate: hasContent(comparison.field) });
  }
}

const negated = (compiled: CompiledComparison): CompiledComparison =>
  compiled.ok ? { ok: true, predicate: (event) => !compiled.predicate(event) } : compiled;

/** Solidity has no null: a string that the sender left out is an empty one. */
const hasContent =
  (field: EventField): Predicate =>
  (event) =>
    (textIn(event, field) ?? '') !== '';

/** Longer than any operand can be once its case is folded; such a value equals none, so it is not looked up. */
const LONGEST_KEY = 8_192;

/** Reads the spelling under which an index finds an event's value of the field, if the event has one. */
export function accessKeyOf(field: EventField): (event: MatchableEvent) => string | undefined {
  const { canonical } = FIELD_KINDS[EVENT_FIELDS[field]];
  return (event) => {
    const text = textIn(event, field);
    return text === undefined || text.length > LONGEST_KEY ? undefined : canonical(text, false);
  };
}

/** Holds when the field equals any of the operands, in the sense of its kind. */
function compileEquality(
  comparison: Comparison,
  operands: readonly string[],
  registry: Registry | undefined,
): CompiledComparison {
  const { field, caseSensitive } = comparison;
  if (field === 'event_type') return compileEventTypes(operands, caseSensitive, registry);
  const { canonical, number, expects } = FIELD_KINDS[EVENT_FIELDS[field]];
  const keys: string[] = [];
  for (const operand of operands) {
    const key = canonical(operand, caseSensitive);
    if (key === undefined) return refuse('value', `"${field}" is compared with ${expects}`);
    const decimal = number?.(operand);
    const refusal = decimal && refuseNumber(field, decimal);
    if (refusal) return refusal;
    if (!keys.includes(key)) keys.push(key);
  }
  if (field === 'registry' && !keys.some((key) => isRegistry(key, caseSensitive, registry))) {
    return refuse('value', registry ? `the trigger is about the ${registry} registry` : NO_REGISTRY);
  }
  const access = accessByTerms(field, caseSensitive ? keys.map((key) => key.toLowerCase()) : keys);
  return { ok: true, predicate: isOneOf(comparison, keys), ...(access && { access }) };
}

const NO_REGISTRY = `must be one of ${REGISTRIES.join(', ')}`;

const isRegistry = (key: string, caseSensitive: boolean, registry: Registry | undefined) =>
  REGISTRIES.some(
    (name) => (registry === undefined || name === registry) && (caseSensitive ? key : key.toLowerCase()) === name,
  );

/** An array, since there are at most a hundred; a set takes several times the memory. */
function isOneOf({ field, caseSensitive }: Comparison, keys: readonly string[]): Predicate {
  const [only] = keys;
  if (keys.length === 1 && only !== undefined) return isExactly(field, caseSensitive, only);
  const { canonical } = FIELD_KINDS[EVENT_FIELDS[field]];
  return (event) => {
    const text = textIn(event, field);
    const key = text === undefined ? undefined : canonical(text, caseSensitive);
    return key !== undefined && keys.includes(key);
  };
}

/** The common case, of which there may be 100,000 in memory: its closure holds no more than it needs. */
function isExactly(field: EventField, caseSensitive: boolean, key: string): Predicate {
  const { canonical } = FIELD_KINDS[EVENT_FIELDS[field]];
  return (event) => {
    const text = textIn(event, field);
    // The key is canonical, so what is spelled like it needs no look at what else it could mean.
    return text !== undefined && (text === key || canonical(text, caseSensitive) === key);
  };
}
