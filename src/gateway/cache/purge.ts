import type { PurgeGenerations } from '../compiled.ts';

export const NEVER_PURGED: PurgeGenerations = { all: 0, endpoints: {}, tags: {} };

/** More names than this in one API's generations, and a purge of some becomes a purge of all. */
const NAMES = 1_000;

/** What to forget: everything, or the answers of some endpoints (by id) and of everything with one of some tags. */
export type Purge = { all: true } | { endpoints: readonly string[]; tags: readonly string[] };

/**
 * The generations after a purge. They are part of every key, so what was stored under the earlier ones is never found
 * again. A combination must not come twice: whoever keeps them never sets them back, also not when an older form of the
 * API is published again. A purge of all makes the other numbers new by itself, so these may be dropped.
 */
export function purge(before: PurgeGenerations, what: Purge): PurgeGenerations {
  const all = { all: before.all + 1, endpoints: {}, tags: {} };
  if ('all' in what) return all;
  const endpoints = bump(before.endpoints, what.endpoints);
  const tags = bump(before.tags, what.tags);
  return endpoints.size + tags.size > NAMES
    ? all
    : { all: before.all, endpoints: Object.fromEntries(endpoints), tags: Object.fromEntries(tags) };
}

function bump(before: Readonly<Record<string, number>>, names: readonly string[]): Map<string, number> {
  const after = new Map(Object.entries(before));
  for (const name of new Set(names)) after.set(name, (after.get(name) ?? 0) + 1);
  return after;
}

const generation = (numbers: Readonly<Record<string, number>>, name: string) =>
  Object.hasOwn(numbers, name) ? (numbers[name] ?? 0) : 0;

/** The generations that hold for one endpoint's answers, as a part of a key: digits, dots and dashes. */
export function generationsOf(purged: PurgeGenerations, endpointId: string | null, tags: readonly string[]): string {
  const ofTags = [...new Set(tags)].sort().map((tag) => generation(purged.tags, tag));
  return [purged.all, endpointId === null ? 0 : generation(purged.endpoints, endpointId), ofTags.join('-')].join('.');
}
