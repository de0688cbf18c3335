import type { FieldReader } from '../../http/header-fields.ts';
import { connectionNames } from '../headers/fields.ts';
import { type Directives, parseDirectives } from './directives.ts';
import { parseHttpDate } from './http-date.ts';

export type Fields = readonly (readonly [name: string, value: string])[];

/** A stored answer without its body: what is written beside it, as JSON. Names of fields are lower case. */
export interface AnswerRecord {
  kind: 'answer';
  status: number;
  fields: Fields;
  /** When the request that brought it, or confirmed it, was sent and when its header fields came; milliseconds since 1970. */
  requestedAt: number;
  receivedAt: number;
  /** RFC 9111 §4.2.3 `corrected_initial_age`, in seconds: how old it was when it came. */
  initialAge: number;
  /** Bytes of the body, as on the wire (a content coding is kept, never undone). */
  length: number;
}

/** Says at a resource's own key by which request fields its answers differ. */
export interface VaryRecord {
  kind: 'vary';
  names: readonly string[];
}

/** An answer's record with everything read out of it once that each use asks for. */
export interface Answer extends AnswerRecord {
  directives: Directives;
  etag: string | null;
  lastModified: string | null;
  /** By its own fields, in seconds: s-maxage, max-age or Expires; `null` where it names none. */
  lifetime: number | null;
}

export type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;

export function fieldOf(fields: Fields, name: string): string | null {
  for (const [key, value] of fields) if (key === name) return value;
  return null;
}

export function readAnswer(record: AnswerRecord): Answer {
  const directives = parseDirectives(fieldOf(record.fields, 'cache-control'));
  return {
    ...record,
    directives,
    etag: fieldOf(record.fields, 'etag'),
    lastModified: fieldOf(record.fields, 'last-modified'),
    lifetime: lifetimeOf(record, directives),
  };
}

/** RFC 9111 §4.2.1, without the heuristic of §4.2.2: an API's answer that names no lifetime is asked about each time. */
function lifetimeOf({ fields, receivedAt }: AnswerRecord, directives: Directives): number | null {
  const named = directives.get('s-maxage') ?? directives.get('max-age');
  if (named !== undefined) return /^\d+$/.test(named) ? Math.min(Number(named), 2 ** 31) : 0;
  const expires = fieldOf(fields, 'expires');
  if (expires === null) return null;
  const end = parseHttpDate(expires, receivedAt);
  const date = parseHttpDate(fieldOf(fields, 'date'), receivedAt) ?? receivedAt;
  return end === null ? 0 : Math.max(0, (end - date) / 1_000);
}

/** What describes one message or one hop, the request that was made, or somebody else's session: never stored. */
const NOT_STORED = new Set(
  [
    'connection',
    'keep-alive',
    'proxy-authenticate',
    'proxy-authentication-info',
    'proxy-connection',
    'te',
    'trailer',
  ].concat(['transfer-encoding', 'upgrade', 'set-cookie', 'age', 'content-length']),
);

/** The header fields of an answer as they are stored (RFC 9111 §3.1). */
export function storedFields(headers: FieldReader): [string, string][] {
  const listed = connectionNames(headers);
  const kept: [string, string][] = [];
  for (const [name, value] of headers) if (!NOT_STORED.has(name) && !listed.has(name)) kept.push([name, value]);
  return kept;
}

/** Describe the stored bytes, so a 304 does not change them (RFC 9111 §3.2). */
const OF_THE_BYTES = new Set(['content-encoding', 'content-type', 'content-range', 'content-length', 'etag']);

/** The fields of a stored answer after a 304 (RFC 9111 §4.3.4): what the 304 names replaces what was stored. */
export function freshenedFields(stored: Fields, confirmation: FieldReader): [string, string][] {
  const news = storedFields(confirmation).filter(([name]) => !OF_THE_BYTES.has(name));
  const replaced = new Set(news.map(([name]) => name));
  return [
    ...stored.filter(([name]) => !replaced.has(name)).map(([name, value]): [string, string] => [name, value]),
    ...news,
  ];
}

/**
 * RFC 9111 §4.2.3, in whole seconds as Date and Age are: else an answer of this very second had an age already. `Age`
 * counts with its first member, and not at all where that is no number (§5.1).
 */
export function initialAge(headers: FieldReader, requestedAt: number, receivedAt: number): number {
  const date = parseHttpDate(headers.get('date'), receivedAt) ?? receivedAt;
  const apparent = Math.max(0, Math.floor(receivedAt / 1_000) - Math.floor(date / 1_000));
  const first = (headers.get('age') ?? '').split(',', 1)[0]?.trim() ?? '';
  const told = /^\d+$/.test(first) ? Math.min(Number(first), 2 ** 31) : 0;
  return Math.max(apparent, told + Math.floor(Math.max(0, receivedAt - requestedAt) / 1_000));
}
