import type { Database, Executor } from '../../db/client.ts';
import { type Clock, DAY, later } from '../../kernel/clock.ts';
import { deleteOldEvents, deleteOldWindows } from './store.ts';

/** A year of usage and the month in which it is looked back at. */
const KEEP_WINDOWS = 400 * DAY;
const KEEP_EVENTS = 90 * DAY;

const BATCH = 500;
const MAX_BATCHES = 20;

type Delete = (db: Executor, before: Date, limit: number) => Promise<number>;

/** Deletes usage and events that are past keeping, in short transactions; the next run goes on where this one stops. */
export async function sweepUsage({ db, clock }: { db: Database; clock: Clock }): Promise<void> {
  const now = clock();
  await inBatches(db, later(now, -KEEP_WINDOWS), deleteOldWindows);
  await inBatches(db, later(now, -KEEP_EVENTS), deleteOldEvents);
}

async function inBatches(db: Database, before: Date, deleteSome: Delete): Promise<void> {
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
    if ((await deleteSome(db.query, before, BATCH)) < BATCH) return;
  }
}
