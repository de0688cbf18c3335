/** How fast units are asked for, so that a lease has as many as will be wanted while it holds. */
export interface Pace {
  /** When a request began the span. */
  startedAt: number;
  /** What was asked for since, without that request: a pace is told by what comes after one another. */
  units: number;
  /** Units a millisecond in the span before. */
  rate: number;
}

/** As long as a lease holds, in milliseconds. */
const SPAN = 4_500;

/** The least time that says anything of a pace. */
const ENOUGH = SPAN / 10;

export const newPace = (): Pace => ({ startedAt: 0, units: 0, rate: 0 });

export function countIn(pace: Pace, units: number, now: number): Pace {
  const elapsed = now - pace.startedAt;
  if (elapsed >= 0 && elapsed < SPAN) return { ...pace, units: pace.units + units };
  const rate = elapsed >= 0 && elapsed < 2 * SPAN ? (pace.units + units) / elapsed : 0;
  return { startedAt: now, units: 0, rate };
}

/** Units that are expected to be wanted in the next span. */
export function expectedUnits({ startedAt, units, rate }: Pace, now: number): number {
  const elapsed = now - startedAt;
  const current = elapsed >= ENOUGH ? units / elapsed : 0;
  return Math.ceil(Math.max(rate, current, units / SPAN) * SPAN);
}
