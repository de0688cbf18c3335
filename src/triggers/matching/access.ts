import type { EventField } from '../../chain/events.ts';

/** A value of one field, in the one spelling that all spellings of it share, case folded. */
interface AccessTerm {
  readonly field: EventField;
  readonly key: string;
}

/** The field is a number, at or above `from` and at or below `to`, of which one may be missing. */
export interface AccessRange {
  readonly field: EventField;
  readonly from?: number;
  readonly to?: number;
}

/**
 * What an index may rely on: an event for which the condition holds has at least one of the `terms`, is of the `type`, and has a
 * number in the `range`. A part that is missing says nothing. The terms are not about types alone where a type is given.
 */
export interface Access {
  readonly terms?: readonly AccessTerm[];
  /** The key of one event type. */
  readonly type?: string;
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

export const accessByRange = (range: AccessRange): Access | undefined =>
  rangeRank(range.field) < RANGE_FIELDS.length ? { range } : undefined;

/** Of terms the least selective counts, since an event may come by that one. */
const rankOf = (terms: readonly AccessTerm[]) => Math.max(...terms.map(({ field }) => termRank(field)));

const isBetter = (one: readonly AccessTerm[], other: readonly AccessTerm[]) => {
  const ranks = rankOf(one) - rankOf(other);
  return ranks < 0 || (ranks === 0 && one.length < other.length);
};

/** Both where they are about the same number, otherwise the better one. */
function narrower(one: AccessRange, other: AccessRange): AccessRange {
  if (one.field !== other.field) return rangeRank(other.field) < rangeRank(one.field) ? other : one;
  const from = furthest(Math.max, one.from, other.from);
  const to = furthest(Math.min, one.to, other.to);
  return { field: one.field, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

const furthest = (of: typeof Math.max, one: number | undefined, other: number | undefined) =>
  one === undefined || other === undefined ? (one ?? other) : of(one, other);

/** What may be relied on where all of the conditions hold: the best of each part. */
export function accessOfAll(conditions: readonly (Access | undefined)[]): Access | undefined {
  let terms: readonly AccessTerm[] | undefined;
  let range: AccessRange | undefined;
  let type: string | undefined;
  for (const access of conditions) {
    type = access?.type ?? onlyTypeOf(access?.terms) ?? type;
    if (access?.terms && (!terms || isBetter(access.terms, terms))) terms = access.terms;
    if (access?.range) range = range ? narrower(range, access.range) : access.range;
  }
  if (!terms && !range) return undefined;
  const isOfType = terms === undefined || terms.some(({ field }) => field === 'event_type');
  return {
    ...(terms && { terms }),
    ...(type !== undefined && !isOfType && { type }),
    ...(range && { range }),
  };
}

/** The type that these terms come to, where it is only one. */
function onlyTypeOf(terms: readonly AccessTerm[] | undefined): string | undefined {
  const [term, ...more] = terms ?? [];
  return more.length === 0 && term?.field === 'event_type' ? term.key : undefined;
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
