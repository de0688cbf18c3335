import type { EdgeLimit } from '../../access/edge.ts';
import { type FixedCounter, fixedEndsAt, giveBackFixed, readFixed } from './fixed-window.ts';
import { capacityOf, type Meter, WINDOW_LENGTHS } from './meter.ts';
import { giveBackSliding, readSliding, type SlidingCounter, slidingEndsAt } from './sliding-window.ts';
import { type BucketCounter, bucketEndsAt, giveBackBucket, readBucket } from './token-bucket.ts';

/**
 * What a limit has counted, as plain JSON. It knows which algorithm and window it was made by: where the limit has been
 * given another one since, it counts for nothing.
 *
 * A clock that is set back never makes a counter admit more: time stands still at the last charge until the clock has
 * caught up.
 */
export type Counter = FixedCounter | SlidingCounter | BucketCounter;

export interface Reading {
  admitted: boolean;
  /** After the charge; after a refusal, which charges nothing, the one that was handed in, unless that counts for nothing. */
  next: Counter;
  /** Whole units that can still be had at that moment, after these. */
  remaining: number;
  /** When the limit will be whole again if nothing else is charged, in milliseconds since 1970. */
  resetAt: number;
  /** Milliseconds until as many units can be had; 0 when they were. A window's length when `never`. */
  retryIn: number;
  /** More units were asked for than the limit ever has. */
  never: boolean;
}

/**
 * Charges the units if the limit has as many.
 * @param units a whole number, 0 or more
 * @param now milliseconds since 1970
 */
export function take(limit: EdgeLimit, counter: Counter | undefined, units: number, now: number): Reading {
  const meter = read(limit, counter, now);
  if (units > meter.remaining) return refusal(limit, meter, units, now);
  const next = units === 0 ? meter.counter : meter.charge(units);
  const { remaining, resetAt } = read(limit, next, now);
  return { admitted: true, next, remaining, resetAt, retryIn: 0, never: false };
}

function refusal(limit: EdgeLimit, meter: Meter<Counter>, units: number, now: number): Reading {
  const { counter, remaining, resetAt } = meter;
  const never = units > capacityOf(limit);
  const retryIn = never ? WINDOW_LENGTHS[limit.window] : meter.admitsAt(units) - now;
  return { admitted: false, next: counter, remaining, resetAt, retryIn, never };
}

/**
 * The counter without units that were charged at `chargedAt` and are to be given back once. It never admits more for it
 * than if they had not been charged; units that have come back with time by then stay as they are.
 */
export function giveBack(limit: EdgeLimit, counter: Counter, units: number, chargedAt: number, now: number): Counter {
  if (!isOf(limit, counter)) return counter;
  switch (counter.kind) {
    case 'fixed_window':
      return giveBackFixed(counter, units, chargedAt);
    case 'sliding_window':
      return giveBackSliding(counter, units, chargedAt, now);
    case 'token_bucket':
      return giveBackBucket(limit, counter, units, { chargedAt, now });
  }
}

/** From when on the counter says no more than having none, in milliseconds since 1970; 0 when it never says anything. */
export function endsAt(limit: EdgeLimit, counter: Counter): number {
  if (!isOf(limit, counter)) return 0;
  switch (counter.kind) {
    case 'fixed_window':
      return fixedEndsAt(counter);
    case 'sliding_window':
      return slidingEndsAt(counter);
    case 'token_bucket':
      return bucketEndsAt(limit, counter);
  }
}

const isOf = ({ algorithm, window }: EdgeLimit, { kind, window: length }: Counter) =>
  kind === algorithm && length === window;

function read(limit: EdgeLimit, counter: Counter | undefined, now: number): Meter<Counter> {
  const kept = counter?.window === limit.window ? counter : undefined;
  switch (limit.algorithm) {
    case 'fixed_window':
      return readFixed(limit, kept?.kind === 'fixed_window' ? kept : undefined, now);
    case 'sliding_window':
      return readSliding(limit, kept?.kind === 'sliding_window' ? kept : undefined, now);
    case 'token_bucket':
      return readBucket(limit, kept?.kind === 'token_bucket' ? kept : undefined, now);
  }
}
