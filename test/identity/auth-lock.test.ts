import { describe, expect, it } from 'vitest';
import { lockAfter } from '../../src/identity/users/lock.ts';

describe('the lock of an account', () => {
  it('comes with every tenth failure in a row and with no other', () => {
    const locking = Array.from({ length: 101 }, (_, failures) => failures).filter((n) => lockAfter(n) !== undefined);
    expect(locking).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  });

  it('doubles from a minute and never lasts longer than an hour', () => {
    const minutes = [10, 20, 30, 40, 50, 60, 70, 80, 1_000, 100_000].map((n) => (lockAfter(n) ?? 0) / 60_000);
    expect(minutes).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
  });
});
