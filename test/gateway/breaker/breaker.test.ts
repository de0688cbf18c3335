import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Breaker,
  givePermits,
  newBreaker,
  open,
  PROBE_RESULTS,
  takeBack,
  trips,
} from '../../../src/gateway/breaker/breaker.ts';
import type { BreakerSettings } from '../../../src/gateway/compiled.ts';

const SETTINGS: BreakerSettings = {
  ...{ windowMs: 10_000, minimumCalls: 10, errorRate: 0.5, slowCallMs: 1_000, slowCallRate: 0.8 },
  ...{ openMs: 5_000, probes: 3 },
};

const NOW = 1_000_000;

const ids = () => {
  let last = 0;
  return () => `p${++last}`;
};

const ask = (breaker: Breaker, now: number, wanted = 1, newId = () => crypto.randomUUID()) =>
  givePermits(breaker, SETTINGS, now, { wanted, lastingMs: 2_000, newId }).map(({ id }) => id);

const answer = (breaker: Breaker, now: number, permitId: string, result: 'succeeded' | 'failed' | 'unused') =>
  takeBack(breaker, SETTINGS, now, { permitId, result });

function halfOpen() {
  const breaker = newBreaker();
  open(breaker, SETTINGS, NOW);
  return { breaker, permits: ask(breaker, NOW + 5_000, 9, ids()) };
}

describe('whether calls are enough to open a breaker', () => {
  it('is never so below the minimum of calls.', () => {
    const few = fc.integer({ min: 0, max: 9 });
    fc.assert(
      fc.property(few, few, few, fc.double({ min: 0, max: 1, noNaN: true }), (calls, failures, slow, rate) => {
        const settings = { ...SETTINGS, errorRate: rate, slowCallRate: rate };
        expect(trips({ calls, failures: Math.min(failures, calls), slow: Math.min(slow, calls) }, settings)).toBe(
          false,
        );
      }),
    );
  });

  it('goes by the part that failed, or that was slow, from the given part on.', () => {
    expect(trips({ calls: 10, failures: 4, slow: 7 }, SETTINGS)).toBe(false);
    expect(trips({ calls: 10, failures: 5, slow: 0 }, SETTINGS)).toBe(true);
    expect(trips({ calls: 10, failures: 0, slow: 8 }, SETTINGS)).toBe(true);
  });

  it('is never so without a failure or a slow call, however small the part.', () => {
    expect(trips({ calls: 10, failures: 0, slow: 0 }, { ...SETTINGS, errorRate: 0, slowCallRate: 0 })).toBe(false);
  });
});

describe('a breaker', () => {
  it('gives out no probe while it is closed, or open and its time not up.', () => {
    const breaker = newBreaker();
    expect(ask(breaker, NOW)).toEqual([]);
    open(breaker, SETTINGS, NOW);
    expect(ask(breaker, NOW + 4_999)).toEqual([]);
    expect(breaker.state).toBe('open');
  });

  it('is half open with the first probe, and gives out as many as must succeed.', () => {
    const { breaker, permits } = halfOpen();
    expect(permits).toEqual(['p1', 'p2', 'p3']);
    expect(breaker.state).toBe('half_open');
    expect(ask(breaker, NOW + 5_001)).toEqual([]);
  });

  it('closes when all its probes succeeded.', () => {
    const { breaker } = halfOpen();
    answer(breaker, NOW + 5_001, 'p1', 'succeeded');
    answer(breaker, NOW + 5_001, 'p1', 'succeeded');
    answer(breaker, NOW + 5_002, 'p2', 'succeeded');
    expect(breaker.state).toBe('half_open');
    answer(breaker, NOW + 5_003, 'p3', 'succeeded');
    expect(breaker).toMatchObject({ state: 'closed', since: NOW + 5_003, permits: [] });
  });

  it('opens anew when one of them failed, whatever the others bring.', () => {
    const { breaker } = halfOpen();
    answer(breaker, NOW + 5_001, 'p1', 'succeeded');
    answer(breaker, NOW + 5_002, 'p2', 'failed');
    expect(breaker).toMatchObject({ state: 'open', until: NOW + 10_002 });
    answer(breaker, NOW + 5_003, 'p3', 'succeeded');
    expect(breaker).toMatchObject({ state: 'open', until: NOW + 10_002, permits: [] });
  });

  it('gives out another probe for one that says nothing, and for one that nothing was heard of.', () => {
    const { breaker } = halfOpen();
    answer(breaker, NOW + 5_001, 'p1', 'unused');
    expect(ask(breaker, NOW + 5_001, 9)).toHaveLength(1);
    expect(ask(breaker, NOW + 6_999, 9)).toEqual([]);
    expect(ask(breaker, NOW + 7_000, 9)).toHaveLength(2);
  });

  it('never has more probes under way than it may, and closes only after that many successes.', () => {
    const event = fc.record({
      after: fc.integer({ min: 0, max: 3_000 }),
      wanted: fc.integer({ min: 0, max: 4 }),
      which: fc.nat(),
      result: fc.constantFrom(...PROBE_RESULTS, 'lost' as const),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const breaker = newBreaker();
        let now = NOW;
        open(breaker, SETTINGS, now);
        let underWay: { id: string; endsAt: number }[] = [];
        let successes = 0;
        for (const { after, wanted, which, result } of events) {
          now += after;
          underWay = underWay.filter(({ endsAt }) => endsAt > now);
          underWay.push(...ask(breaker, now, wanted).map((id) => ({ id, endsAt: now + 2_000 })));
          expect(underWay.length).toBeLessThanOrEqual(SETTINGS.probes);
          const one = underWay[which % Math.max(1, underWay.length)];
          if (!one || result === 'lost') continue;
          underWay = underWay.filter((other) => other !== one);
          if (result === 'succeeded') successes += 1;
          answer(breaker, now, one.id, result);
          if (breaker.state === 'closed') {
            expect(successes).toBeGreaterThanOrEqual(SETTINGS.probes);
            open(breaker, SETTINGS, now);
            successes = 0;
          }
        }
      }),
    );
  });
});
