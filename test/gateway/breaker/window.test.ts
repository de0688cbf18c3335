import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { count, empty, newWindow, slide } from '../../../src/gateway/breaker/window.ts';

describe('the window of calls', () => {
  it('counts what the buckets in it hold, whatever came when.', () => {
    const step = fc.record({ after: fc.integer({ min: 0, max: 3_000 }), failed: fc.boolean(), slow: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), fc.integer({ min: 10, max: 5_000 }), (steps, windowMs) => {
        const window = newWindow(windowMs);
        const seen: { at: number; failed: boolean; slow: boolean }[] = [];
        let now = 1_000_000;
        for (const { after, ...call } of steps) {
          now += after;
          count(window, now, 1, call.failed ? 1 : 0, call.slow ? 1 : 0);
          seen.push({ at: now, ...call });
          const oldest = Math.floor(now / window.bucketMs) - 9;
          const inside = seen.filter(({ at }) => Math.floor(at / window.bucketMs) >= oldest);
          expect([window.calls, window.failures, window.slow]).toEqual([
            inside.length,
            inside.filter(({ failed }) => failed).length,
            inside.filter(({ slow }) => slow).length,
          ]);
        }
      }),
    );
  });

  it('forgets everything after its length, and when it is emptied.', () => {
    const window = newWindow(1_000);
    count(window, 5_000, 7, 3, 2);
    slide(window, 5_900);
    expect(window).toMatchObject({ calls: 7, failures: 3, slow: 2 });
    slide(window, 6_000);
    expect(window).toMatchObject({ calls: 0, failures: 0, slow: 0 });
    count(window, 6_000, 1, 1, 0);
    empty(window);
    slide(window, 6_500);
    expect(window).toMatchObject({ calls: 0, failures: 0, slow: 0 });
  });

  it('loses nothing when the clock goes back.', () => {
    const window = newWindow(1_000);
    count(window, 5_000, 1, 0, 0);
    count(window, 4_000, 1, 1, 0);
    expect(window).toMatchObject({ calls: 2, failures: 1 });
  });
});
