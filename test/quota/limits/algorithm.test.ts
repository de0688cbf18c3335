import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Counter, endsAt, giveBack, take } from '../../../src/quota/limits/algorithm.ts';
import { capacityOf, WINDOW_LENGTHS } from '../../../src/quota/limits/meter.ts';
import {
  anyLimit,
  type Charge,
  either,
  forward,
  limitOf,
  NOON,
  requestsOf,
  run,
  START,
  share,
  stepsOf,
  sum,
} from './limit.ts';

/** The most units of charges within any stretch of that length, both ends counted. */
const mostWithin = (charges: readonly Charge[], length: number) =>
  charges.reduce(
    (most, { at: from }) => Math.max(most, sum(charges.filter(({ at }) => at >= from && at <= from + length))),
    0,
  );

describe('a fixed window', () => {
  it('never admits more than the limit in a window that begins at a whole second, minute, hour or day of UTC.', () => {
    fc.assert(
      fc.property(anyLimit({ algorithm: 'fixed_window' }), stepsOf(either), (limit, steps) => {
        const length = WINDOW_LENGTHS[limit.window];
        const windows = Map.groupBy(run(limit, steps).charges, ({ at }) => Math.floor(at / length));
        for (const charges of windows.values()) expect(sum(charges)).toBeLessThanOrEqual(limit.limit);
      }),
    );
  });

  it.each([
    ['second', NOON + 999, NOON + 1_000],
    ['minute', NOON + 59_999, NOON + 60_000],
    ['hour', NOON + 3_599_999, NOON + 3_600_000],
    ['day', START + 86_399_999, START + 86_400_000],
  ] as const)('of a %s is whole again as the next one begins, and not before.', (window, last, next) => {
    const limit = limitOf({ window });
    const first = take(limit, undefined, 10, last);
    expect(first).toMatchObject({ admitted: true, remaining: 0, resetAt: next, retryIn: 0 });
    expect(take(limit, first.next, 1, last)).toMatchObject({ admitted: false, retryIn: 1 });
    expect(take(limit, first.next, 10, next)).toMatchObject({ admitted: true, remaining: 0 });
  });
});

describe('a sliding window', () => {
  it('never admits more than the limit within a window’s length, wherever that begins.', () => {
    fc.assert(
      fc.property(anyLimit({ algorithm: 'sliding_window' }), stepsOf(either), (limit, steps) => {
        const { charges } = run(limit, steps);
        expect(mostWithin(charges, WINDOW_LENGTHS[limit.window])).toBeLessThanOrEqual(limit.limit);
      }),
    );
  });

  it('gives units back within a fiftieth of the window after they have left it.', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3_600_000 }), (offset) => {
        const limit = limitOf({ window: 'hour', algorithm: 'sliding_window' });
        const full = take(limit, undefined, 10, NOON + offset);
        const { admitted, retryIn } = take(limit, full.next, 1, NOON + offset);
        expect(admitted).toBe(false);
        expect(retryIn).toBeGreaterThan(3_600_000);
        expect(retryIn).toBeLessThanOrEqual(3_600_000 + 72_000);
      }),
    );
  });

  it('is kept in at most 51 numbers, however many requests it counts.', () => {
    fc.assert(
      fc.property(anyLimit({ algorithm: 'sliding_window' }), stepsOf(either), (limit, steps) => {
        const { counter } = run(limit, steps);
        expect(counter?.kind === 'sliding_window' ? counter.units.length : 99).toBeLessThanOrEqual(51);
      }),
    );
  });
});

describe('a token bucket', () => {
  it('never admits more than its size and what has come in since.', () => {
    fc.assert(
      fc.property(anyLimit({ algorithm: 'token_bucket' }), stepsOf(either), (limit, steps) => {
        const { charges } = run(limit, steps);
        const length = BigInt(WINDOW_LENGTHS[limit.window]);
        const tick = limit.window === 'day' ? 10 : 1;
        for (const [index, { at: from }] of charges.entries()) {
          const start = BigInt(Math.floor(from / tick) * tick);
          let units = 0n;
          for (const charge of charges.slice(index)) {
            units += BigInt(charge.units);
            const elapsed = BigInt(charge.at) - start;
            expect((units - BigInt(capacityOf(limit))) * length <= elapsed * BigInt(limit.limit)).toBe(true);
          }
        }
      }),
    );
  });

  it('loses no charge to rounding, however fast it is.', () => {
    const limit = limitOf({ algorithm: 'token_bucket', window: 'second', limit: 1_000_000_000 });
    let counter: Counter | undefined;
    for (let count = 1; count <= 1_000; count += 1) {
      const reading = take(limit, counter, 1, NOON);
      expect(reading.remaining).toBe(1_000_000_000 - count);
      counter = reading.next;
    }
  });

  it('admits its burst at once and then units one by one as they come in.', () => {
    const limit = limitOf({ algorithm: 'token_bucket', limit: 60, burst: 3 });
    const first = take(limit, undefined, 3, NOON);
    expect(first).toMatchObject({ admitted: true, remaining: 0, resetAt: NOON + 3_000 });
    expect(take(limit, first.next, 1, NOON + 250)).toMatchObject({ admitted: false, retryIn: 750 });
    expect(take(limit, first.next, 1, NOON + 1_000)).toMatchObject({ admitted: true, remaining: 0 });
    expect(take(limit, first.next, 4, NOON + 99_000)).toMatchObject({ admitted: false, never: true, retryIn: 60_000 });
  });

  it('that was made smaller is empty at the most.', () => {
    const first = take(limitOf({ algorithm: 'token_bucket', limit: 600 }), undefined, 600, NOON);
    const smaller = limitOf({ algorithm: 'token_bucket', limit: 60 });
    expect(take(smaller, first.next, 1, NOON)).toMatchObject({ admitted: false, remaining: 0, retryIn: 1_000 });
  });
});

/** Every algorithm after any requests, at a moment that may lie before the last of them. */
const anySituation = fc
  .record({ limit: anyLimit(), steps: stepsOf(either), wait: either })
  .map(({ limit, steps, wait }) => {
    const { counter } = run(limit, steps);
    const last = requestsOf(limit, steps).at(-1)?.now ?? NOON;
    return { limit, counter, now: last + Math.round(wait * WINDOW_LENGTHS[limit.window]) };
  });

describe('every limit', () => {
  it('says exactly how many units remain: as many are admitted, and one more is refused.', () => {
    fc.assert(
      fc.property(anySituation, share, ({ limit, counter, now }, part) => {
        const units = Math.round(part * capacityOf(limit));
        const { next, remaining } = take(limit, counter, units, now);
        expect(take(limit, next, remaining, now)).toMatchObject({ admitted: true, remaining: 0 });
        expect(take(limit, next, remaining + 1, now)).toMatchObject({ admitted: false, remaining });
      }),
    );
  });

  it('says exactly when a refused request can be had, and that a request larger than the limit never can.', () => {
    fc.assert(
      fc.property(anySituation, share, ({ limit, counter, now }, part) => {
        const units = Math.round(part * capacityOf(limit)) + 1;
        const { admitted, retryIn, never } = take(limit, counter, units, now);
        expect(never).toBe(units > capacityOf(limit));
        if (admitted) expect(retryIn).toBe(0);
        else if (never) expect(retryIn).toBe(WINDOW_LENGTHS[limit.window]);
        else {
          expect(take(limit, counter, units, now + retryIn).admitted).toBe(true);
          expect(take(limit, counter, units, now + retryIn - 1).admitted).toBe(false);
        }
      }),
    );
  });

  it('is whole exactly from the moment on that it names.', () => {
    fc.assert(
      fc.property(anySituation, ({ limit, counter, now }) => {
        const { next, resetAt } = take(limit, counter, 0, now);
        expect(resetAt).toBeGreaterThanOrEqual(now);
        expect(take(limit, next, 0, resetAt).remaining).toBe(capacityOf(limit));
        if (resetAt > now) expect(take(limit, next, capacityOf(limit), resetAt - 1).admitted).toBe(false);
      }),
    );
  });

  it('is not changed by a refusal: what follows is answered as if it had not been.', () => {
    fc.assert(
      fc.property(anySituation, stepsOf(either), share, ({ limit, counter, now }, steps, part) => {
        const remaining = take(limit, counter, 0, now).remaining;
        const refused = take(limit, counter, remaining + 1 + Math.round(part * 1_000), now);
        expect(refused.admitted).toBe(false);
        let [kept, other] = [refused.next as Counter | undefined, counter];
        let at = now;
        for (const step of steps) {
          at += Math.round(step.wait * WINDOW_LENGTHS[limit.window]);
          const units = Math.round(step.share * capacityOf(limit));
          const [one, two] = [take(limit, kept, units, at), take(limit, other, units, at)];
          expect(one).toEqual(two);
          [kept, other] = [one.next, two.next];
        }
      }),
    );
  });

  it('admits nothing more because the clock was set back.', () => {
    fc.assert(
      fc.property(anySituation, forward, ({ limit, counter, now }, back) => {
        const earlier = now - Math.round(back * WINDOW_LENGTHS[limit.window]);
        const { remaining } = take(limit, counter, 0, earlier);
        if (counter !== undefined) expect(remaining).toBeLessThanOrEqual(take(limit, counter, 0, now).remaining);
      }),
    );
  });

  it('may forget a counter once it has ended.', () => {
    fc.assert(
      fc.property(anySituation, share, forward, ({ limit, counter }, part, wait) => {
        if (!counter) return;
        const at = Math.ceil(endsAt(limit, counter) + wait * WINDOW_LENGTHS[limit.window]);
        const units = Math.round(part * capacityOf(limit));
        const { next: _, ...kept } = take(limit, counter, units, at);
        const { next: __, ...none } = take(limit, undefined, units, at);
        expect(kept).toEqual(none);
      }),
    );
  });

  it('takes a counter of another algorithm or window for none.', () => {
    fc.assert(
      fc.property(anySituation, anyLimit(), ({ counter, now }, limit) => {
        if (!counter || (counter.kind === limit.algorithm && counter.window === limit.window)) return;
        expect(take(limit, counter, 1, now)).toEqual(take(limit, undefined, 1, now));
        expect(giveBack(limit, counter, 1, now, now)).toBe(counter);
        expect(endsAt(limit, counter)).toBe(0);
      }),
    );
  });

  it('is left with what is to be had now when it was made smaller.', () => {
    for (const algorithm of ['fixed_window', 'sliding_window'] as const) {
      const { next } = take(limitOf({ algorithm, limit: 100 }), undefined, 50, NOON);
      expect(take(limitOf({ algorithm, limit: 20 }), next, 1, NOON)).toMatchObject({ admitted: false, remaining: 0 });
      expect(take(limitOf({ algorithm, limit: 60 }), next, 10, NOON)).toMatchObject({ admitted: true, remaining: 0 });
      expect(take(limitOf({ algorithm, limit: 20 }), next, 0, NOON)).toMatchObject({ admitted: true });
    }
  });
});
