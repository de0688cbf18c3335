import type { EdgeLimit, LimitWindow } from '../../access/edge.ts';
import { type Meter, WINDOW_LENGTHS } from './meter.ts';

export interface FixedCounter {
  kind: 'fixed_window';
  window: LimitWindow;
  /** When its window began. */
  start: number;
  used: number;
}

const startOf = (window: LimitWindow, at: number) => at - (at % WINDOW_LENGTHS[window]);

/** A clock that is set back stays in the window that was charged last, so that no window is opened a second time. */
export function readFixed(
  { limit, window }: EdgeLimit,
  kept: FixedCounter | undefined,
  now: number,
): Meter<FixedCounter> {
  const start = startOf(window, now);
  const counter: FixedCounter = kept && kept.start >= start ? kept : { kind: 'fixed_window', window, start, used: 0 };
  const remaining = Math.max(0, limit - counter.used);
  const end = counter.start + WINDOW_LENGTHS[window];
  return {
    counter: kept ?? counter,
    remaining,
    resetAt: counter.used === 0 ? now : end,
    admitsAt: (units) => (units <= remaining ? now : end),
    charge: (units) => ({ ...counter, used: counter.used + units }),
  };
}

/** What was charged in a window that is over, or that the clock was set back out of, stays charged. */
export const giveBackFixed = (counter: FixedCounter, units: number, chargedAt: number): FixedCounter =>
  counter.start === startOf(counter.window, chargedAt)
    ? { ...counter, used: Math.max(0, counter.used - units) }
    : counter;

export const fixedEndsAt = ({ start, window }: FixedCounter): number => start + WINDOW_LENGTHS[window];
