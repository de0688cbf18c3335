import type { JsonSchema } from 'json-schema-faker';

/**
 * A schema of somebody's making as one from which data are made within bounds: nobody's `minItems` inside `minItems` is to
 * hold up the isolate. Of JSON Schema those keywords that say what data look like are kept; references, conditions and
 * patterns of names are not.
 */

type Json = Record<string, unknown>;

const MAX_STRING = 200;
const MAX_MEMBERS = 20;
const MAX_CHOICES = 100;
/** Of an array that says nothing itself. */
const USUAL_ITEMS = 3;
const MAX_PATTERN = 200;
/** Characters that the repetitions of a pattern may multiply to. */
const MAX_REPETITION = 1_000;

/** About so many values are made of a schema, however it multiplies. */
const MAX_VALUES = 1_000;

const TYPES: ReadonlySet<unknown> = new Set(['object', 'array', 'string', 'number', 'integer', 'boolean', 'null']);

const MULTIPLYING = ['allOf', 'anyOf', 'oneOf', 'items', 'prefixItems', 'properties'] as const;

const isObject = (value: unknown): value is Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** `schema` within the bounds. What is no schema stands for any value. */
export function tame(schema: unknown, values = MAX_VALUES): JsonSchema {
  if (!isObject(schema)) return {};
  const each = share(values, MULTIPLYING.filter((name) => schema[name] !== undefined).length);
  return {
    ...typeOf(schema),
    ...choicesOf(schema),
    ...numbersOf(schema),
    ...stringsOf(schema),
    ...partsOf(schema, each),
    ...arrayOf(schema, each),
    ...objectOf(schema, each),
  };
}

/** Of several types that of a value: data full of nulls show little. */
function typeOf({ type, properties, items }: Json): Json {
  const named = (Array.isArray(type) ? type : [type]).filter((name) => TYPES.has(name));
  const told = named.filter((name) => name !== 'null');
  const [first = named[0], ...others] = told;
  if (first !== undefined) return { type: others.length === 0 ? first : told };
  if (isObject(properties)) return { type: 'object' };
  return isObject(items) ? { type: 'array' } : {};
}

function choicesOf({ enum: choices, const: only, default: usual, example, examples }: Json): Json {
  const shown = Array.isArray(examples) ? examples.slice(0, MAX_CHOICES) : example === undefined ? [] : [example];
  return {
    ...(Array.isArray(choices) && choices.length > 0 && { enum: choices.slice(0, MAX_CHOICES) }),
    ...(only !== undefined && { const: only }),
    ...(usual !== undefined && { default: usual }),
    ...(shown.length > 0 && { examples: shown }),
  };
}

const LOWER = ['minimum', 'exclusiveMinimum'] as const;
const UPPER = ['maximum', 'exclusiveMaximum'] as const;

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

/** Bounds between which there is nothing are none. OpenAPI 3.0 says with `true` that the bound itself is excluded. */
function numbersOf(schema: Json): Json {
  const bound = (names: readonly [string, string]): [string, number][] => {
    const [inclusive, exclusive] = names;
    const limit = schema[inclusive];
    if (schema[exclusive] === true && isNumber(limit)) return [[exclusive, limit]];
    return names.flatMap((name) => {
      const value = schema[name];
      return isNumber(value) ? [[name, value] as [string, number]] : [];
    });
  };
  const lower = bound(LOWER);
  const upper = bound(UPPER);
  const fits = lower.every(([, low]) => upper.every(([, high]) => low <= high));
  const step = schema['multipleOf'];
  return {
    ...Object.fromEntries(lower),
    ...(fits && Object.fromEntries(upper)),
    ...(isNumber(step) && step > 0 && { multipleOf: step }),
  };
}

const countOf = (value: unknown, usual: number, most: number) =>
  isNumber(value) && value >= 0 ? Math.min(Math.floor(value), most) : usual;

function stringsOf({ format, pattern, minLength, maxLength }: Json): Json {
  const least = countOf(minLength, 0, MAX_STRING);
  return {
    ...(typeof format === 'string' && { format }),
    ...(typeof pattern === 'string' && isModest(pattern) && { pattern }),
    ...(minLength !== undefined && { minLength: least }),
    ...(maxLength !== undefined && { maxLength: Math.max(least, countOf(maxLength, MAX_STRING, MAX_STRING)) }),
  };
}

/** Whether the texts that a pattern describes are short: its repetitions may stand inside each other. */
function isModest(pattern: string): boolean {
  if (pattern.length > MAX_PATTERN) return false;
  const counts = [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].map(([, from, to]) => Number(to || from) + 1);
  return counts.reduce((product, count) => product * count, 1) <= MAX_REPETITION;
}

const share = (values: number, among: number) => Math.max(1, Math.floor(values / Math.max(1, among)));

function partsOf(schema: Json, values: number): Json {
  const parts: Json = {};
  for (const name of ['allOf', 'anyOf', 'oneOf']) {
    const members = schema[name];
    if (!Array.isArray(members) || members.length === 0) continue;
    const some = members.slice(0, Math.min(MAX_MEMBERS, values));
    parts[name] = some.map((member) => tame(member, share(values, some.length)));
  }
  return parts;
}

function arrayOf({ items, prefixItems, minItems, maxItems, uniqueItems }: Json, values: number): Json {
  const first = Array.isArray(prefixItems) ? prefixItems.slice(0, Math.min(MAX_MEMBERS, values)) : [];
  if (!isObject(items) && first.length === 0) return {};
  const most = values <= 1 ? 0 : countOf(maxItems, MAX_MEMBERS, Math.min(MAX_MEMBERS, values));
  const count = Math.min(countOf(minItems, USUAL_ITEMS, MAX_MEMBERS), most);
  return {
    ...(isObject(items) && { items: tame(items, share(values, count)) }),
    ...(first.length > 0 && { prefixItems: first.map((item) => tame(item, share(values, first.length))) }),
    minItems: count,
    maxItems: count,
    ...(uniqueItems === true && { uniqueItems }),
  };
}

/** Members that the schema only allows (`additionalProperties`) are not made up: nobody knows their names. */
function objectOf({ properties }: Json, values: number): Json {
  if (!isObject(properties)) return {};
  const members = Object.entries(properties)
    .filter(([name]) => name !== '__proto__')
    .slice(0, values);
  const each = share(values, members.length);
  return {
    properties: Object.fromEntries(members.map(([name, member]) => [name, tame(member, each)])),
    required: members.map(([name]) => name),
    additionalProperties: false,
  };
}
