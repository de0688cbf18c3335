import { HOUR, MINUTE } from '../../kernel/clock.ts';

const FAILURES_TO_LOCK = 10;
const FIRST_LOCK = MINUTE;
const LONGEST_LOCK = HOUR;

/**
 * How long an account is locked, in milliseconds, by its `failures`-th wrong password in a row: every tenth locks it, for
 * 1, 2, 4 … minutes and never more than an hour. What is tried during a lock does not count, and after it there are ten
 * tries again: a stranger who keeps guessing gets ten guesses an hour, and does not shut the owner out for good.
 */
export function lockAfter(failures: number): number | undefined {
  if (failures === 0 || failures % FAILURES_TO_LOCK !== 0) return undefined;
  return Math.min(FIRST_LOCK * 2 ** (failures / FAILURES_TO_LOCK - 1), LONGEST_LOCK);
}
