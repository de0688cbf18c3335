import type { Entry, Store } from './store.ts';

/** How an entry is written: collections as lists, everything else as it is. */
type Saved = [key: string, type: string, value: unknown, expiresAt: number | null];

export function writeSnapshot(store: Store): string {
  const saved = store.keys().flatMap((key): Saved[] => {
    const entry = store.get(key);
    if (!entry) return [];
    return [[key, entry.type, entry.type === 'string' ? entry.value : [...entry.value], entry.expiresAt ?? null]];
  });
  return JSON.stringify(saved);
}

export function readSnapshot(store: Store, text: string): void {
  const saved: Saved[] = JSON.parse(text);
  for (const [key, type, value, expiresAt] of saved) store.put(key, restore(type, value, expiresAt ?? undefined));
}

function restore(type: string, value: unknown, expiresAt: number | undefined): Entry {
  if (type === 'string') return { type, value: String(value), expiresAt };
  if (!Array.isArray(value)) throw new Error(`the snapshot holds a ${type} that is not a list`);
  switch (type) {
    case 'hash':
      return { type, value: new Map(value), expiresAt };
    case 'set':
      return { type, value: new Set(value), expiresAt };
    case 'zset':
      return { type, value: new Map(value), expiresAt };
    default:
      throw new Error(`the snapshot holds an unknown type: ${type}`);
  }
}
