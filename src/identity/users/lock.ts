import { HOUR, MINUTE } from '../../kernel/clock.ts';

const FAILURES_TO_LOCK = 10;
const FIRST_LOCK = MINUTE;
const LONGEST_LOCK = HOUR;

/**
 * How long the `failures`-th wrong password in a row locks, in milliseconds: every tenth does, for 1, 2, 4 … minutes and
 * never more than an hour. What is tried during a lock does not count in it, and after it there are ten tries again: who
 * keeps guessing gets ten guesses an hour, and can so keep an account locked all the time.
 *
 * That lock holds where the account is not known. A network that it was signed in from of late has a count and a lock of
 * its own, by the same rule, so that no stranger elsewhere shuts the owner out there (device cookies, OWASP, with the
 * network in the place of the cookie). Who shares a network with the owner gains ten guesses an hour by that, at most.
 */
export function lockAfter(failures: number): number | undefined {
  if (failures === 0 || failures % FAILURES_TO_LOCK !== 0) return undefined;
  return Math.min(FIRST_LOCK * 2 ** (failures / FAILURES_TO_LOCK - 1), LONGEST_LOCK);
}
