import type { ByteRange } from './range.ts';

/** A record as it lies in the store: JSON beside bytes. */
interface StoredRecord {
  record: string;
  body: ReadableStream<Uint8Array> | null;
}

/** Where answers lie. May forget anything at any time, and fail: the cache then goes on without it. */
export interface CacheStore {
  /** `range` cuts the body; a store that cannot returns nothing. */
  get(key: string, range?: ByteRange): Promise<StoredRecord | undefined>;
  /**
   * A stream gives exactly `length` bytes, or nothing may be stored. It is the end of a `FixedLengthStream`, or was read
   * from this store: workerd knows the length of both.
   */
  put(key: string, record: string, body: StoreBody, keepSeconds: number): Promise<void>;
  delete(key: string): Promise<void>;
}

export type StoreBody = Uint8Array<ArrayBuffer> | { stream: ReadableStream<Uint8Array>; length: number } | null;

/** Header fields have a limit of 128 KB in all on Workers; answers with more than this are not stored. */
export const LONGEST_RECORD = 32_768;

const RECORD = 'weir-record';

/** Where a Response's fields are Latin-1, everything beyond ASCII is written as an escape of JSON. */
const ascii = (json: string) =>
  json.replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * The store over the Workers Cache API. Everything of an answer that this API would act on (status, Cache-Control,
 * Vary, ETag, Content-Encoding, Set-Cookie) is in one field of our own beside an opaque body: it neither refuses, nor
 * decodes, nor revalidates anything by itself, and only its clock for eviction is used.
 * https://developers.cloudflare.com/workers/runtime-apis/cache/
 */
export function workersCacheStore(open: () => Promise<Cache>): CacheStore {
  return {
    async get(key, range) {
      const headers: HeadersInit = range === undefined ? {} : { range: `bytes=${range.first}-${range.last}` };
      const found = await (await open()).match(new Request(key, { headers }));
      const record = found?.headers.get(RECORD);
      if (found === undefined) return undefined;
      if (record === null || record === undefined || (range !== undefined && found.status !== 206)) {
        await found.body?.cancel();
        return undefined;
      }
      return { record, body: found.body };
    },
    async put(key, record, body, keepSeconds) {
      const headers = {
        'cache-control': `max-age=${keepSeconds}`,
        'content-type': 'application/octet-stream',
        [RECORD]: ascii(record),
      };
      const cache = await open();
      if (body === null || body instanceof Uint8Array) {
        await cache.put(key, new Response(body ?? new Uint8Array(), { headers }));
        return;
      }
      // The stream knows its own length, so a body that breaks off is refused.
      await cache.put(key, new Response(body.stream, { headers }));
    },
    async delete(key) {
      await (await open()).delete(key);
    },
  };
}
