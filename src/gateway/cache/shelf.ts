import type { Clock } from '../../kernel/clock.ts';
import type { CachePolicy } from '../compiled.ts';
import { dropBody } from '../message.ts';
import { type Answer, type AnswerRecord, type Body, readAnswer, type VaryRecord } from './answer.ts';
import { KEEP_LONGEST_SECONDS, keepFor } from './freshness.ts';
import { type VariantFacts, variantKey } from './key.ts';
import { createMemory, type Memory } from './memory.ts';
import type { ByteRange } from './range.ts';
import { type CacheStore, LONGEST_RECORD, type StoreBody } from './store.ts';

/** Bodies up to this size are kept in the isolate for a moment, and read whole. */
export const SMALL_BYTES = 65_536;

/** An isolate's copies live so long: what another isolate wrote, confirmed or invalidated is seen after that. */
const COPY_MS = 5_000;

/** Of the 128 MB of an isolate. */
const COPIES_BYTES = 8 * 1_048_576;

/** An answer that differs by more fields than this is not stored. */
const MOST_NAMES = 8;

/** A note that a path was written to: whatever was asked for before does not hold any more. */
interface WrittenRecord {
  kind: 'written';
  at: number;
}

/** A resource, as one call sees it. */
export interface Place extends VariantFacts {
  resource: string;
  /** Where writes to it are noted. */
  writes: readonly string[];
}

export interface Found {
  /** Where the answer for this call lies or would lie. */
  key: string;
  names: readonly string[];
  answer: Answer | null;
  body: Body;
  miss: 'uri-miss' | 'vary-miss';
}

type Copy = { kind: 'answer'; answer: Answer; body: Uint8Array<ArrayBuffer> } | VaryRecord;

export interface ShelfDeps {
  store: CacheStore;
  clock: Clock;
  /** The store failed: the cache goes on without it. */
  onStoreError(error: unknown): void;
}

/** The store with an isolate's copies in front, in terms of answers. */
export interface Shelf {
  find(place: Place): Promise<Found>;
  save(key: string, answer: Answer, body: StoreBody, policy: CachePolicy): Promise<void>;
  /** Where an answer with this Vary goes; `null`: nowhere. Keeps note of the fields it differs by. */
  place(
    place: Place,
    known: readonly string[],
    vary: readonly string[],
  ): Promise<{ key: string; names: readonly string[] } | null>;
  range(key: string, range?: ByteRange): Promise<ReadableStream<Uint8Array> | null>;
  remove(key: string): Promise<void>;
  noteWrite(paths: readonly string[]): Promise<void>;
}

export function createShelf({ store, clock, onStoreError }: ShelfDeps): Shelf {
  const copies: Memory<Copy> = createMemory({ maxBytes: COPIES_BYTES, maxEntries: 10_000, forMs: COPY_MS });
  const written: Memory<number> = createMemory({ maxBytes: COPIES_BYTES, maxEntries: 10_000, forMs: COPY_MS });
  const now = () => clock().getTime();

  const orElse = async <T>(task: Promise<T>, fallback: T): Promise<T> => {
    try {
      return await task;
    } catch (error) {
      onStoreError(error);
      return fallback;
    }
  };

  /** Written under a key that names the version of this form, by `save`, `place` and `noteWrite` alone. */
  const parse = (json: string) => JSON.parse(json) as AnswerRecord | VaryRecord | WrittenRecord;

  async function writtenAt(path: string): Promise<number> {
    const found = await orElse(store.get(path), undefined);
    await found?.body?.cancel();
    const record = found === undefined ? undefined : parse(found.record);
    const at = record?.kind === 'written' ? record.at : 0;
    written.set(path, at, path.length, now());
    return at;
  }

  async function read(key: string): Promise<Copy | { kind: 'answer'; answer: Answer; body: Body } | undefined> {
    const copy = copies.get(key, now());
    if (copy !== undefined) return copy;
    const found = await orElse(store.get(key), undefined);
    if (found === undefined) return undefined;
    const record = parse(found.record);
    if (record.kind === 'answer' && record.length > SMALL_BYTES)
      return { kind: 'answer', answer: readAnswer(record), body: found.body };
    const body = new Uint8Array(await orElse(new Response(found.body).arrayBuffer(), new ArrayBuffer()));
    if (record.kind === 'written' || (record.kind === 'answer' && body.length !== record.length)) return undefined;
    const fresh: Copy = record.kind === 'vary' ? record : { kind: 'answer', answer: readAnswer(record), body };
    copies.set(key, fresh, body.length + found.record.length + key.length, now());
    return fresh;
  }

  async function remember(key: string, record: VaryRecord): Promise<void> {
    copies.set(key, record, 512 + key.length, now());
    await orElse(store.put(key, JSON.stringify(record), null, KEEP_LONGEST_SECONDS), undefined);
  }

  return {
    async find({ resource, writes, ...facts }) {
      const copied = copies.get(resource, now());
      const noted = Promise.all(writes.map((path) => written.get(path, now()) ?? writtenAt(path)));
      const [first, times] = await Promise.all([copied ?? read(resource), noted]);
      const names = first?.kind === 'vary' ? first.names : [];
      const key = names.length === 0 ? resource : variantKey(resource, names, facts);
      const found = first?.kind === 'vary' ? await read(key) : first;
      const miss = first === undefined ? 'uri-miss' : 'vary-miss';
      if (found?.kind !== 'answer') return { key, names, answer: null, body: null, miss };
      if (found.answer.requestedAt > Math.max(...times))
        return { key, names, answer: found.answer, body: found.body, miss };
      await dropBody(found);
      return { key, names, answer: null, body: null, miss: 'uri-miss' };
    },

    async save(key, answer, body, policy) {
      const { directives: _, etag: _etag, lastModified: _date, lifetime: _seconds, ...record } = answer;
      const json = JSON.stringify(record);
      const bytes = body === null ? new Uint8Array() : body;
      if (bytes instanceof Uint8Array && bytes.length <= SMALL_BYTES) {
        copies.set(key, { kind: 'answer', answer, body: bytes }, bytes.length + json.length + key.length, now());
      } else copies.delete(key);
      const keep = keepFor(answer, policy, now());
      await orElse(store.put(key, json, body, keep), undefined);
    },

    async place({ resource, ...facts }, known, vary) {
      const names = [...new Set([...known, ...vary])].sort();
      if (names.length === 0) return { key: resource, names };
      if (names.length > MOST_NAMES) return null;
      if (names.length > known.length) await remember(resource, { kind: 'vary', names });
      return { key: variantKey(resource, names, facts), names };
    },

    async range(key, range) {
      return (await orElse(store.get(key, range), undefined))?.body ?? null;
    },

    async remove(key) {
      copies.delete(key);
      await orElse(store.delete(key), undefined);
    },

    async noteWrite(paths) {
      const record: WrittenRecord = { kind: 'written', at: now() };
      for (const path of paths) written.set(path, record.at, path.length, record.at);
      await Promise.all(
        paths.map((path) => orElse(store.put(path, JSON.stringify(record), null, KEEP_LONGEST_SECONDS), undefined)),
      );
    },
  };
}

/** Whether the store can hold so many header fields. */
export const recordFits = (answer: Answer): boolean =>
  answer.fields.reduce((sum, [name, value]) => sum + name.length + value.length + 6, 0) <= LONGEST_RECORD / 2;
