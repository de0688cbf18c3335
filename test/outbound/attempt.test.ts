import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, MAX_ATTEMPTS, parseRetryAfter, RETRY_SCHEDULE, settle } from '../../src/outbound/attempt.ts';
import type { OutboundResult } from '../../src/outbound/guarded-fetch.ts';

const now = new Date('2026-01-01T00:00:00Z');
const DAY = 24 * 3_600_000;
const isSuccess = (status: number) => status >= 200 && status < 300;

const answer = (status: number, headers: Record<string, string> = {}): OutboundResult => ({
  kind: 'response',
  status,
  headers: new Headers(headers),
  excerpt: 'text',
  durationMs: 5,
});

describe('an answer', () => {
  it.each([200, 201, 204, 299])('of %d is a delivery', (status) => {
    expect(judge(answer(status), isSuccess, now)).toEqual({
      outcome: 'delivered',
      response: { status, excerpt: 'text' },
    });
  });

  it.each([100, 301, 302, 304, 400, 401, 403, 404, 408, 418, 425, 429, 500, 502, 503, 504, 599])(
    'of %d may be tried again',
    (status) => {
      expect(judge(answer(status), isSuccess, now)).toMatchObject({ outcome: 'retryable', response: { status } });
    },
  );

  it('of 410 is final, unless it is expected', () => {
    expect(judge(answer(410), isSuccess, now)).toMatchObject({
      outcome: 'permanent',
      error: 'The receiver answered 410: it is gone for good',
    });
    expect(judge(answer(410), (status) => status === 410, now)).toMatchObject({ outcome: 'delivered' });
  });

  it('that is a redirect says that it was not followed', () => {
    expect(judge(answer(307), isSuccess, now).error).toBe('The receiver answered 307, and redirects are not followed');
  });

  it('outside the expected list is no delivery, even 200', () => {
    expect(judge(answer(200), (status) => status === 202, now)).toMatchObject({
      outcome: 'retryable',
      error: 'The receiver answered 200',
    });
  });

  it('that did not come may be tried again; an address that is refused may not', () => {
    const of = (kind: 'timeout' | 'unreachable' | 'refused') =>
      judge({ kind, reason: 'because', durationMs: 1 }, isSuccess, now);
    expect(of('timeout')).toEqual({ outcome: 'retryable', error: 'because', receiverFailed: true });
    expect(of('unreachable')).toEqual({ outcome: 'retryable', error: 'because', receiverFailed: true });
    expect(of('refused')).toEqual({ outcome: 'permanent', error: 'because' });
  });

  it.each([
    [500, true],
    [404, true],
    [410, true],
    [429, undefined],
    [200, undefined],
  ])('of %d is a failure of the receiver: %s', (status, failed) => {
    expect(judge(answer(status), isSuccess, now).receiverFailed).toBe(failed);
  });

  it('carries what the receiver asked for', () => {
    expect(judge(answer(503, { 'retry-after': '120' }), isSuccess, now)).toMatchObject({ retryAfterMs: 120_000 });
    expect(judge(answer(503), isSuccess, now)).not.toHaveProperty('retryAfterMs');
  });
});

describe('Retry-After', () => {
  it.each<[string, number]>([
    ['0', 1_000],
    ['7', 7_000],
    [' 7 ', 7_000],
    ['999999999', DAY],
    ['9'.repeat(400), DAY],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['Thursday, 01-Jan-26 00:01:00 GMT', 60_000],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 1_000],
    ['Fri, 01 Jan 2027 00:00:00 GMT', DAY],
  ])('of %j waits %d ms', (field, wait) => expect(parseRetryAfter(field, now)).toBe(wait));

  it.each(['', 'soon', '-5', '1.5', '1e3', '0x10', 'Infinity', 'NaN', '2026-01-01', 'Thu, 99 Foo'])(
    'of %j is ignored',
    (field) => {
      expect(parseRetryAfter(field, now)).toBeUndefined();
    },
  );

  it('may be absent', () => expect(parseRetryAfter(null, now)).toBeUndefined());
});

describe('a delivery after an attempt', () => {
  const retried = (attempt: number, extra: { retryAfterMs?: number; random?: number } = {}) =>
    settle({
      result: {
        outcome: 'retryable',
        ...(extra.retryAfterMs === undefined ? {} : { retryAfterMs: extra.retryAfterMs }),
      },
      attempt,
      cancelled: false,
      now,
      random: () => extra.random ?? 0.5,
    });

  it('waits about 1, 5 and 30 seconds, then minutes to hours, three days in all', () => {
    const waits = RETRY_SCHEDULE.map((_, index) => (retried(index + 1).nextAttemptAt?.getTime() ?? 0) - now.getTime());
    expect(waits.slice(0, 4)).toEqual([1_000, 5_000, 30_000, 300_000]);
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    const total = waits.reduce((sum, wait) => sum + wait, 0) / DAY;
    expect(total).toBeGreaterThan(3);
    expect(total).toBeLessThan(3.5);
  });

  it('spreads its waits by a fifth to either side', () => {
    expect(retried(2, { random: 0 }).nextAttemptAt).toEqual(new Date(now.getTime() + 4_000));
    expect(retried(2, { random: 0.999_999 }).nextAttemptAt).toEqual(new Date(now.getTime() + 6_000));
  });

  it('waits as long as the receiver asked instead', () => {
    expect(retried(1, { retryAfterMs: 90_000 })).toEqual({
      status: 'pending',
      nextAttemptAt: new Date(now.getTime() + 90_000),
    });
  });

  it('has failed when its attempts are used up, whatever the receiver asks', () => {
    expect(retried(MAX_ATTEMPTS - 1).status).toBe('pending');
    expect(retried(MAX_ATTEMPTS)).toEqual({ status: 'failed' });
    expect(retried(MAX_ATTEMPTS, { retryAfterMs: 1_000 })).toEqual({ status: 'failed' });
  });

  it('ends in every history, stays ended, and never goes back in time', () => {
    const result = fc.record(
      {
        outcome: fc.constantFrom('delivered' as const, 'retryable' as const, 'permanent' as const),
        retryAfterMs: fc.nat(DAY),
      },
      { requiredKeys: ['outcome'] },
    );
    const step = fc.record({ result, cancelled: fc.boolean(), random: fc.double({ min: 0, max: 0.999, noNaN: true }) });
    fc.assert(
      fc.property(fc.infiniteStream(step), (steps) => {
        let at = now;
        for (let attempt = 1; ; attempt++) {
          const { value } = steps.next();
          const next = settle({
            result: value.result,
            attempt,
            cancelled: value.cancelled,
            now: at,
            random: () => value.random,
          });
          expect(attempt).toBeLessThanOrEqual(MAX_ATTEMPTS);
          expect(next.status === 'delivered').toBe(value.result.outcome === 'delivered');
          if (next.status !== 'pending') {
            expect(next.nextAttemptAt).toBeUndefined();
            return;
          }
          expect(value).toMatchObject({ cancelled: false, result: { outcome: 'retryable' } });
          expect(next.nextAttemptAt.getTime()).toBeGreaterThanOrEqual(at.getTime());
          at = next.nextAttemptAt;
        }
      }),
    );
  });
});
