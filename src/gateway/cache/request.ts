import type { FieldReader } from '../../http/header-fields.ts';
import type { CachePolicy } from '../compiled.ts';
import { type CodingClass, codingClass } from './coding.ts';
import type { Preconditions } from './conditions.ts';
import { parseDirectives, secondsOf } from './directives.ts';

/** What the cache has to know of a call. */
export interface CacheRequest {
  method: string;
  /** As the client asked, the host in lower case: the upstream is told of both. */
  scheme: 'http' | 'https';
  host: string;
  /** The path that the client asked for, below the API and its version: what a write to it is a write of. */
  target: string;
  /** Below the upstream's base and after the request transform: what the upstream is asked for. `query` without `?`. */
  path: string;
  query: string;
  /**
   * As the upstream gets them, without the API's own injected credentials; the client's Cache-Control, Range and
   * preconditions included. Credentials of the caller's are in here only if they are passed on.
   */
  headers: FieldReader;
  hasBody: boolean;
  /** The caller showed a credential, whether or not it is passed on: key, token or cookie. */
  authorized: boolean;
  /** Who calls, as a stable id; `null`: nobody known. */
  caller: string | null;
  /** The name of the pool that takes the call. */
  pool: string;
  /** Told what Cache-Status says of a call that `serve` refuses: an error has no header fields. */
  refused(report: string): void;
  /** Keeps the call's context alive until the task ends (`ctx.waitUntil`). */
  background(task: Promise<unknown>): void;
}

/** What the client asks of caches (RFC 9111 §5.2.1) and of the answer. */
export interface Terms extends Preconditions {
  coding: CodingClass;
  noCache: boolean;
  noStore: boolean;
  onlyIfCached: boolean;
  maxAge: number | null;
  minFresh: number;
  /** Seconds past freshness that it takes; `null`: none. */
  maxStale: number | null;
  range: string | null;
  ifRange: string | null;
}

export function readTerms(headers: FieldReader): Terms {
  const control = headers.get('cache-control');
  const directives = parseDirectives(control);
  const maxStale = directives.get('max-stale');
  return {
    coding: codingClass(headers.get('accept-encoding')),
    // RFC 9111 §5.4: HTTP/1.0's spelling counts where there is no Cache-Control.
    noCache:
      control === null
        ? headers.get('pragma')?.toLowerCase().includes('no-cache') === true
        : directives.has('no-cache'),
    noStore: directives.has('no-store'),
    onlyIfCached: directives.has('only-if-cached'),
    maxAge: secondsOf(directives, 'max-age'),
    minFresh: secondsOf(directives, 'min-fresh') ?? 0,
    maxStale: maxStale === '' ? Number.POSITIVE_INFINITY : secondsOf(directives, 'max-stale'),
    range: headers.get('range'),
    ifRange: headers.get('if-range'),
    ifNoneMatch: headers.get('if-none-match'),
    ifModifiedSince: headers.get('if-modified-since'),
  };
}

/** Fields by which some frameworks take another method or path than the request line's: they are in no key. */
const OVERRIDES = ['x-http-method-override', 'x-http-method', 'x-method-override', 'x-original-url', 'x-rewrite-url'];

/** Why a GET or HEAD is not answered from the cache, whatever lies there; `null`: it may be. */
export function whyBypassed(request: CacheRequest, policy: CachePolicy): string | null {
  const { headers } = request;
  if (request.hasBody) return 'body';
  if (policy.perCaller === true && request.caller === null) return 'anonymous';
  // For the origin alone (RFC 9110 §13.1.1, §13.1.4).
  if (headers.has('if-match') || headers.has('if-unmodified-since')) return 'precondition';
  return OVERRIDES.some((name) => headers.has(name)) ? 'override' : null;
}
