import type { FieldReader } from '../../http/header-fields.ts';
import type { CachePolicy } from '../compiled.ts';
import { isFieldName } from '../headers/fields.ts';
import { acceptsCoding, type CodingClass } from './coding.ts';
import { type Directives, parseDirectives } from './directives.ts';
import { ownersStatus } from './freshness.ts';

/** Final statuses whose caching rules this cache knows (for `must-understand`, RFC 9111 §5.2.2.3). */
const UNDERSTOOD = new Set([200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 451, 501]);

export interface StoreFacts {
  method: string;
  /** The client's own `Cache-Control: no-store`. */
  noStore: boolean;
  /** The caller showed a credential. */
  authorized: boolean;
  caller: string | null;
  coding: CodingClass;
}

/** Why an answer is not stored: the `detail` of Cache-Status. */
export type Unstorable =
  | 'method'
  | 'no-store'
  | 'status'
  | 'set-cookie'
  | 'vary'
  | 'private'
  | 'authorized'
  | 'coding'
  | 'stream'
  | 'no-lifetime';

/**
 * RFC 9111 §3 for a shared cache; `null` means that it may be stored. `private` and `no-cache` with field names count
 * as without, `Set-Cookie` is never stored even where the origin says `public`: both are where caches have leaked.
 */
export function whyNotStored(
  facts: StoreFacts,
  status: number,
  headers: FieldReader,
  policy: CachePolicy,
): Unstorable | null {
  if (facts.method !== 'GET') return 'method';
  if (facts.noStore) return 'no-store';
  if (status < 200 || status === 206 || status === 304 || status === 101 || headers.has('content-range'))
    return 'status';
  if (headers.has('set-cookie')) return 'set-cookie';
  if (!namesFields(headers.get('vary'))) return 'vary';
  const directives = parseDirectives(headers.get('cache-control'));
  if (directives.has('private')) return 'private';
  const understood = directives.has('must-understand');
  if (understood && !UNDERSTOOD.has(status)) return 'status';
  if (directives.has('no-store') && !understood) return 'no-store';
  const kept = policy.mode === 'ttl' || policy.perCaller === true;
  if (facts.authorized && !kept && !sharedByOrigin(directives)) return 'authorized';
  if (!acceptsCoding(facts.coding, headers.get('content-encoding'))) return 'coding';
  // It may never end, and must not be held up.
  if (headers.get('content-type')?.startsWith('text/event-stream') === true) return 'stream';
  return hasUse(status, headers, directives, policy) ? null : 'no-lifetime';
}

/** `*` and what is no name at all (RFC 9110 §12.5.5) can be compared with nothing. */
const namesFields = (vary: string | null) =>
  (vary ?? '')
    .split(',')
    .map((name) => name.trim())
    .every((name) => name === '' || (name !== '*' && isFieldName(name)));

/**
 * Whether an answer is for its caller alone: with `mode: 'ttl'` the owner has it stored, but does not speak for the origin
 * about who may see it unless the policy says so. A caller without a name is known to the upstream by what is passed on
 * alone, and that is in the key.
 */
export const isCallersOwn = (
  { authorized, caller }: Pick<StoreFacts, 'authorized' | 'caller'>,
  directives: Directives,
  policy: CachePolicy,
): boolean =>
  authorized && caller !== null && policy.mode === 'ttl' && policy.perCaller === null && !sharedByOrigin(directives);

/** RFC 9111 §3.5: only with these may an answer to a request with `Authorization` be shown to others. */
const sharedByOrigin = (directives: Directives) =>
  directives.has('public') || directives.has('s-maxage') || directives.has('must-revalidate');

/** Whether it can ever be used: it is fresh for a while, or the origin can confirm it. */
function hasUse(status: number, headers: FieldReader, directives: Directives, policy: CachePolicy): boolean {
  if (policy.mode === 'ttl' && ownersStatus(status)) return policy.ttlSeconds > 0;
  const confirmable = headers.has('etag') || headers.has('last-modified');
  const named = directives.get('s-maxage') ?? directives.get('max-age');
  if (named !== undefined) return confirmable || /^0*[1-9]\d*$/.test(named);
  if (headers.has('expires')) return true;
  return confirmable && (status === 200 || directives.has('public'));
}
