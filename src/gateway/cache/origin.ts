import type { FieldReader } from '../../http/header-fields.ts';
import { type Answer, freshenedFields, initialAge, readAnswer, storedFields } from './answer.ts';
import { ASK_FOR } from './coding.ts';
import { sameTag, validationFields } from './conditions.ts';
import type { Terms } from './request.ts';

/** How the upstream is asked otherwise than the client asked us. */
export interface Ask {
  /** Sets a request field (lower case), or removes it (`null`). */
  fields: readonly (readonly [name: string, value: string | null])[];
  query: string;
  /** Nobody waits for this answer: the client's going away must not end it. */
  behind: boolean;
}

/**
 * Reaches the upstream. The body of the answer must be as on the wire (`encodeResponseBody: 'manual'`), since it is
 * stored and passed on with its Content-Encoding. Throws where there is no answer. Called without changes, it sends the
 * call as it came.
 */
export type Forward = (ask?: Ask) => Promise<Response>;

export interface Asked {
  response: Response;
  requestedAt: number;
  receivedAt: number;
}

/**
 * The fields to ask with. With a stored answer that the origin can confirm: its validators in place of the client's, and
 * no range. Where the answer is to be stored: without the client's own conditions, for a 304 would fill nothing; they
 * are applied to what comes.
 */
export function askFor(terms: Terms, stored: Answer | null, fills: boolean): Ask['fields'] {
  const fields: [string, string | null][] = [['accept-encoding', ASK_FOR[terms.coding]]];
  const validators = stored === null ? [] : validationFields(stored);
  if (validators.length === 0 && !fills) return fields;
  const whole: [string, string | null][] = ['if-none-match', 'if-modified-since', 'range', 'if-range'].map((name) => [
    name,
    null,
  ]);
  const names = new Set(validators.map(([name]) => name));
  return [...fields, ...whole.filter(([name]) => !names.has(name)), ...validators];
}

/** RFC 9111 §4.3.4: a 304 confirms what it was asked about, unless it names another tag. */
export const confirms = (stored: Answer, { status, headers }: Response): boolean => {
  const tag = headers.get('etag');
  return status === 304 && (tag === null || (stored.etag !== null && sameTag(tag, stored.etag)));
};

export function freshen(stored: Answer, { response, requestedAt, receivedAt }: Asked): Answer {
  const fields = freshenedFields(stored.fields, response.headers);
  const age = initialAge(response.headers, requestedAt, receivedAt);
  const { kind, status, length } = stored;
  return readAnswer({ kind, status, length, fields, requestedAt, receivedAt, initialAge: age });
}

export function newAnswer({ response, requestedAt, receivedAt }: Asked, length: number): Answer {
  const fields = storedFields(response.headers);
  // RFC 9110 §6.6.1: a recipient with a clock adds the Date that is missing.
  if (!response.headers.has('date')) fields.push(['date', new Date(receivedAt).toUTCString()]);
  const age = initialAge(response.headers, requestedAt, receivedAt);
  return readAnswer({
    kind: 'answer',
    status: response.status,
    fields,
    requestedAt,
    receivedAt,
    initialAge: age,
    length,
  });
}

/** Fields of the answer's Vary that the key does not have yet. */
export function varyBeyond(headers: FieldReader, keyed: readonly string[]): string[] {
  const named = (headers.get('vary') ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  return named.filter((name) => name !== '' && name !== 'accept-encoding' && !keyed.includes(name));
}

/** What RFC 5861 §4 counts as an error. */
export const failed = (status: number): boolean => status === 500 || status === 502 || status === 503 || status === 504;
