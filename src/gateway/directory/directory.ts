import { type Clock, MINUTE, SECOND } from '../../kernel/clock.ts';

/** Shards that all names are spread over. */
const SHARDS = 64;

/** Which shard knows a name: FNV-1a (RFC 9923) over its UTF-16 units. */
export function shardOf(name: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  return `shard-${(hash >>> 0) % SHARDS}`;
}

export const slugName = (slug: string) => `slug:${slug}`;

/** The slug that a name stands for, if it is one. */
export const slugIn = (name: string) => (name.startsWith('slug:') ? name.slice('slug:'.length) : undefined);

export const hostName = (host: string) => `host:${host}`;

/** The host that a name stands for, if it is one. */
export const hostIn = (name: string) => (name.startsWith('host:') ? name.slice('host:'.length) : undefined);

export interface DirectoryClientDeps {
  clock: Clock;
  /** Asks the shard that knows the name. */
  ask(name: string, options: { anew: boolean }): Promise<string | undefined>;
}

/** An isolate remembers so many names, somebody's for a while and nobody's for a moment. */
const MAX_NAMES = 10_000;
const SOMEBODY_FOR = 10 * MINUTE;
const NOBODY_FOR = 5 * SECOND;

/** Requests by a name that an organization does not know itself by must not become questions to the database each. */
const ANEW_EVERY = 1 * SECOND;

export interface Directory {
  /**
   * The organization that has a name. It may be out of date: who gets an answer sees whether the organization knows
   * itself by that name, and asks `anew` if not.
   */
  find(name: string, options?: { anew?: boolean }): Promise<string | undefined>;
}

/** An isolate's view of the directory. */
export function createDirectory({ clock, ask }: DirectoryClientDeps): Directory {
  const known = new Map<string, { id: string | undefined; until: number; anewAt: number }>();

  function remember(name: string, id: string | undefined, now: number, anew: boolean): void {
    known.delete(name);
    const [oldest] = known.keys();
    if (known.size >= MAX_NAMES && oldest !== undefined) known.delete(oldest);
    const until = now + (id === undefined ? NOBODY_FOR : SOMEBODY_FOR);
    known.set(name, { id, until, anewAt: anew ? now : Number.NEGATIVE_INFINITY });
  }

  return {
    async find(name, { anew = false } = {}) {
      const now = clock().getTime();
      const entry = known.get(name);
      const isKnown = entry && now < entry.until && (!anew || now < entry.anewAt + ANEW_EVERY);
      if (isKnown) return entry.id;
      const id = await ask(name, { anew });
      remember(name, id, now, anew);
      return id;
    },
  };
}
