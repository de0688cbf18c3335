import { describe, expect, it } from 'vitest';
import { judge } from '../../../src/gateway/breaker/outcome.ts';

const answered = (status: number, durationMs = 1) => judge({ kind: 'answered', status, durationMs }, 1_000);

describe('what an outcome says of the upstream', () => {
  it.each([500, 502, 503, 504, 520, 522, 524, 530])('is that it failed, for %i.', (status) => {
    expect(answered(status)).toEqual({ failed: true, slow: false });
  });

  it.each([101, 200, 204, 304, 400, 401, 404, 408, 429, 499, 501, 505, 511, 599])(
    'is nothing bad, for %i.',
    (status) => {
      expect(answered(status)).toEqual({ failed: false, slow: false });
    },
  );

  it('is that it was slow, from the given time on, failed or not.', () => {
    expect(answered(200, 999)).toEqual({ failed: false, slow: false });
    expect(answered(200, 1_000)).toEqual({ failed: false, slow: true });
    expect(answered(503, 1_000)).toEqual({ failed: true, slow: true });
  });

  it('is that it failed when no answer came, and nothing at all when the caller went away.', () => {
    expect(judge({ kind: 'failed', reason: 'timeout' }, 1_000)).toEqual({ failed: true, slow: false });
    expect(judge({ kind: 'aborted' }, 1_000)).toBeUndefined();
  });
});
