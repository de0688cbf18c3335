import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../src/gateway/channels/messages.ts';
import { createPace } from '../../../src/gateway/channels/pace.ts';

/** What becomes of messages at so many a second, in so many seconds after the burst is used up. */
function outcomes(perSecond: number, seconds: number): Record<'ok' | 'late' | 'flood', number> {
  const pace = createPace(0);
  const counts = { ok: 0, late: 0, flood: 0 };
  for (let n = 0; n < LIMITS.burst; n += 1) pace(0);
  for (let n = 1; n <= perSecond * seconds; n += 1) counts[pace((n / perSecond) * 1_000)] += 1;
  return counts;
}

describe('the pace of a socket', () => {
  it('lets through as many as it may send.', () => {
    const slower = LIMITS.messagesPerSecond / 2;
    expect(outcomes(slower, 60)).toEqual({ ok: slower * 60, late: 0, flood: 0 });
  });

  it('bears one that is a little too fast.', () => {
    const { late, flood } = outcomes(LIMITS.messagesPerSecond * 1.5, 60);
    expect(late).toBeGreaterThan(0);
    expect(flood).toBe(0);
  });

  it.each([3, 50, 1_000])('ends one that is %i times too fast, whatever it gets through on the way.', (times) => {
    expect(outcomes(LIMITS.messagesPerSecond * times, 60).flood).toBeGreaterThan(0);
  });
});
