/**
 * What an isolate keeps of the store for a moment: a cached hit needs no other hop then. Least recently used goes first.
 */
export interface Memory<T> {
  get(key: string, now: number): T | undefined;
  set(key: string, value: T, bytes: number, now: number): void;
  delete(key: string): void;
}

interface Limits {
  maxBytes: number;
  maxEntries: number;
  /** For how long an entry is used before the store is asked again. */
  forMs: number;
}

export function createMemory<T>({ maxBytes, maxEntries, forMs }: Limits): Memory<T> {
  const entries = new Map<string, { value: T; bytes: number; until: number }>();
  let held = 0;
  const drop = (key: string) => {
    const entry = entries.get(key);
    if (entry === undefined) return;
    held -= entry.bytes;
    entries.delete(key);
  };
  return {
    get(key, now) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      if (entry.until <= now) {
        drop(key);
        return undefined;
      }
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, bytes, now) {
      drop(key);
      if (bytes > maxBytes) return;
      entries.set(key, { value, bytes, until: now + forMs });
      held += bytes;
      for (const oldest of entries.keys()) {
        if (held <= maxBytes && entries.size <= maxEntries) break;
        drop(oldest);
      }
    },
    delete: drop,
  };
}
