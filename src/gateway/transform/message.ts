import type { FieldReader, HeaderFields } from '../../http/header-fields.ts';
import { BODILESS } from '../message.ts';
import type { BodyFault, JsonChange } from './body.ts';

/**
 * Why a message cannot be changed, beside the faults of its body: `coding` is one that cannot be decoded here, `partial`
 * a part of a body (206). On the way in: 413 for `too_large`, 415 for `coding`, 400 for the others; on the way back: 502.
 */
export type MessageFault = BodyFault | { ok: false; reason: 'coding' | 'partial'; message: string };

/** `body` is what goes on: as it came where nothing is to be changed, else a text. */
export type ChangedBody = { ok: true; body: ReadableStream<Uint8Array> | string | null } | MessageFault;

const JSON_TYPE = /^(?:(?:application|text)\/json|application\/[a-z0-9!#$&^_.+-]+\+json)\s*(?:;|$)/i;

/** JSON, and not a sequence of it: those are streams, and stay so. `text/json` is no registered type, and in use. */
export const isJsonType = (headers: FieldReader): boolean => {
  const type = headers.get('content-type');
  return type !== null && JSON_TYPE.test(type) && !/^application\/json-seq/i.test(type);
};

/** Fields that say something about the exact bytes of a body (RFC 9110 §8, RFC 9530). */
const OF_THE_BYTES: readonly string[] = [
  'content-length',
  'content-encoding',
  'content-range',
  'accept-ranges',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
  'etag',
];

/**
 * Fields for a body that was changed. The entity tag becomes a weak one: it names the same state of the resource, not the
 * same bytes (RFC 9110 §8.8.1), so that If-None-Match goes on working with the upstream.
 */
function adjust(headers: HeaderFields): void {
  const tag = headers.get('etag');
  for (const name of OF_THE_BYTES) headers.delete(name);
  if (tag !== null) headers.set('etag', tag.startsWith('W/') ? tag : `W/${tag}`);
}

async function readText(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<string | BodyFault> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
  let bytes = 0;
  let text = '';
  try {
    // Leaving the loop cancels the stream.
    for await (const chunk of body) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) {
        return { ok: false, reason: 'too_large', message: `the body is larger than ${maxBytes} bytes` };
      }
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    // JSON between systems is UTF-8 (RFC 8259 §8.1). Whatever else fails is the connection's failure.
    if (error instanceof TypeError && bytes > 0) {
      return { ok: false, reason: 'not_json', message: 'the body is not UTF-8' };
    }
    throw error;
  }
}

async function changed(
  change: JsonChange,
  headers: HeaderFields,
  body: ReadableStream<Uint8Array>,
  mapping: boolean,
): Promise<ChangedBody> {
  const text = await readText(body, change.maxBytes);
  if (typeof text !== 'string') return text;
  if (text === '') return { ok: true, body: text };
  const outcome = change.apply(text, mapping);
  if (!outcome.ok) return outcome;
  adjust(headers);
  return { ok: true, body: outcome.text };
}

/**
 * The body of a request, mapped; `headers`, those that go to the upstream, are adjusted with it. It is for the caller to
 * say what a body is, so that anything but JSON would be a way around the map.
 * The platform does not decode requests, so that a coded body cannot be read, and is not let past its map.
 */
export async function changeRequest(
  change: JsonChange | null,
  headers: HeaderFields,
  body: ReadableStream<Uint8Array> | null,
): Promise<ChangedBody> {
  if (!change || !body) return { ok: true, body };
  if (!isJsonType(headers)) return { ok: false, reason: 'coding', message: 'only JSON can be mapped' };
  const coding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (coding !== 'identity') return { ok: false, reason: 'coding', message: 'a coded body cannot be mapped' };
  return changed(change, headers, body, true);
}

/** What the platform has decoded by the time a body is read. */
const DECODED: ReadonlySet<string> = new Set(['identity', 'gzip', 'br']);

/** What the caller accepts, as far as it is JSON; all JSON where it would rather have something else. */
function jsonOf(accept: string | null): string {
  const ranges = (accept ?? '').split(',').map((range) => range.trim());
  return ranges.filter((range) => JSON_TYPE.test(range)).join(', ') || 'application/json';
}

/** Has the upstream answer in a form that can be changed: JSON, whole, and in a coding that the platform decodes. */
export function askForWhole(change: JsonChange | null, headers: HeaderFields): void {
  if (!change) return;
  headers.set('accept', jsonOf(headers.get('accept')));
  headers.delete('range');
  headers.delete('if-range');
  headers.set('accept-encoding', 'gzip');
}

/** A body in which nothing can be hidden is passed on if there is nothing in it. */
async function onlyEmpty(body: ReadableStream<Uint8Array>): Promise<ChangedBody> {
  // Leaving the loop cancels the stream.
  for await (const chunk of body) {
    if (chunk.byteLength > 0) return { ok: false, reason: 'not_json', message: 'only JSON can be masked' };
  }
  return { ok: true, body: null };
}

/**
 * The body of an answer, mapped (if it is one of success) and masked, if it is JSON; `headers`, those that go to the
 * caller, are adjusted with it. An answer that was to be changed and cannot be is never passed on as it is, since what
 * was to be hidden would be shown; with a mask that is every body that is not JSON, as the same may stand in it.
 */
export async function changeAnswer(
  change: JsonChange | null,
  answer: { method: string; status: number; body: ReadableStream<Uint8Array> | null },
  headers: HeaderFields,
): Promise<ChangedBody> {
  const { method, status, body } = answer;
  if (!change) return { ok: true, body };
  const json = isJsonType(headers);
  if (method === 'HEAD' || BODILESS.has(status) || body === null) {
    if (json || (status === 304 && headers.has('etag'))) adjust(headers);
    return { ok: true, body: null };
  }
  if (!json) return change.masks ? onlyEmpty(body) : { ok: true, body };
  if (status === 206) return { ok: false, reason: 'partial', message: 'a part of a body cannot be mapped or masked' };
  const codings = (headers.get('content-encoding') ?? 'identity').toLowerCase().split(',');
  if (!codings.every((coding) => DECODED.has(coding.trim()))) {
    return { ok: false, reason: 'coding', message: 'the coding of the body cannot be decoded' };
  }
  return changed(change, headers, body, status >= 200 && status <= 299);
}
