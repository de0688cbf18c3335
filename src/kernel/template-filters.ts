import { rfc3339, SECOND } from './clock.ts';
import { type Decimal, formatDecimal, parseDecimal } from './decimal.ts';

/** Text that is one JSON value already: where a JSON value may stand it is put in as it is. */
export class JsonLiteral {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** `null` is a field that is not there. */
export type TemplateValue = string | number | null | JsonLiteral;

export interface Filter {
  /** What its argument has to be, in words; for messages. */
  takes: string;
  accepts(argument: string | undefined): boolean;
  /** A value that the filter is not about comes back as it is: what is put in is never a fault of a template. */
  apply(value: TemplateValue, argument: string | undefined): TemplateValue;
}

const MAX_DIGITS = 18;

/** What a filter takes that takes one of some words. */
export const oneOf = (...words: readonly string[]) => ({
  takes: words.length === 0 ? 'takes no argument' : `takes one of ${words.join(', ')}, or nothing`,
  accepts: (argument: string | undefined) => argument === undefined || words.includes(argument),
});

/** The filters of every kind of templates. */
export const COMMON_FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  [
    'number',
    {
      takes: `takes a number of digits from 0 to ${MAX_DIGITS}, or nothing`,
      accepts: (argument) => argument === undefined || (/^\d{1,2}$/.test(argument) && Number(argument) <= MAX_DIGITS),
      apply: (value, digits) => numberOf(value, digits === undefined ? undefined : Number(digits)),
    },
  ],
  ['date', { ...oneOf('rfc3339', 'unix'), apply: (value, form) => dateOf(value, form === 'unix') }],
  ['json', { ...oneOf(), apply: jsonOf }],
  ['upper', { ...oneOf(), apply: (value) => (typeof value === 'string' ? value.toUpperCase() : value) }],
  ['lower', { ...oneOf(), apply: (value) => (typeof value === 'string' ? value.toLowerCase() : value) }],
  [
    'default',
    {
      takes: 'takes a text, such as default:"none"',
      accepts: (argument) => argument !== undefined,
      apply: (value, text = '') => (value === null || value === '' ? text : value),
    },
  ],
]);

const decimalOf = (value: TemplateValue): Decimal | undefined =>
  value === null ? undefined : parseDecimal(String(value));

/** A plain decimal, rounded half away from zero where digits are asked for, which are then all shown. */
function numberOf(value: TemplateValue, digits: number | undefined): TemplateValue {
  const decimal = decimalOf(value);
  if (!decimal) return value;
  if (digits === undefined) return new JsonLiteral(formatDecimal(decimal));
  const { units, scale } = decimal;
  const size = units < 0n ? -units : units;
  const divisor = 10n ** BigInt(Math.max(scale - digits, 0));
  const rounded = ((2n * size + divisor) / (2n * divisor)) * 10n ** BigInt(Math.max(digits - scale, 0));
  const text = rounded.toString().padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  const sign = units < 0n && rounded > 0n ? '-' : '';
  return new JsonLiteral(`${sign}${whole}${digits > 0 ? `.${text.slice(-digits)}` : ''}`);
}

/** A moment: RFC 3339 text, or seconds since 1970. */
function dateOf(value: TemplateValue, unix: boolean): TemplateValue {
  const text = String(value ?? '');
  const ms = /^\d{1,11}$/.test(text) ? Number(text) * SECOND : /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms)) return value;
  return unix ? new JsonLiteral(String(Math.floor(ms / SECOND))) : rfc3339(new Date(ms));
}

function jsonOf(value: TemplateValue): TemplateValue {
  if (value instanceof JsonLiteral) return value;
  return new JsonLiteral(JSON.stringify(typeof value === 'string' ? value.toWellFormed() : value));
}
