import { FieldMap, type FieldReader } from '../../http/header-fields.ts';
import { type CookieScope, publicCookie } from './cookies.ts';
import {
  breaksOut,
  connectionNames,
  FIELD_LIMITS,
  fieldSize,
  HOLDS_ADDRESSES,
  isDroppedDown,
  isOurs,
} from './fields.ts';
import { type Mount, publicLinks, publicLocation, publicRefresh } from './location.ts';

/** What an answer's fields are rewritten by. */
export interface DownstreamFacts {
  requestId: string;
  mount: Mount;
  cookies: CookieScope;
  /** `Injection.secrets` of the call: a field that holds one does not go back. */
  secrets: readonly string[];
}

export type DownstreamHeaders = { ok: true; headers: FieldMap } | { ok: false; reason: 'malformed' | 'too_large' };

function rewritten(name: string, value: string, facts: DownstreamFacts): string {
  if (name === 'set-cookie') return publicCookie(value, facts.cookies);
  if (!HOLDS_ADDRESSES.has(name)) return value;
  if (name === 'link') return publicLinks(value, facts.mount);
  return name === 'refresh' ? publicRefresh(value, facts.mount) : publicLocation(value, facts.mount);
}

/**
 * The fields of an upstream's answer as the caller gets them, before the API's own transformation. Of its connection,
 * its product and its policies for a whole host nothing goes on; its rate-limit fields go on under `x-upstream-`.
 * A refusal is a 502: the upstream sent more than the bounds, or what would break out of its field.
 */
export function downstreamHeaders(received: FieldReader, facts: DownstreamFacts): DownstreamHeaders {
  const named = connectionNames(received);
  const headers = new FieldMap();
  let fields = 0;
  let bytes = 0;
  for (const [name, value] of received) {
    fields += 1;
    bytes += fieldSize(name, value);
    if (fields > FIELD_LIMITS.fields || bytes > FIELD_LIMITS.bytes) return { ok: false, reason: 'too_large' };
    if (breaksOut(value)) return { ok: false, reason: 'malformed' };
    if (isDroppedDown(name) || named.has(name)) continue;
    const shown = rewritten(name, value, facts);
    if (facts.secrets.some((secret) => shown.includes(secret))) continue;
    headers.append(isOurs(name) ? `x-upstream-${name.replace(/^x-/, '')}` : name, shown);
  }
  // Behind those that the answer came through before (RFC 9110 §7.6.3).
  headers.append('via', '1.1 weir');
  headers.set('x-request-id', facts.requestId);
  return { ok: true, headers };
}
