import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EdgeLimit } from '../../../src/access/edge.ts';
import { type Counter, giveBack, take } from '../../../src/quota/limits/algorithm.ts';
import { WINDOW_LENGTHS } from '../../../src/quota/limits/meter.ts';
import { anyLimit, type Charge, either, forward, limitOf, NOON, run, stepsOf } from './limit.ts';

/** The counter of these requests alone. All of them are admitted, as they were with others beside them. */
function replay(limit: EdgeLimit, charges: readonly Charge[]): Counter | undefined {
  return charges.reduce<Counter | undefined>(
    (counter, { units, now }) => take(limit, counter, units, now).next,
    undefined,
  );
}

describe('units that are given back', () => {
  it('never let more be admitted than if the request had not been made.', () => {
    const which = fc.nat();
    fc.assert(
      fc.property(anyLimit(), stepsOf(forward), which, either, forward, (limit, steps, index, wait, later) => {
        const length = WINDOW_LENGTHS[limit.window];
        const { charges, counter } = run(limit, steps);
        const returned = charges[index % Math.max(1, charges.length)];
        if (!returned || !counter) return;
        const without = replay(
          limit,
          charges.filter((charge) => charge !== returned),
        );
        const now = (charges.at(-1)?.at ?? NOON) + Math.round(Math.max(0, wait) * length);
        const after = giveBack(limit, counter, returned.units, returned.now, now);
        const at = now + Math.round(later * length);
        for (const moment of [now, at]) {
          const most = take(limit, without, 0, moment).remaining;
          expect(take(limit, after, 0, moment).remaining).toBeLessThanOrEqual(most);
          expect(take(limit, after, 0, moment).remaining).toBeGreaterThanOrEqual(
            take(limit, counter, 0, moment).remaining,
          );
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('are had again at once.', () => {
    for (const algorithm of ['fixed_window', 'sliding_window', 'token_bucket'] as const) {
      const limit = limitOf({ algorithm });
      const { next } = take(limit, undefined, 10, NOON);
      expect(take(limit, giveBack(limit, next, 4, NOON, NOON), 0, NOON).remaining).toBe(4);
    }
  });

  it('stay charged in a fixed window that is not theirs.', () => {
    const limit = limitOf();
    const { next } = take(limit, undefined, 10, NOON);
    expect(giveBack(limit, next, 4, NOON - 1, NOON)).toEqual(next);
  });

  it('stay charged in a sliding window that they have left.', () => {
    const limit = limitOf({ algorithm: 'sliding_window' });
    const first = take(limit, undefined, 4, NOON).next;
    const { next } = take(limit, first, 6, NOON + 50_000);
    expect(giveBack(limit, next, 4, NOON, NOON + 61_200)).toEqual(next);
    expect(take(limit, giveBack(limit, next, 4, NOON, NOON + 61_199), 0, NOON + 61_199).remaining).toBe(4);
  });

  it('are found in the later part that a clock which was set back charged them to.', () => {
    const limit = limitOf({ algorithm: 'sliding_window' });
    const first = take(limit, undefined, 6, NOON + 30_000).next;
    const { next } = take(limit, first, 4, NOON);
    expect(take(limit, giveBack(limit, next, 4, NOON, NOON), 0, NOON).remaining).toBe(4);
  });

  it('come back to a bucket as far as they cannot have come back by themselves.', () => {
    const limit = limitOf({ algorithm: 'token_bucket', limit: 60, burst: 10 });
    const { next } = take(limit, undefined, 10, NOON);
    expect(take(limit, giveBack(limit, next, 6, NOON, NOON + 2_000), 0, NOON + 2_000).remaining).toBe(6);
    expect(giveBack(limit, next, 6, NOON, NOON + 6_000)).toEqual(next);
  });
});
