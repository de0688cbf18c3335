import { EVENT_FIELDS, type Registry } from '../../chain/events.ts';
import type { Comparison } from './comparison.ts';
import { refuseType, someTypeOf } from './event-types.ts';
import { FIELD_KINDS } from './field-kinds.ts';
import { checkPattern, searchPattern } from './patterns.ts';
import { type CompiledComparison, type Predicate, type Refusal, refuse, type Weight, type Work } from './predicate.ts';
import { textIn } from './text-in.ts';

const PART = {
  contains: (whole: string, part: string) => whole.includes(part),
  starts_with: (whole: string, part: string) => whole.startsWith(part),
  ends_with: (whole: string, part: string) => whole.endsWith(part),
};

interface PartComparison extends Comparison {
  readonly operator: keyof typeof PART;
}

/** Compiles a look for a literal part of text. */
export function compilePart(comparison: PartComparison, registry: Registry | undefined): CompiledComparison {
  const { field, operator, value, caseSensitive } = comparison;
  const { parts, expects } = FIELD_KINDS[EVENT_FIELDS[field]];
  if (parts && !parts[operator].test(value))
    return refuse('value', `${PART_OF[operator]} "${field}", which is ${expects}`);
  const fold = (text: string) => (caseSensitive && !parts ? text : text.toLowerCase());
  const part = fold(value);
  const holds = PART[operator];
  return whereSomeValueFits(comparison, registry, (text) => holds(fold(text), part));
}

const PART_OF = {
  contains: 'must be a part of',
  starts_with: 'must be a beginning of',
  ends_with: 'must be an end of',
} as const;

/** Compiles a search for a regular expression, anywhere in the text. Hexadecimal is searched without regard to case. */
export function compilePattern(comparison: Comparison, registry: Registry | undefined): CompiledComparison {
  const { field, value } = comparison;
  const caseSensitive = comparison.caseSensitive && !FIELD_KINDS[EVENT_FIELDS[field]].parts;
  const fault = checkPattern(value, caseSensitive);
  if (fault !== undefined) return refuse('value', fault);
  return whereSomeValueFits(
    comparison,
    registry,
    (text, work) => searchPattern({ pattern: value, caseSensitive }, text, work),
    PATTERN_WEIGHT,
  );
}

const PATTERN_WEIGHT: Weight = { grouped: 0, patterns: 1 };

function whereSomeValueFits(
  { field }: Comparison,
  registry: Registry | undefined,
  holds: (text: string, work?: Work) => boolean,
  weight?: Weight,
): CompiledComparison {
  const refusal = refuseNamed(field, registry, holds);
  if (refusal) return refusal;
  const predicate: Predicate = (event, work) => {
    const text = textIn(event, field);
    return text !== undefined && holds(text, work);
  };
  return { ok: true, predicate, ...(weight && { weight }) };
}

/** Where all values that the field can have are known, one of them has to fit. */
function refuseNamed(
  field: Comparison['field'],
  registry: Registry | undefined,
  holds: (text: string) => boolean,
): Refusal | undefined {
  if (field === 'event_type' && !someTypeOf(registry, (text) => holds(text))) return refuseType(registry);
  if (field === 'registry' && registry && !holds(registry)) {
    return refuse('value', `the trigger is about the ${registry} registry`);
  }
  return undefined;
}
