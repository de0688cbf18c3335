import type { EventField } from '../../chain/events.ts';

/** A value of one field, in the one spelling that all spellings of it share, case folded. */
interface AccessTerm {
  readonly field: EventField;
  readonly key: string;
}

/** The field is a number at or above (`from`), or at or below (`to`), the bound. */
export interface AccessRange {
  readonly field: EventField;
  readonly side: 'from' | 'to';
  readonly bound: number;
}

/**
 * What an index may rely on: an event for which the condition holds has at least one of the `terms`, and a number in the
 * `range`. A part that is missing says nothing.
 */
export interface Access {
  readonly terms?: readonly AccessTerm[];
  readonly range?: AccessRange;
}

/**
 * Fields by whose values rules are found, those that tell most events apart first. Not among them are the chain, of which
 * an index has only one, the registry, which it looks at anyway, and the time, which nobody compares for equality.
 */
const TERM_FIELDS = [
  'agent_id',
  'request_hash',
  'feedback_hash',
  'response_hash',
  'transaction_hash',
  'block_hash',
  'owner',
  'client_address',
  'validator_address',
  'responder',
  'from',
  'to',
  'feedback_uri',
  'response_uri',
  'request_uri',
  'agent_uri',
  'block_number',
  'metadata_value',
  'endpoint',
  'metadata_key',
  'tag1',
  'tag2',
  'validation_tag',
  'feedback_index',
  'score',
  'value',
  'response',
  'log_index',
  'value_decimals',
  'event_type',
] as const satisfies readonly EventField[];

/** Fields by whose order rules are found, those whose bounds exclude most events first. */
const RANGE_FIELDS = [
  'score',
  'response',
  'value',
  'feedback_index',
  'agent_id',
  'value_decimals',
  'log_index',
  'block_number',
] as const satisfies readonly EventField[];

const rankIn = (fields: readonly EventField[]) => {
  const ranks = new Map(fields.map((field, rank) => [field, rank]));
  return (field: EventField) => ranks.get(field) ?? fields.length;
};

const termRank = rankIn(TERM_FIELDS);
const rangeRank = rankIn(RANGE_FIELDS);

/** So many values are worth a place each; above that the rule is looked at for every event. */
const MAX_TERMS = 200;

/** The field has one of the values. */
export const accessByTerms = (field: EventField, keys: readonly string[]): Access | undefined =>
  termRank(field) < TERM_FIELDS.length ? { terms: keys.map((key) => ({ field, key })) } : undefined;

export const accessByRange = (field: EventField, side: AccessRange['side'], bound: number): Access | undefined =>
  rangeRank(field) < RANGE_FIELDS.length ? { range: { field, side, bound } } : undefined;

/** Of terms the least selective counts, since an event may come by that one. */
const rankOf = (terms: readonly AccessTerm[]) => Math.max(...terms.map(({ field }) => termRank(field)));

const isBetter = (one: readonly AccessTerm[], other: readonly AccessTerm[]) => {
  const ranks = rankOf(one) - rankOf(other);
  return ranks < 0 || (ranks === 0 && one.length < other.length);
};

/** What may be relied on where all of the conditions hold: the best of each part. */
export function accessOfAll(conditions: readonly (Access | undefined)[]): Access | undefined {
  let terms: readonly AccessTerm[] | undefined;
  let range: AccessRange | undefined;
  for (const access of conditions) {
    if (access?.terms && (!terms || isBetter(access.terms, terms))) terms = access.terms;
    if (access?.range && (!range || rangeRank(access.range.field) < rangeRank(range.field))) range = access.range;
  }
  return terms || range ? { ...(terms && { terms }), ...(range && { range }) } : undefined;
}

/** What may be relied on where any of the conditions holds: nothing, unless each has terms. */
export function accessOfAny(conditions: readonly (Access | undefined)[]): Access | undefined {
  const all = new Map<string, AccessTerm>();
  for (const access of conditions) {
    if (!access?.terms) return undefined;
    for (const term of access.terms) all.set(`${term.field} ${term.key}`, term);
  }
  return all.size > 0 && all.size <= MAX_TERMS ? { terms: [...all.values()] } : undefined;
}
