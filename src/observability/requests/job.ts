import { PLAN_NAMES, PLANS } from '../../billing/index.ts';
import type { Database } from '../../db/client.ts';
import { type Clock, DAY, later } from '../../kernel/clock.ts';
import { dayAt, dayOf } from './days.ts';
import { deleteExpired, deleteOldLosses, dropPartition, listPartitions, makePartition } from './partition-store.ts';

interface JobDeps {
  db: Database;
  clock: Clock;
}

const DAYS_OF = Object.fromEntries(PLAN_NAMES.map((name) => [name, PLANS[name].requestLogDays]));
const LONGEST = Math.max(...Object.values(DAYS_OF));
const SHORTEST = Math.min(...Object.values(DAYS_OF));

/** Today's, and as many more as a job that fails for a day may be behind. */
const AHEAD = 2;

const BATCH = 10_000;
const MAX_BATCHES = 200;

/** Makes the partitions of the days to come, and drops those that no plan keeps. */
export async function partitionRequestLogs({ db, clock }: JobDeps): Promise<void> {
  const now = clock();
  const partitions = await listPartitions(db.query);
  for (let day = 0; day <= AHEAD; day += 1) {
    const wanted = dayAt(now.getTime() + day * DAY);
    if (!partitions.includes(wanted.partition)) await makePartition(db, wanted);
  }
  for (const partition of partitions) {
    const day = dayOf(partition);
    if (day && day.to <= later(now, -LONGEST * DAY)) await dropPartition(db, partition);
  }
}

/**
 * Deletes what plans that keep less than the longest no longer keep, in short transactions, oldest first; the next run goes
 * on where this one stops.
 */
export async function expireRequestLogs({ db, clock }: JobDeps): Promise<void> {
  const now = clock();
  const query = { now, daysOf: DAYS_OF, limit: BATCH };
  let left = MAX_BATCHES;
  for (const partition of await listPartitions(db.query)) {
    const day = dayOf(partition);
    if (day && day.from >= later(now, -SHORTEST * DAY)) continue;
    let deleted: number;
    do {
      if (left === 0) return;
      left -= 1;
      deleted = await deleteExpired(db.query, partition, query);
    } while (deleted === BATCH);
  }
  await deleteOldLosses(db.query, later(now, -LONGEST * DAY), BATCH);
}
