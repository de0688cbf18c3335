import { RedisError } from './reply.ts';

interface Values {
  string: string;
  hash: Map<string, string>;
  set: Set<string>;
  zset: Map<string, number>;
}

export type Type = keyof Values;

export type Entry = { [T in Type]: { type: T; value: Values[T]; expiresAt?: number | undefined } }[Type];

const EMPTY: { [T in Type]: () => Values[T] } = {
  string: () => '',
  hash: () => new Map(),
  set: () => new Set(),
  zset: () => new Map(),
};

/** Keys with types and expiry. Time stands still while a command or a script runs, as it does in Redis. */
export function createStore(clock: () => number) {
  const entries = new Map<string, Entry>();
  let now = clock();

  function get(key: string): Entry | undefined {
    const entry = entries.get(key);
    if (entry?.expiresAt === undefined || entry.expiresAt > now) return entry;
    entries.delete(key);
    return undefined;
  }

  /** The value under a key, undefined when there is none. @throws RedisError when it is of another type */
  function read<T extends Type>(key: string, type: T): Values[T] | undefined {
    const entry = get(key);
    if (entry === undefined) return undefined;
    if (entry.type !== type) {
      throw new RedisError('WRONGTYPE Operation against a key holding the wrong kind of value');
    }
    // The compiler does not see that equal types mean equal values.
    return entry.value as Values[T];
  }

  return {
    now: () => now,
    advance() {
      now = clock();
    },
    get,
    read,
    /** The collection under a key, made when there is none. */
    open<T extends Exclude<Type, 'string'>>(key: string, type: T): Values[T] {
      const found = read(key, type);
      if (found !== undefined) return found;
      const value = EMPTY[type]();
      entries.set(key, { type, value } as Entry);
      return value;
    },
    /** Replaces text and keeps the key's expiry. */
    write(key: string, value: string) {
      entries.set(key, { type: 'string', value, expiresAt: get(key)?.expiresAt });
    },
    put: (key: string, entry: Entry) => void entries.set(key, entry),
    remove: (key: string): boolean => get(key) !== undefined && entries.delete(key),
    /** Redis keeps no empty collections. */
    removeIfEmpty(key: string) {
      const entry = get(key);
      if (entry && entry.type !== 'string' && entry.value.size === 0) entries.delete(key);
    },
    keys: (): string[] => [...entries.keys()].filter((key) => get(key) !== undefined),
    clear: () => entries.clear(),
  };
}

export type Store = ReturnType<typeof createStore>;
