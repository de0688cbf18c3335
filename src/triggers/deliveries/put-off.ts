import { HOUR, later, SECOND } from '../../kernel/clock.ts';
import type { ActionResult } from '../actions/kind.ts';

/** After so many attempts each one counts, so that what is kept of a delivery has a bound: at an hour each, four days. */
const MAX_PUT_OFF = 100;

const LONGEST_WAIT_MS = 1 * HOUR;

/**
 * Where a delivery stands after an attempt that is not to count as one: it waits for as long as it was asked to, and ever
 * longer, up to an hour. `undefined` when the attempt counts.
 * @param attempt which one this was, of all that were made; the first is 1
 */
export function putOff(attempt: number, { isPutOff, retryAfterMs = 0 }: ActionResult, now: Date) {
  if (!isPutOff || attempt > MAX_PUT_OFF) return undefined;
  const wait = Math.min(SECOND * 2 ** (attempt - 1), LONGEST_WAIT_MS);
  return { status: 'pending' as const, nextAttemptAt: later(now, Math.max(wait, retryAfterMs)), isUncounted: true };
}
