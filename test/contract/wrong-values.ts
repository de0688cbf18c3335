/** A JSON Schema of a body or one of its fields, as far as the contract uses it. */
export interface Schema {
  type?: string;
  anyOf?: Schema[];
  /** A schema of its own: that of any JSON value, which nothing is wrong for. */
  $ref?: string;
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  format?: string;
}

const BY_TYPE: Record<string, unknown[]> = {
  string: [42, true, {}, [], ['text']],
  integer: ['7', true, {}, [], 1.5],
  number: ['7', true, {}, []],
  boolean: ['true', 1, {}, []],
  object: ['text', 7, true, []],
};

function wrongLengths({ minLength, maxLength }: Schema): unknown[] {
  const texts: unknown[] = [];
  if (minLength !== undefined && minLength > 0) texts.push('a'.repeat(minLength - 1));
  if (maxLength !== undefined)
    texts.push('a'.repeat(maxLength + 1), 'é'.repeat(maxLength + 1), '😀'.repeat(maxLength + 1));
  return texts;
}

/**
 * Values that the schema's field must refuse: of another type, too short and long, out of range, not of the set, not
 * storable. `null` too, unless the field may be null.
 */
export function wrongValues(schema: Schema): unknown[] {
  if (schema.$ref !== undefined) return [];
  const options = schema.anyOf ?? [schema];
  const nullable = options.some((option) => option.type === 'null' || option.const === null);
  const kinds = options.filter((option) => option.type !== 'null');
  const wrong: unknown[] = nullable ? [] : [null];
  for (const kind of kinds) {
    wrong.push(...(BY_TYPE[kind.type ?? typeOf(kind)] ?? []), ...wrongLengths(kind));
    if (kind.minimum !== undefined) wrong.push(kind.minimum - 1);
    if (kind.maximum !== undefined) wrong.push(kind.maximum + 1);
    if (kind.enum || kind.const !== undefined) wrong.push('not one of them', '');
    if (kind.format !== undefined && kind.format !== 'password') wrong.push('not of this format');
    if (kind.type === 'string' && !kind.enum && !kind.format && !kind.pattern)
      wrong.push('a\0b'.padEnd(kind.minLength ?? 0, 'c'), '\ud800'.padEnd(kind.minLength ?? 0, 'c'));
  }
  return wrong.filter((value) => !kinds.some((kind) => fits(kind, value)));
}

/** Whether a value that is wrong for one kind is right for another: `"7"` where an integer or its text is taken. */
function fits(kind: Schema, value: unknown): boolean {
  const { type, minimum = -Infinity, maximum = Infinity, pattern, required = [] } = kind;
  if (kind.enum) return kind.enum.includes(value);
  if (type === 'integer' || type === 'number') {
    const isNumber = type === 'integer' ? Number.isInteger(value) : typeof value === 'number';
    return isNumber && Number(value) >= minimum && Number(value) <= maximum;
  }
  if (type === 'object') return isObject(value) && required.length === 0;
  if (type === 'array') return Array.isArray(value) && kind.items?.$ref !== undefined;
  if (type !== 'string') return typeof value === type;
  return typeof value === 'string' && (pattern === undefined ? isPlain(kind, value) : new RegExp(pattern).test(value));
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

const isPlain = ({ format, minLength = 0, maxLength = Infinity }: Schema, value: string) =>
  format === undefined &&
  value.length >= minLength &&
  value.length <= maxLength &&
  value.isWellFormed() &&
  !value.includes('\0');

const typeOf = (kind: Schema) => (kind.enum ? typeof kind.enum[0] : kind.const === undefined ? '' : 'number');
