import type { EdgeLimit, LimitWindow } from '../../access/edge.ts';
import { capacityOf, type Meter, WINDOW_LENGTHS } from './meter.ts';

/**
 * The generic cell rate algorithm (ITU-T I.371, as a continuous-state leaky bucket): what is missing from a full bucket,
 * as of the last charge. In whole numbers: at a thousand million units a second the theoretical arrival time in
 * milliseconds would lose every charge to rounding.
 */
export interface BucketCounter {
  kind: 'token_bucket';
  window: LimitWindow;
  /** Tick of the last charge, counted from 1970. */
  at: number;
  /** Units that are missing, times the ticks of a window; `limit` of them come back with each tick. */
  missing: number;
}

/** Milliseconds. The largest bucket times the ticks of a window is below 2^53, so that every step is exact. */
const TICKS: Readonly<Record<LimitWindow, number>> = { second: 1, minute: 1, hour: 1, day: 10 };

const ticksOf = (window: LimitWindow) => WINDOW_LENGTHS[window] / TICKS[window];

/** A clock that is set back stands still at the last charge. A bucket that was made smaller is empty, not in debt. */
export function readBucket(limit: EdgeLimit, kept: BucketCounter | undefined, now: number): Meter<BucketCounter> {
  const { window, limit: rate } = limit;
  const tick = TICKS[window];
  const size = capacityOf(limit) * ticksOf(window);
  const at = Math.max(Math.floor(now / tick), kept?.at ?? 0);
  const elapsed = at - (kept?.at ?? at);
  const missing = Math.max(0, Math.min(kept?.missing ?? 0, size) - elapsed * rate);
  /** When no more than so much is missing. */
  const reachedAt = (level: number) => (missing <= level ? now : (at + Math.ceil((missing - level) / rate)) * tick);
  return {
    counter: kept ?? { kind: 'token_bucket', window, at, missing },
    remaining: Math.floor((size - missing) / ticksOf(window)),
    resetAt: reachedAt(0),
    admitsAt: (units) => reachedAt(size - units * ticksOf(window)),
    charge: (units) => ({ kind: 'token_bucket', window, at, missing: missing + units * ticksOf(window) }),
  };
}

/**
 * As much of the units as cannot have come back by itself since they were charged: how much of them that was depends on
 * what else was charged meanwhile, and what came back once must not come back again.
 */
export function giveBackBucket(
  { limit: rate }: EdgeLimit,
  counter: BucketCounter,
  units: number,
  { chargedAt, now }: { chargedAt: number; now: number },
): BucketCounter {
  const tick = TICKS[counter.window];
  const elapsed = Math.max(Math.floor(now / tick), counter.at) - Math.floor(chargedAt / tick);
  const back = Math.max(0, units * ticksOf(counter.window) - elapsed * rate);
  return { ...counter, missing: Math.max(0, counter.missing - back) };
}

export const bucketEndsAt = ({ limit }: EdgeLimit, { at, missing, window }: BucketCounter): number =>
  (at + Math.ceil(missing / limit)) * TICKS[window];
