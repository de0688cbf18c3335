import type { ApiDefinition } from './definition.ts';
import { SECRET_MASK } from './policy-shape.ts';
import { secretTexts } from './secrets.ts';

/**
 * One difference between two definitions, after JSON Patch (RFC 6902) with two departures that make it readable: the
 * value before is told too, and members of lists that have an id, a name or an address are named by it, not by their
 * position, so that one endpoint more is one difference. `reorder`: the same members in another order.
 */
export interface Change {
  op: 'add' | 'remove' | 'replace' | 'reorder';
  /** JSON pointer (RFC 6901). */
  path: string;
  before?: unknown;
  after?: unknown;
}

/** What leads from one stored definition to another, in the order of the definition; secrets are masked. */
export function changesBetween(before: ApiDefinition | undefined, after: ApiDefinition): Change[] {
  const secrets = new Set([...(before ? secretTexts(before) : []), ...secretTexts(after)]);
  return [...changes('', before ?? {}, after)].map((change) => mask(change, secrets) as Change);
}

const NAMES = ['id', 'name', 'url'] as const;

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object';

const pointer = (path: string, name: string) => `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

function* changes(path: string, before: unknown, after: unknown): Generator<Change> {
  if (!isObject(before) || !isObject(after) || Array.isArray(before) !== Array.isArray(after)) {
    if (before !== after) yield { op: 'replace', path, before, after };
    return;
  }
  if (!Array.isArray(before) || !Array.isArray(after)) {
    yield* memberChanges(path, new Map(Object.entries(before)), new Map(Object.entries(after)));
    return;
  }
  const [old, now] = [named(before), named(after)];
  if (!old || !now) return yield* memberChanges(path, numbered(before), numbered(after));
  yield* memberChanges(path, old, now);
  const [were, are] = [[...old.keys()].filter((key) => now.has(key)), [...now.keys()].filter((key) => old.has(key))];
  if (were.some((key, index) => key !== are[index])) yield { op: 'reorder', path, before: were, after: are };
}

type Members = ReadonlyMap<string, unknown>;

function* memberChanges(path: string, before: Members, after: Members): Generator<Change> {
  for (const [key, value] of before) {
    if (after.get(key) === undefined && value !== undefined) {
      yield { op: 'remove', path: pointer(path, key), before: value };
    }
  }
  for (const [key, value] of after) {
    const old = before.get(key);
    if (old !== undefined && value !== undefined) yield* changes(pointer(path, key), old, value);
    else if (value !== undefined) yield { op: 'add', path: pointer(path, key), after: value };
  }
}

const numbered = (list: readonly unknown[]): Members => new Map(list.map((item, index) => [String(index), item]));

/** The members of a list by what they are called, if all of them are called something of their own. */
function named(list: readonly unknown[]): Members | undefined {
  for (const name of NAMES) {
    const members = new Map(list.map((item) => [isObject(item) ? item[name] : undefined, item]));
    const keys = [...members.keys()];
    if (members.size === list.length && keys.every((key) => typeof key === 'string')) return members as Members;
  }
  return undefined;
}

/** `value` with the mask in the place of every secret. */
function mask(value: unknown, secrets: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return secrets.has(value) ? SECRET_MASK : value;
  if (Array.isArray(value)) return value.map((item) => mask(item, secrets));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mask(item, secrets)]));
}
