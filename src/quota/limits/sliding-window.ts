import type { EdgeLimit, LimitWindow } from '../../access/edge.ts';
import { type Meter, WINDOW_LENGTHS } from './meter.ts';

/**
 * Units by parts of the window. A part counts in full until all of it is more than a window ago, so that no window of
 * that length, wherever it begins, holds more than the limit; for that, units come back up to one part late.
 */
export interface SlidingCounter {
  kind: 'sliding_window';
  window: LimitWindow;
  /** Number of the part that `units` begins with, counted from 1970. */
  first: number;
  /** One entry for each part until the one that was charged last. */
  units: number[];
}

/** Divides every window into whole milliseconds, so that parts and windows end together. */
const PARTS = 50;

const lengthOfPart = (window: LimitWindow) => WINDOW_LENGTHS[window] / PARTS;

const partAt = (window: LimitWindow, at: number) => Math.floor(at / lengthOfPart(window));

/** When the units of a part are out of every window that ends then or later. */
const leavesAt = (window: LimitWindow, part: number) => (part + 1) * lengthOfPart(window) + WINDOW_LENGTHS[window];

/** The part to charge: a clock that is set back stays in the one that was charged last. */
const presentPart = ({ window, first, units }: SlidingCounter, now: number) =>
  Math.max(partAt(window, now), first + units.length - 1);

export function readSliding(
  { limit, window }: EdgeLimit,
  kept: SlidingCounter | undefined,
  now: number,
): Meter<SlidingCounter> {
  const counter = kept ?? { kind: 'sliding_window', window, first: partAt(window, now), units: [] };
  const part = presentPart(counter, now);
  const counted = countedAt(counter, part);
  const used = counted.units.reduce((sum, units) => sum + units, 0);
  const remaining = Math.max(0, limit - used);
  const last = counted.units.findLastIndex((units) => units > 0);
  return {
    counter,
    remaining,
    resetAt: last === -1 ? now : leavesAt(window, counted.first + last),
    admitsAt: (units) => (units <= remaining ? now : admitsAt(counted, used - (limit - units))),
    charge: (units) => chargePart(counted, part, units),
  };
}

/** Without the parts that do not count any more. */
function countedAt(counter: SlidingCounter, part: number): SlidingCounter {
  const first = part - PARTS;
  if (counter.first >= first) return counter;
  return { ...counter, first, units: counter.units.slice(first - counter.first) };
}

/** When so many units more have left the window. */
function admitsAt({ window, first, units }: SlidingCounter, excess: number): number {
  let left = 0;
  const index = units.findIndex((inPart) => {
    left += inPart;
    return left >= excess;
  });
  return leavesAt(window, first + index);
}

function chargePart(counted: SlidingCounter, part: number, units: number): SlidingCounter {
  if (counted.units.length === 0) return { ...counted, first: part, units: [units] };
  const next = Array.from({ length: part - counted.first + 1 }, (_, index) => counted.units[index] ?? 0);
  next[next.length - 1] = (next.at(-1) ?? 0) + units;
  return { ...counted, units: next };
}

/**
 * Takes the units out of the part in which they were charged. After the clock was set back that is a later one than the
 * moment tells, so what is missing there is taken out of the next: never of one that counts longer than they did.
 */
export function giveBackSliding(
  counter: SlidingCounter,
  units: number,
  chargedAt: number,
  now: number,
): SlidingCounter {
  const from = partAt(counter.window, chargedAt);
  if (from < presentPart(counter, now) - PARTS) return counter;
  let owed = units;
  const left = counter.units.map((inPart, index) => {
    const taken = counter.first + index < from ? 0 : Math.min(inPart, owed);
    owed -= taken;
    return inPart - taken;
  });
  return { ...counter, units: left };
}

export const slidingEndsAt = ({ window, first, units }: SlidingCounter): number =>
  leavesAt(window, first + units.length - 1);
