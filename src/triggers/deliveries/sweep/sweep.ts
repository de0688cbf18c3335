import type { Database } from '../../../db/client.ts';
import { type Clock, later, MINUTE, SECOND } from '../../../kernel/clock.ts';
import type { Logger } from '../../../telemetry/log.ts';
import { holdBack } from '../../circuits/store.ts';
import { closeLost, earliestDue, takeOverdue } from './store.ts';

export interface SweepDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  /** Sends hints, as many as a call may carry. */
  enqueue(deliveryIds: readonly string[], delaySeconds: number): Promise<void>;
}

/** How late a delivery may be before its hint counts as lost. */
export const GRACE_MS = 3 * SECOND;

/** The sweep's pace while something is overdue, such as a backlog that waits for its endpoint's slots. */
export const MIN_INTERVAL_MS = 5 * SECOND;

const REHINT_MS = 1 * MINUTE;

const MAX_HINTS = 500;

/** Longest time to the next sweep, so that a clock that was set back is not waited for. */
const MAX_INTERVAL_MS = 15 * MINUTE;

/**
 * Finds what is due although nobody was told, or whose sender died, and sends hints for it. Answers when to sweep
 * again; `undefined` when nothing waits.
 */
export async function sweep({ db, clock, log, enqueue }: SweepDeps): Promise<Date | undefined> {
  const now = clock();
  await holdBack(db.query, 'all', now);
  const closed = await closeLost(db.query, now);
  const ids = await takeOverdue(db.query, { now, graceMs: GRACE_MS, rehintMs: REHINT_MS, limit: MAX_HINTS });
  if (ids.length > 0) await enqueue(ids, 0);
  if (closed + ids.length > 0) log.warn('deliveries_swept', { hinted: ids.length, closed });
  return nextSweep(await earliestDue(db.query), clock());
}

/** When to sweep again, given when the earliest delivery falls due. */
export function nextSweep(earliest: Date | null, now: Date): Date | undefined {
  if (earliest === null) return undefined;
  const wait = earliest.getTime() + GRACE_MS - now.getTime();
  return later(now, Math.min(Math.max(wait, MIN_INTERVAL_MS), MAX_INTERVAL_MS));
}

/**
 * Where a sweep that is asked for now should go: `undefined` leaves the present alarm (in milliseconds since 1970) alone.
 * One that should long have gone off is not coming: https://github.com/cloudflare/cloudflare-docs/issues/18324
 */
export function alarmFor(present: number | null, now: Date): Date | undefined {
  const soon = later(now, GRACE_MS);
  const isNear = present !== null && present <= soon.getTime() && present >= now.getTime() - MIN_INTERVAL_MS;
  return isNear ? undefined : soon;
}
