import { SECOND } from '../../kernel/clock.ts';

/** How often isolates tell the object: once a second, and less often when there are so many that it would be busy with them. */
export interface Pace {
  since: number;
  reports: number;
  nextInMs: number;
}

const LEAST = SECOND;
const MOST = 30 * SECOND;

/**
 * An object takes some hundred requests a second that write something.
 * https://developers.cloudflare.com/durable-objects/best-practices/rules-of-durable-objects/
 */
const REPORTS_PER_SECOND = 200;

export const newPace = (): Pace => ({ since: 0, reports: 0, nextInMs: LEAST });

/** Counts one report and tells when its isolate is to send the next. */
export function countReport(pace: Pace, now: number): number {
  const elapsed = now - pace.since;
  if (elapsed >= pace.nextInMs) {
    const isolates = pace.reports * (pace.nextInMs / elapsed);
    pace.nextInMs = Math.round(Math.min(MOST, Math.max(LEAST, (isolates / REPORTS_PER_SECOND) * SECOND)));
    pace.since = now;
    pace.reports = 0;
  }
  pace.reports += 1;
  return pace.nextInMs;
}
