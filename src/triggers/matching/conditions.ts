import { canonicalField, EVENT_FIELDS, type EventField, type Registry } from '../../chain/events.ts';
import { compileChanged, STATEFUL_KINDS } from '../state/kinds.ts';
import { OPERATOR_LIST, type Operator, operatorOf } from './field-kinds.ts';
import { compileGroup, GROUP_TYPES, isGroup } from './groups.ts';
import { type CompiledComparison, type CompiledCondition, type Refusal, refuse } from './predicate.ts';
import { compileShared } from './shared-comparisons.ts';

/** A condition as it is written and stored. */
export interface ConditionInput {
  readonly condition_type: string;
  readonly field: string;
  readonly operator: string;
  readonly value: string;
  readonly config: Readonly<Record<string, unknown>> | null;
}

/** `registry` is the trigger's: with it, what its events can never hold is refused too. */
type ConditionKind = (input: ConditionInput, registry: Registry | undefined) => CompiledCondition;

/** A comparison of one field with a literal. A narrower kind names the fields and operators that it is about. */
const comparison =
  (fields: readonly EventField[], operators: readonly Operator[]) =>
  (input: ConditionInput, registry: Registry | undefined): CompiledComparison => {
    const field = canonicalField(input.field);
    if (field === undefined) {
      return refuse('field', `"${input.field}" is not a field of an event; the fields are ${FIELD_LIST}`);
    }
    if (fields.length > 0 && !fields.includes(field)) {
      return refuse('field', `${input.condition_type} compares ${fields.join(' or ')}`);
    }
    const operator = operatorOf(input.operator);
    if (!operator) return refuse('operator', `must be one of ${OPERATOR_LIST}, changed`);
    if (operators.length > 0 && !operators.includes(operator)) {
      return refuse('operator', `${input.condition_type} takes ${operators.join(', ')}`);
    }
    const sensitivity = caseSensitivity(input.config);
    if (!sensitivity.ok) return sensitivity;
    return compileShared({ field, operator, value: input.value, caseSensitive: sensitivity.value }, registry);
  };

const anyComparison = comparison([], []);

/** The general form: any field, any operator that fits it. One of the operators remembers. */
const general: ConditionKind = (input, registry) =>
  input.operator.trim().toLowerCase() === 'changed' ? compileChanged(input, registry) : anyComparison(input, registry);

const BY_VALUE = ['equals', 'not_equals', 'gt', 'gte', 'lt', 'lte'] as const;

/**
 * Every kind of condition that is about one event and no group. `event` and `field` are the general form; the others are
 * names for narrower ones that the ancestor of the contract used.
 */
const SINGLE_KINDS: ReadonlyMap<string, ConditionKind> = new Map<string, ConditionKind>([
  ['event', general],
  ['field', general],
  ['agent_id_equals', comparison(['agent_id'], ['equals'])],
  ['event_type_equals', comparison(['event_type'], ['equals'])],
  ['score_threshold', comparison(['score'], BY_VALUE)],
  ['response_threshold', comparison(['response'], BY_VALUE)],
  ['tag_equals', comparison(['tag1', 'tag2'], ['equals'])],
  ['validator_whitelist', comparison(['validator_address'], ['in'])],
  ['file_uri_exists', comparison(['feedback_uri'], ['exists'])],
]);

const KIND_LIST = [...SINGLE_KINDS.keys(), ...GROUP_TYPES, ...STATEFUL_KINDS.keys()].join(', ');
const FIELD_LIST = Object.keys(EVENT_FIELDS).join(', ');

/**
 * Compiles one condition. The same function answers when a condition is written (a refusal becomes the 400's detail)
 * and when it is loaded, so that whatever was accepted can be evaluated.
 *
 * Meaning: numbers and times compare by value, exactly, at any size (`7` equals `7.0`); addresses and hashes without
 * regard to case; text with regard to case unless `config.case_sensitive` is false. `not_equals` and `not_in` hold exactly
 * when `equals` and `in` do not: also where the event has no such field, for which every other operator but `is_null` is
 * false. (SQL's third truth value would make "tag1 is not spam" pass over events without a tag, which nobody who writes
 * it expects.)
 */
export function compileCondition(input: ConditionInput, registry?: Registry): CompiledCondition {
  return isGroup(input.condition_type) ? compileGroup(input, registry, compileSingle) : compileSingle(input, registry);
}

const compileSingle: ConditionKind = (input, registry) => {
  const kind = SINGLE_KINDS.get(input.condition_type) ?? STATEFUL_KINDS.get(input.condition_type);
  return kind ? kind(input, registry) : refuse('condition_type', `must be one of ${KIND_LIST}`);
};

/** Whether a condition may be written to a trigger of the registry. */
export const validateCondition = (input: ConditionInput, registry: Registry): { ok: true } | Refusal =>
  compileCondition(input, registry);

function caseSensitivity(config: ConditionInput['config']): { ok: true; value: boolean } | Refusal {
  const unknown = Object.keys(config ?? {}).find((key) => key !== 'case_sensitive');
  if (unknown !== undefined) return refuse(`config.${unknown}`, 'is not an option; the only one is case_sensitive');
  const value = config?.['case_sensitive'];
  if (value === undefined) return { ok: true, value: true };
  return typeof value === 'boolean' ? { ok: true, value } : refuse('config.case_sensitive', 'must be true or false');
}
