import type { CachePolicy } from '../compiled.ts';
import type { Answer } from './answer.ts';
import { ageOf, freshLeft, staleAllowance } from './freshness.ts';
import type { Terms } from './request.ts';

/** `behind`: it is used, and the origin is asked meanwhile. */
export type Verdict = 'fresh' | 'stale' | 'behind' | 'validate';

/**
 * An answer that came or was confirmed less than this long ago is not asked about again because a client wants it
 * confirmed. Request directives are advisory (RFC 9111 §5.2.1); without this floor anyone could turn the cache off, and
 * send every call to the origin, with `Cache-Control: no-cache` or `max-age=0`. A person who presses reload does not
 * see a second; a flood does.
 */
const CONFIRMED_MS = 1_000;

/** RFC 9111 §4.2 and §5.2.1: whether a stored answer may be used for a call. */
export function judge(answer: Answer, terms: Terms, policy: CachePolicy, now: number): Verdict {
  const left = freshLeft(answer, policy, now);
  const young = now - answer.receivedAt < CONFIRMED_MS;
  if (!young && clientWantsNewer(answer, terms, left, now)) return 'validate';
  if (left > 0) return 'fresh';
  const { never, whileRevalidate } = staleAllowance(answer, policy);
  if (never) return 'validate';
  if (-left < whileRevalidate) return 'behind';
  return terms.maxStale !== null && -left <= terms.maxStale ? 'stale' : 'validate';
}

function clientWantsNewer(answer: Answer, terms: Terms, left: number, now: number): boolean {
  if (terms.noCache) return true;
  if (terms.maxAge !== null && ageOf(answer, now) > terms.maxAge + (terms.maxStale ?? 0)) return true;
  return terms.minFresh > 0 && left < terms.minFresh;
}

/** Whether a stale answer may stand in for an origin that fails (RFC 5861 §4). */
export function usableOnError(answer: Answer, policy: CachePolicy, now: number): boolean {
  const { ifError } = staleAllowance(answer, policy);
  return ifError > 0 && -freshLeft(answer, policy, now) < ifError;
}
