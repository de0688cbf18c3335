import type { CachePolicy } from '../compiled.ts';
import type { Answer } from './answer.ts';
import { secondsOf } from './directives.ts';

/** What `mode: 'ttl'` makes fresh. A 404 is not among them: what is created a moment later must be found. */
const OWNERS_STATUSES = new Set([200, 203, 204, 300, 301, 308]);

/** Longest time an answer, or a note about one, stays in the store. */
export const KEEP_LONGEST_SECONDS = 30 * 86_400;

/** How long an answer that can be confirmed by the origin is kept after it has gone stale. */
const KEEP_FOR_VALIDATION_SECONDS = 86_400;

export const ownersStatus = (status: number): boolean => OWNERS_STATUSES.has(status);

/** `current_age` of RFC 9111 §4.2.3, in seconds. */
export function ageOf(answer: Answer, now: number): number {
  return answer.initialAge + Math.max(0, now - answer.receivedAt) / 1_000;
}

const byOwner = (status: number, policy: CachePolicy) => policy.mode === 'ttl' && ownersStatus(status);

/**
 * Seconds for which the answer is still fresh; 0 or less: stale for so long. With `mode: 'ttl'` the owner's time counts
 * from when the answer came here, whatever age it had: it says how long *this* cache may use it.
 */
export function freshLeft(answer: Answer, policy: CachePolicy, now: number): number {
  if (byOwner(answer.status, policy)) return policy.ttlSeconds - Math.max(0, now - answer.receivedAt) / 1_000;
  if (answer.directives.has('no-cache')) return Math.min(0, (answer.lifetime ?? 0) - ageOf(answer, now));
  return (answer.lifetime ?? 0) - ageOf(answer, now);
}

interface StaleAllowance {
  /** No stale use at all, whoever asks for it (RFC 9111 §4.2.4). */
  never: boolean;
  /** Seconds past freshness for which it may be used while it is being revalidated, or because that failed (RFC 5861). */
  whileRevalidate: number;
  ifError: number;
}

/**
 * The owner's word in `mode: 'ttl'`. Otherwise the origin's own, then the policy's. `s-maxage` includes
 * proxy-revalidate (RFC 9111 §5.2.2.10), so the policy cannot stretch it; an origin that names it together with a stale
 * directive of its own has said what it wants.
 */
export function staleAllowance(answer: Answer, policy: CachePolicy): StaleAllowance {
  const owned = { whileRevalidate: policy.staleWhileRevalidateSeconds, ifError: policy.staleIfErrorSeconds };
  if (byOwner(answer.status, policy)) return { never: false, ...owned };
  const { directives } = answer;
  if (directives.has('must-revalidate') || directives.has('proxy-revalidate') || directives.has('no-cache')) {
    return { never: true, whileRevalidate: 0, ifError: 0 };
  }
  const own = {
    whileRevalidate: secondsOf(directives, 'stale-while-revalidate'),
    ifError: secondsOf(directives, 'stale-if-error'),
  };
  const shared = directives.has('s-maxage');
  return {
    never: shared && own.whileRevalidate === null && own.ifError === null,
    whileRevalidate: own.whileRevalidate ?? (shared ? 0 : owned.whileRevalidate),
    ifError: own.ifError ?? (shared ? 0 : owned.ifError),
  };
}

/** Seconds that the store should keep it: while it is fresh, may be used stale, or can be confirmed. */
export function keepFor(answer: Answer, policy: CachePolicy, now: number): number {
  const { never, whileRevalidate, ifError } = staleAllowance(answer, policy);
  const confirmable = answer.etag !== null || answer.lastModified !== null ? KEEP_FOR_VALIDATION_SECONDS : 0;
  const stale = Math.max(never ? 0 : Math.max(whileRevalidate, ifError), confirmable);
  return Math.min(KEEP_LONGEST_SECONDS, Math.ceil(Math.max(0, freshLeft(answer, policy, now)) + stale));
}
