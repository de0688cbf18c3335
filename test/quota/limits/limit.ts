import fc from 'fast-check';
import { type EdgeLimit, LIMIT_ALGORITHMS, LIMIT_WINDOWS } from '../../../src/access/edge.ts';
import { type Counter, take } from '../../../src/quota/limits/algorithm.ts';
import { capacityOf, WINDOW_LENGTHS } from '../../../src/quota/limits/meter.ts';

export const limitOf = (fields: Partial<EdgeLimit> = {}): EdgeLimit => ({
  id: 'limit_1',
  name: 'Limit',
  scope: 'organization',
  target: null,
  limit: 10,
  window: 'minute',
  algorithm: 'fixed_window',
  burst: null,
  ...fields,
});

const SIZES = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 1_000_000_000 }));

/** Any limit that the contract lets through. */
export const anyLimit = (fields: Partial<EdgeLimit> = {}): fc.Arbitrary<EdgeLimit> =>
  fc
    .record({
      limit: SIZES,
      window: fc.constantFrom(...LIMIT_WINDOWS),
      algorithm: fc.constantFrom(...LIMIT_ALGORITHMS),
      burst: fc.option(SIZES),
    })
    .map((made) => {
      const most = Math.min(1_000_000_000, made.limit * 1_000);
      const burst = made.burst === null ? null : Math.min(made.burst, most);
      const all = limitOf({ ...made, ...fields });
      return { ...all, burst: all.algorithm === 'token_bucket' ? burst : null };
    });

/** Noon, so that every window begins here. */
export const NOON = Date.UTC(2026, 5, 1, 12);
export const START = Date.UTC(2026, 5, 1);

/** One request: its units as a share of the capacity, and how long after the one before, as a share of the window. */
export interface Step {
  share: number;
  wait: number;
}

/** Evenly, which `fc.double` is not: half of what it makes is next to nothing. */
const within = (min: number, max: number) =>
  fc.integer({ min: Math.round(min * 10_000), max: Math.round(max * 10_000) }).map((part) => part / 10_000);
export const share = fc.oneof(within(0, 1.2), fc.constantFrom(0, 1, 1));
/** About a window’s length too, where what leaves it a moment too early is seen. */
export const forward = fc.oneof(within(0, 0.3), within(0, 2.5), within(0.95, 1.05));
export const either = fc.oneof(forward, within(-1.5, 0), within(-1.05, -0.95));
export const stepsOf = (wait: fc.Arbitrary<number>) =>
  fc.array(fc.record({ share, wait }), { minLength: 1, maxLength: 40 });

export interface Charge {
  units: number;
  /** Of the clock. */
  now: number;
  /** Of the counter: not before the charge before. */
  at: number;
}

export const requestsOf = (limit: EdgeLimit, steps: readonly Step[]) => {
  let now = NOON;
  return steps.map((step) => {
    now += Math.round(step.wait * WINDOW_LENGTHS[limit.window]);
    return { now, units: Math.round(step.share * Math.min(capacityOf(limit), 1_000_000_000)) };
  });
};

/** What was admitted of the requests, and the counter at the end. */
export function run(limit: EdgeLimit, steps: readonly Step[]) {
  let counter: Counter | undefined;
  const charges: Charge[] = [];
  let at = 0;
  for (const { now, units } of requestsOf(limit, steps)) {
    const reading = take(limit, counter, units, now);
    counter = reading.next;
    if (!reading.admitted || units === 0) continue;
    at = Math.max(at, now);
    charges.push({ units, now, at });
  }
  return { charges, counter };
}

export const sum = (charges: readonly Charge[]) => charges.reduce((total, { units }) => total + units, 0);
