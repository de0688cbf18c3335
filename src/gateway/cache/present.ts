import { FieldMap } from '../../http/header-fields.ts';
import { AppError } from '../../kernel/errors.ts';
import { BODILESS, dropBody, type Message } from '../message.ts';
import { type Answer, type Body, fieldOf } from './answer.ts';
import { type CacheReport, formatReport } from './cache-status.ts';
import { notModified, rangeApplies } from './conditions.ts';
import { ageOf } from './freshness.ts';
import { type ByteRange, readRange } from './range.ts';
import type { CacheRequest, Terms } from './request.ts';

/** What a stored answer is shown for. */
export interface Showing {
  method: string;
  terms: Terms;
  now: number;
  /** The origin made or confirmed it for this very call: it has no Age then (RFC 9111 §5.1). */
  isFirsthand: boolean;
  /** Cuts a range out of a body that is not in memory. */
  range(range: ByteRange): Promise<ReadableStream<Uint8Array> | null>;
}

/** A stored answer as the client asked for it: whole, 304, a range, or the header fields alone. */
export async function present(answer: Answer, body: Body, showing: Showing, report: CacheReport): Promise<Message> {
  const { method, terms, now, isFirsthand } = showing;
  const headers = new FieldMap(answer.fields);
  if (!isFirsthand) headers.set('age', String(Math.floor(ageOf(answer, now))));
  // Behind the members of caches nearer to the origin, which are stored with the answer (RFC 9211 §2).
  headers.append('cache-status', formatReport(report));
  if (notModified(answer, terms)) {
    await dropBody({ body });
    // RFC 9110 §15.4.5: nothing that describes a body which is not sent.
    for (const name of ['content-type', 'content-encoding', 'content-language', 'content-range']) headers.delete(name);
    return { status: 304, headers, body: null };
  }
  const bodiless = BODILESS.has(answer.status);
  if (!bodiless) headers.set('content-length', String(answer.length));
  if (method === 'HEAD' || bodiless) {
    await dropBody({ body });
    return { status: answer.status, headers, body: null };
  }
  if (terms.range !== null && answer.status === 200 && rangeApplies(answer, terms.ifRange)) {
    const cut = await presentRange(answer, body, showing, terms.range, headers);
    if (cut !== null) return cut;
  }
  return { status: answer.status, headers, body };
}

async function presentRange(answer: Answer, body: Body, { range }: Showing, field: string, headers: FieldMap) {
  const wanted = readRange(field, answer.length);
  if (wanted === 'ignored') return null;
  if (wanted === 'unsatisfiable') {
    await dropBody({ body });
    headers.set('content-range', `bytes */${answer.length}`);
    for (const name of ['content-length', 'content-type', 'content-encoding']) headers.delete(name);
    return { status: 416, headers, body: null };
  }
  const { first, last } = wanted;
  const part = body instanceof Uint8Array ? body.subarray(first, last + 1) : await range(wanted);
  if (part === null) return null;
  await dropBody({ body });
  headers.set('content-range', `bytes ${first}-${last}/${answer.length}`);
  headers.set('content-length', String(last - first + 1));
  return { status: 206, headers, body: part };
}

/** The origin's answer as it is, with our member at the end of `Cache-Status` (RFC 9211 §2: from the origin to the user). */
export function passOn(response: Response, report: CacheReport, body: Message['body'] = response.body): Message {
  const { status } = response;
  const headers = new FieldMap(response.headers);
  headers.append('cache-status', formatReport(report));
  return { status, headers, body };
}

/** RFC 9111 §5.2.1.7. */
export function notCached({ refused }: CacheRequest): AppError {
  refused(formatReport({ fwd: 'request', detail: 'only-if-cached' }));
  return new AppError('gateway_timeout', 'Nothing that is stored may be used, and nothing else was asked for');
}

/** Whether a HEAD's answer shows that the stored one is another (RFC 9111 §4.3.5). */
export function showsChange(stored: Answer, head: Response): boolean {
  if (head.status !== stored.status) return true;
  const { headers } = head;
  const length = headers.get('content-length');
  return (
    headers.get('etag') !== stored.etag ||
    headers.get('last-modified') !== stored.lastModified ||
    headers.get('content-encoding') !== fieldOf(stored.fields, 'content-encoding') ||
    (length !== null && Number(length) !== stored.length)
  );
}
