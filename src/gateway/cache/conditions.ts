import type { Answer } from './answer.ts';
import { fieldOf } from './answer.ts';
import { parseHttpDate } from './http-date.ts';

const TAG = /[ \t]*(?:(W\/)?"([\x21\x23-\x7e\x80-\xff]*)")[ \t]*(?:,|$)/y;

const bare = (tag: string) => (tag.startsWith('W/') ? tag.slice(2) : tag);

/** The weak comparison of RFC 9110 §8.8.3.2. */
export const sameTag = (a: string, b: string): boolean => bare(a) === bare(b);

/** Whether `If-None-Match` names this tag. A malformed list names nothing. */
function namesTag(field: string, etag: string | null): boolean {
  if (field.trim() === '*') return true;
  if (etag === null) return false;
  TAG.lastIndex = 0;
  while (TAG.lastIndex < field.length) {
    const match = TAG.exec(field);
    if (match === null) return false;
    if (`"${match[2]}"` === bare(etag)) return true;
  }
  return false;
}

export interface Preconditions {
  ifNoneMatch: string | null;
  ifModifiedSince: string | null;
}

/**
 * Whether the client's copy is the stored answer, so that it gets 304 (RFC 9111 §4.3.2). Only a 200 is selected by
 * these; `If-Modified-Since` counts where there is no `If-None-Match` (RFC 9110 §13.2.2).
 */
export function notModified(answer: Answer, { ifNoneMatch, ifModifiedSince }: Preconditions): boolean {
  if (answer.status !== 200) return false;
  if (ifNoneMatch !== null) return namesTag(ifNoneMatch, answer.etag);
  const since = parseHttpDate(ifModifiedSince, answer.receivedAt);
  if (since === null) return false;
  const changed =
    parseHttpDate(answer.lastModified, answer.receivedAt) ??
    parseHttpDate(fieldOf(answer.fields, 'date'), answer.receivedAt) ??
    answer.receivedAt;
  return changed <= since;
}

/** Whether a range may be cut from the stored answer (RFC 9110 §13.1.5): strong tags, or exactly its Last-Modified. */
export function rangeApplies(answer: Answer, ifRange: string | null): boolean {
  if (ifRange === null) return true;
  if (ifRange.startsWith('"')) return answer.etag === ifRange;
  if (ifRange.startsWith('W/')) return false;
  if (ifRange !== answer.lastModified) return false;
  const changed = parseHttpDate(answer.lastModified, answer.receivedAt);
  const date = parseHttpDate(fieldOf(answer.fields, 'date'), answer.receivedAt);
  // RFC 9110 §8.8.2.2: a date is a strong validator when it lies at least a second before the answer.
  return changed !== null && date !== null && date - changed >= 1_000;
}

/** The fields that ask the origin whether a stored answer still holds (RFC 9111 §4.3.1). */
export function validationFields(answer: Answer): [string, string][] {
  const fields: [string, string][] = [];
  if (answer.etag !== null) fields.push(['if-none-match', answer.etag]);
  if (answer.lastModified !== null) fields.push(['if-modified-since', answer.lastModified]);
  return fields;
}
