import type { Database } from '../../db/client.ts';
import { type Clock, DAY, later } from '../../kernel/clock.ts';
import { deleteEndedSessions } from './store.ts';

/** Longer than any access token lives. What happened to a session stays in the audit trail. */
const KEEP = DAY;
const BATCH = 500;
const MAX_BATCHES = 20;

/** Deletes sessions that ended a day ago or earlier, with their refresh tokens, in short transactions. */
export async function sweepSessions({ db, clock }: { db: Database; clock: Clock }): Promise<number> {
  const before = later(clock(), -KEEP);
  let deleted = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
    const count = await deleteEndedSessions(db.query, before, BATCH);
    deleted += count;
    if (count < BATCH) break;
  }
  return deleted;
}
