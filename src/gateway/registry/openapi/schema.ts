import { isBoundedJson } from '../policy-shape.ts';
import { at, isObject, type Json, lookUp } from './pointer.ts';
import { NOWHERE, REMOTE, type Reading } from './reading.ts';

/**
 * A schema of a document as it is stored: JSON Schema without references, since what refers is resolved where it stands.
 * Where a schema refers to itself, or goes on beyond the bounds, it is cut: an optional member is left out, a list is empty.
 */

/** Levels of arrays and objects that a stored value may have, the arrays inside the deepest schema included. */
const MAX_LEVEL = 16;
const MAX_NODES = 500;

const PLAIN = [
  ...['type', 'format', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum', 'exclusiveMinimum'],
  ...['exclusiveMaximum', 'multipleOf', 'minItems', 'maxItems', 'uniqueItems', 'required'],
  ...['enum', 'const', 'default', 'examples', 'example'],
];

interface Expansion {
  reading: Reading;
  left: number;
  isCut: boolean;
}

interface Where {
  pointer: string;
  /** Pointers of what is being resolved. */
  within: readonly string[];
  level: number;
}

/** How many schemas were looked at is told, so that a document can be bounded as a whole. */
export function expandSchema(reading: Reading, schema: unknown, pointer: string): { schema: unknown; nodes: number } {
  const expansion: Expansion = { reading, left: MAX_NODES, isCut: false };
  const expanded = expand(expansion, schema, { pointer, within: [], level: 1 });
  if (expansion.isCut) reading.warn(pointer, 'is large or deep; parts of it were left out of the mock answer');
  return { schema: expanded, nodes: MAX_NODES - expansion.left };
}

/** Nothing where it is cut. */
function expand(expansion: Expansion, schema: unknown, where: Where): Json | undefined {
  const { reading } = expansion;
  if (schema === true) return {};
  if (schema === false) return undefined;
  if (!isObject(schema)) {
    reading.fault(where.pointer, 'must be a schema');
    return undefined;
  }
  // A schema may have lists in it, whose members may be lists.
  if (expansion.left === 0 || where.level > MAX_LEVEL - 2) {
    expansion.isCut = true;
    return undefined;
  }
  expansion.left -= 1;
  const reference = schema['$ref'];
  if (typeof reference !== 'string') return expandOwn(expansion, schema, where);
  const found = reference.startsWith('#') ? lookUp(reading.root, reference) : undefined;
  if (!found) {
    reading.fault(at(where.pointer, '$ref'), reference.startsWith('#') ? NOWHERE : REMOTE);
    return undefined;
  }
  if (where.within.includes(found.pointer)) return undefined;
  const within = [...where.within, found.pointer];
  const referred = expand(expansion, found.value, { pointer: found.pointer, within, level: where.level });
  // OpenAPI 3.1 lets keywords stand beside a reference.
  return referred && { ...referred, ...expandOwn(expansion, schema, where) };
}

function expandOwn(expansion: Expansion, schema: Json, where: Where): Json {
  const { items, properties, nullable, type } = schema;
  const own: Json = {};
  for (const name of PLAIN) {
    const value = schema[name];
    if (value === undefined || value === null) continue;
    if (isBoundedJson(value, MAX_LEVEL - where.level)) own[name] = value;
    else expansion.isCut = true;
  }
  if (nullable === true && typeof type === 'string') own['type'] = [type, 'null'];
  const inner = (part: unknown, ...names: readonly (string | number)[]) =>
    expand(expansion, part, { ...where, pointer: at(where.pointer, ...names), level: where.level + names.length });
  if (items !== undefined) {
    const member = inner(items, 'items');
    if (member) own['items'] = member;
    else Object.assign(own, { minItems: 0, maxItems: 0 });
  }
  if (isObject(properties)) {
    const members = Object.entries(properties)
      .filter(([name]) => name !== '__proto__')
      .flatMap(([name, member]) => {
        const expanded = inner(member, 'properties', name);
        return expanded ? [[name, expanded] as const] : [];
      });
    own['properties'] = Object.fromEntries(members);
  }
  for (const name of ['allOf', 'anyOf', 'oneOf', 'prefixItems']) {
    const members = schema[name];
    if (!Array.isArray(members)) continue;
    const expanded = members.flatMap((member, index) => inner(member, name, index) ?? []);
    if (expanded.length > 0) own[name] = expanded;
  }
  return own;
}
