import * as z from 'zod';

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

function depthOf(value: unknown): number {
  if (value === null || typeof value !== 'object') return 0;
  let deepest = 0;
  for (const item of Object.values(value)) deepest = Math.max(deepest, depthOf(item));
  return deepest + 1;
}

/** A JSON object that can be stored: well-formed strings, at most 64 KiB and 16 levels. */
export const jsonObject = z
  .record(z.string(), z.unknown())
  .refine((value) => depthOf(value) <= MAX_DEPTH, { error: `must nest at most ${MAX_DEPTH} levels`, abort: true })
  .refine((value) => JSON.stringify(value).length <= MAX_CONFIG_BYTES, 'must be at most 64 KiB as JSON')
  .refine((value) => [...stringsIn(value)].every(isStorable), 'must hold only well-formed Unicode without NUL');

export const uuid = z.uuid().transform((value) => value.toLowerCase());

/** PostgreSQL's `integer`, which condition, action and member ids are. */
export const int32 = z.int().min(-2_147_483_648).max(2_147_483_647);

/** The id of a condition, action or member in a path. */
export const integerId = z.coerce.number().int().min(1).max(2_147_483_647);

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20).meta({ description: 'Number of results' }),
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0).meta({ description: 'Number of results to skip' }),
});

export const timestamp = z.iso.datetime().meta({ description: 'RFC 3339, UTC', examples: ['2024-01-16T15:00:00Z'] });

const pagination = z
  .object({ total: z.int().min(0), limit: z.int(), offset: z.int(), has_more: z.boolean() })
  .meta({ id: 'Pagination' });

export const dataOf = <T extends z.ZodType>(schema: T) => z.object({ data: schema });
export const pageOf = <T extends z.ZodType>(schema: T) => z.object({ data: z.array(schema), pagination });
