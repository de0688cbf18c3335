import type { Clock } from '../../kernel/clock.ts';

/** Retries that are allowed for each call, and how many there may be without any: a trickle must be able to retry. */
const PER_CALL = 0.2;
const FLOOR_PER_SECOND = 3;
const MAX_BALANCE = 100;

/**
 * How many retries an API may have from this isolate: a fifth of its calls, and three a second. An upstream that fails is
 * so not hit with a multiple of its load just when it can bear least.
 */
export interface RetryBudget {
  noteCall(): void;
  /** Takes one retry, if there is one. */
  take(): boolean;
}

export function createRetryBudget(clock: Clock): RetryBudget {
  let balance = FLOOR_PER_SECOND;
  let filledAt = clock().getTime();
  return {
    noteCall() {
      balance = Math.min(MAX_BALANCE, balance + PER_CALL);
    },
    take() {
      const now = clock().getTime();
      const grown = ((now - filledAt) / 1_000) * FLOOR_PER_SECOND;
      filledAt = now;
      if (balance < FLOOR_PER_SECOND) balance = Math.min(FLOOR_PER_SECOND, balance + grown);
      if (balance < 1) return false;
      balance -= 1;
      return true;
    },
  };
}
