import type { Database, Executor } from '../../../db/client.ts';
import { type Clock, DAY, later } from '../../../kernel/clock.ts';
import { deleteOldAllowances } from '../allowance-store.ts';
import { deleteOldDeliveries, deleteOldMatches, deleteOldReplays } from './store.ts';

/** Twice as long as a replay reaches back. Events of the chain are kept. */
const KEEP = 30 * DAY;

const BATCH = 1_000;
const MAX_BATCHES = 100;

type Delete = (db: Executor, before: Date, limit: number) => Promise<number>;

/**
 * Deletes what has long ended: deliveries with their attempts, then matches without deliveries, replays, and what was
 * counted by the hour. In short transactions; the next run goes on where this one stops.
 */
export async function sweepDeliveries({ db, clock }: { db: Database; clock: Clock }): Promise<void> {
  const before = later(clock(), -KEEP);
  for (const deleteSome of [deleteOldDeliveries, deleteOldMatches, deleteOldReplays, deleteOldAllowances]) {
    await inBatches(db, before, deleteSome);
  }
}

async function inBatches(db: Database, before: Date, deleteSome: Delete): Promise<void> {
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
    if ((await deleteSome(db.query, before, BATCH)) < BATCH) return;
  }
}
