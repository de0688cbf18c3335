import { nextDelay } from '../kernel/backoff.ts';
import { DAY, HOUR, later, MINUTE, SECOND } from '../kernel/clock.ts';
import type { OutboundResult } from './guarded-fetch.ts';

/**
 * `pending`: waits for its first or next attempt; `in_flight`: claimed under a lease; the rest are final.
 */
export type DeliveryStatus = 'pending' | 'in_flight' | 'delivered' | 'failed' | 'cancelled';

/**
 * `delivered`: the receiver accepted; `retryable`: it did not, and may later; `permanent`: another attempt would fail
 * alike; `unknown`: the sender's lease ran out before it reported, so the receiver may or may not have got it.
 */
export type AttemptOutcome = 'delivered' | 'retryable' | 'permanent' | 'unknown';

/**
 * Delays between attempts, in milliseconds: twelve attempts over a little more than three days, shaped after the example of
 * Standard Webhooks 1.0 with two short delays in front for a receiver that is just restarting.
 */
export const RETRY_SCHEDULE: readonly number[] = [
  1 * SECOND,
  5 * SECOND,
  30 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

export const MAX_ATTEMPTS = RETRY_SCHEDULE.length + 1;

/** Shortest and longest wait that a receiver can ask for: one that says 0 would use up its attempts within a second. */
const MIN_RETRY_AFTER_MS = 1 * SECOND;
const MAX_RETRY_AFTER_MS = DAY;

const GONE = 410;
const TOO_MANY_REQUESTS = 429;

/** What one attempt came to. */
export interface AttemptResult {
  outcome: Exclude<AttemptOutcome, 'unknown'>;
  /** Why it did not succeed, in words for the owner of the action. */
  error?: string;
  response?: { status: number; excerpt: string };
  /** How long the receiver asked to be left alone. */
  retryAfterMs?: number;
  /** The failure is the receiver's: it did not answer, or answered with a failure other than 429. Circuits count these. */
  receiverFailed?: true;
}

/**
 * Judges an answer. As other senders do, whatever is not an expected status is tried again, redirects and other 4xx
 * included (a receiver that is being deployed answers 404 as readily as 503); only 410 Gone, and an address that
 * nothing is sent to, are final.
 */
export function judge(result: OutboundResult, isExpected: (status: number) => boolean, now: Date): AttemptResult {
  if (result.kind === 'refused') return { outcome: 'permanent', error: result.reason };
  if (result.kind !== 'response') return { outcome: 'retryable', error: result.reason, receiverFailed: true };
  const { status, excerpt } = result;
  const response = { status, excerpt };
  if (isExpected(status)) return { outcome: 'delivered', response };
  if (status === GONE) {
    const error = 'The receiver answered 410: it is gone for good';
    return { outcome: 'permanent', response, error, receiverFailed: true };
  }
  const error = `The receiver answered ${status}${status >= 300 && status < 400 ? ', and redirects are not followed' : ''}`;
  const retryAfterMs = parseRetryAfter(result.headers.get('retry-after'), now);
  return {
    outcome: 'retryable',
    response,
    error,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(status === TOO_MANY_REQUESTS ? {} : { receiverFailed: true as const }),
  };
}

/** Milliseconds that a `Retry-After` field asks for (seconds or an HTTP date, RFC 9110 §10.2.3), kept between 1 s and 24 h. */
export function parseRetryAfter(field: string | null, now: Date): number | undefined {
  if (field === null) return undefined;
  const text = field.trim();
  const asked = /^\d+$/.test(text) ? Number(text) * SECOND : Date.parse(text) - now.getTime();
  // `Date.parse` also reads much that is no date of HTTP, such as "-5": every form of those begins with a weekday.
  const isMeant = /^\d+$/.test(text) || /^[A-Z][a-z]{2,8},? .*\d/.test(text);
  return isMeant && !Number.isNaN(asked)
    ? Math.min(Math.max(asked, MIN_RETRY_AFTER_MS), MAX_RETRY_AFTER_MS)
    : undefined;
}

/** Where a delivery stands after an attempt. */
export type Settlement =
  | { status: 'delivered' | 'failed' | 'cancelled'; nextAttemptAt?: undefined }
  | { status: 'pending'; nextAttemptAt: Date };

interface AttemptFacts {
  result: Pick<AttemptResult, 'outcome' | 'retryAfterMs'>;
  /** Which attempt this was; the first is 1. */
  attempt: number;
  /** The delivery was taken back meanwhile. */
  cancelled: boolean;
  now: Date;
  schedule?: readonly number[];
  random?: () => number;
}

/**
 * The state machine of a delivery: what follows from one attempt. A cancelled delivery is not tried again, but one that
 * arrived has arrived. A `Retry-After` replaces the scheduled delay, never the number of attempts.
 */
export function settle({
  result,
  attempt,
  cancelled,
  now,
  schedule = RETRY_SCHEDULE,
  random = Math.random,
}: AttemptFacts): Settlement {
  if (result.outcome === 'delivered') return { status: 'delivered' };
  if (cancelled) return { status: 'cancelled' };
  const scheduled = nextDelay(schedule, attempt, random);
  if (result.outcome === 'permanent' || scheduled === undefined) return { status: 'failed' };
  return { status: 'pending', nextAttemptAt: later(now, result.retryAfterMs ?? scheduled) };
}
