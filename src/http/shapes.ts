import * as z from 'zod';
import { utf8 } from '../kernel/crypto.ts';

const hasControl = (text: string) => /\p{Cc}/u.test(text);

/** PostgreSQL stores no NUL, and a lone surrogate is not Unicode: either would fail or change on its way to the database. */
export const isStorable = (text: string) => text.isWellFormed() && !text.includes('\0');

/** Text of `min` to `max` characters (Unicode code points, as JSON Schema counts `minLength` and `maxLength`). */
export function text(min: number, max: number) {
  return z
    .string()
    .refine((value) => [...value].length >= min, {
      error: `must have at least ${min} character${min === 1 ? '' : 's'}`,
      abort: true,
    })
    .refine((value) => value.length <= 2 * max && [...value].length <= max, `must have at most ${max} characters`)
    .refine(isStorable, 'must be well-formed Unicode without NUL')
    .meta({ minLength: min, maxLength: max });
}

/** One line of text: no control characters, not blank. */
export const line = (min: number, max: number) =>
  text(min, max)
    .refine((value) => !hasControl(value), 'must not contain control characters')
    .refine((value) => value.trim() !== '' || min === 0, 'must not be blank');

/** Every string inside a JSON value, keys included, in the order in which they stand. */
function* stringsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (Array.isArray(value)) for (const item of value) yield* stringsIn(item);
  else if (value !== null && typeof value === 'object')
    for (const [key, item] of Object.entries(value)) {
      yield key;
      yield* stringsIn(item);
    }
}

const MAX_CONFIG_BYTES = 64 * 1024;
const MAX_DEPTH = 16;

/** Looks no deeper than `levels`: a body can nest deeper than the stack reaches. */
const nestsAtMost = (levels: number, value: unknown): boolean =>
  value === null ||
  typeof value !== 'object' ||
  (levels > 0 && Object.values(value).every((item) => nestsAtMost(levels - 1, item)));

/** A JSON object that can be stored: well-formed strings, at most 64 KiB (UTF-8) and 16 levels, looked at first. */
export const jsonObject = z
  .record(z.string(), z.unknown())
  .refine((value) => nestsAtMost(MAX_DEPTH, value), { error: `must nest at most ${MAX_DEPTH} levels`, abort: true })
  .refine((value) => utf8(JSON.stringify(value)).length <= MAX_CONFIG_BYTES, 'must be at most 64 KiB as JSON')
  .refine((value) => [...stringsIn(value)].every(isStorable), 'must hold only well-formed Unicode without NUL');

export const uuid = z.uuid().transform((value) => value.toLowerCase());

/** PostgreSQL's `integer`, which condition, action and member ids are. */
export const int32 = z.int().min(-2_147_483_648).max(2_147_483_647);

/** The id of a condition, action or member in a path. */
export const integerId = z.coerce.number().int().min(1).max(2_147_483_647);

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20).meta({ description: 'Number of results' }),
  offset: z.coerce.number().int().min(0).default(0).meta({ description: 'Number of results to skip' }),
});

/** PostgreSQL takes neither the year 0 nor `toISOString()` of years that have more than four digits. */
const isFourDigitYear = (year: number) => year >= 1 && year <= 9999;

/** A moment that is sent to us, as a `Date`. */
export const instant = z.iso
  .datetime({ offset: true, abort: true })
  .refine((value) => isFourDigitYear(new Date(value).getUTCFullYear()), 'must be in the years 1 to 9999, in UTC')
  .transform((value) => new Date(value))
  .meta({ description: 'RFC 3339, with an offset or in UTC' });

export const timestamp = z.iso.datetime().meta({ description: 'RFC 3339, UTC', examples: ['2024-01-16T15:00:00Z'] });

const pagination = z
  .object({ total: z.int().min(0), limit: z.int(), offset: z.int(), has_more: z.boolean() })
  .meta({ id: 'Pagination' });

export const dataOf = <T extends z.ZodType>(schema: T) => z.object({ data: schema });
export const pageOf = <T extends z.ZodType>(schema: T) => z.object({ data: z.array(schema), pagination });
