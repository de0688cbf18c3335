import type { FieldKind } from '../../chain/events.ts';
import { compareDecimals, type Decimal, formatDecimal, parseDecimal } from '../../kernel/decimal.ts';

/** Every operator: its name, then other spellings of it, signs and the words of SQL. */
const OPERATORS = [
  ['equals', '=', '=='],
  ['not_equals', '!=', '<>'],
  ['gt', '>'],
  ['gte', '>='],
  ['lt', '<'],
  ['lte', '<='],
  ['between'],
  ['in'],
  ['not_in', 'not in'],
  ['contains'],
  ['starts_with'],
  ['ends_with'],
  ['matches'],
  ['exists', 'is not null'],
  ['is_null', 'is null'],
] as const;

export type Operator = (typeof OPERATORS)[number][0];

const BY_SPELLING = new Map<string, Operator>(
  OPERATORS.flatMap(([name, ...others]) => [name, ...others].map((spelling) => [spelling, name] as const)),
);

/** The operator that a name (in any case: the ancestor's documents write `IS NOT NULL`) or a sign stands for. */
export const operatorOf = (text: string): Operator | undefined =>
  BY_SPELLING.get(text.trim().toLowerCase().replace(/\s+/g, ' '));

/** `equals (= ==), not_equals (!= <>), …`, for messages. */
export const OPERATOR_LIST = OPERATORS.map(([name, ...others]) =>
  others.length > 0 ? `${name} (${others.join(' ').toUpperCase()})` : name,
).join(', ');

const SET = ['in', 'not_in'] as const;
const PRESENCE = ['exists', 'is_null'] as const;
const NUMERIC = ['equals', 'not_equals', 'gt', 'gte', 'lt', 'lte', 'between', ...SET, ...PRESENCE] as const;
const PARTS = ['contains', 'starts_with', 'ends_with', 'matches'] as const;
const TEXTUAL = ['equals', 'not_equals', ...SET, ...PARTS, ...PRESENCE] as const;

interface KindRules {
  readonly operators: readonly Operator[];
  /** What a literal of this kind looks like, to end the sentence "must be …". */
  readonly expects: string;
  /** What a part of a value may look like; without it, anything. */
  readonly parts?: Readonly<Record<'contains' | 'starts_with' | 'ends_with', RegExp>>;
  /** The number that the text stands for; only kinds that have an order. */
  readonly number?: (text: string) => Decimal | undefined;
  /** One text for all spellings of the same value, which is what equality compares; `undefined`: not of this kind. */
  readonly canonical: (text: string, caseSensitive: boolean) => string | undefined;
}

/** A whole number in its shortest spelling, which most numbers of events are: nothing is to be parsed. */
const SHORTEST_WHOLE = /^(?:0|-?[1-9]\d{0,99})$/;

const numeric = (expects: string, number: (text: string) => Decimal | undefined): KindRules => ({
  operators: NUMERIC,
  expects,
  number,
  canonical(text) {
    if (SHORTEST_WHOLE.test(text) && number === parseDecimal) return text;
    const value = number(text);
    return value && formatDecimal(value);
  },
});

/** EIP-55 upper case is a checksum for people, not part of the value: hexadecimal compares without case, always. */
const hexadecimal = (expects: string, digits: number): KindRules => {
  const whole = new RegExp(`^0x[0-9a-f]{${digits}}$`, 'i');
  const begin = `0(?:x[0-9a-f]{0,${digits}})?`;
  const end = `[0-9a-f]{1,${digits}}`;
  return {
    operators: TEXTUAL,
    expects,
    parts: {
      contains: new RegExp(`^(?:${begin}|x?${end}|x)$`, 'i'),
      starts_with: new RegExp(`^${begin}$`, 'i'),
      ends_with: new RegExp(`^(?:${end}|0?x[0-9a-f]{${digits}})$`, 'i'),
    },
    canonical: (text) => (whole.test(text) ? text.toLowerCase() : undefined),
  };
};

export const FIELD_KINDS: Record<FieldKind, KindRules> = {
  text: {
    operators: TEXTUAL,
    expects: 'text',
    canonical: (text, caseSensitive) => (caseSensitive ? text : text.toLowerCase()),
  },
  integer: numeric('a plain number such as 42', parseDecimal),
  decimal: numeric('a plain decimal number such as -3.2', parseDecimal),
  timestamp: numeric('an RFC 3339 time such as 2026-01-31T12:00:00Z, or Unix seconds', parseMoment),
  address: hexadecimal('an address: 0x and 40 hexadecimal digits', 40),
  hash: hexadecimal('a hash: 0x and 64 hexadecimal digits', 64),
};

const MOMENT = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/i;
/** The last second of the year 9999; what is above it is milliseconds sent by mistake. */
const LAST_SECOND: Decimal = { units: 253_402_300_799n, scale: 0 };

/** Seconds since 1970 of an RFC 3339 time (§5.6) or of a plain number of seconds, exact to the last digit. */
function parseMoment(text: string): Decimal | undefined {
  const seconds = parseDecimal(text);
  if (seconds) return compareDecimals(seconds, LAST_SECOND) > 0 ? undefined : seconds;
  const [, local, fraction = '', sign, hours = '0', minutes = '0'] = MOMENT.exec(text) ?? [];
  if (local === undefined) return undefined;
  const date = new Date(`${local.toUpperCase()}Z`);
  // `Date` takes the 30th of February for a day in March: only what comes back unchanged is in the calendar.
  if (Number.isNaN(date.getTime()) || !date.toISOString().startsWith(local.toUpperCase())) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60 * (sign === '-' ? -1 : 1);
  const whole = BigInt(date.getTime() / 1000 - offset);
  return { units: whole * 10n ** BigInt(fraction.length) + BigInt(fraction || 0), scale: fraction.length };
}
