import type { Database } from '../../db/client.ts';
import { deleteEnded, readChainTimes } from './store.ts';

const BATCH = 1_000;
const MAX_BATCHES = 100;

/**
 * Deletes memories that are as good as none, chain by chain by the time of the last event that its matcher has dealt with:
 * no later one is from before that. In short statements; the next run goes on where this one stops.
 */
export async function forgetMemories({ db }: { db: Database }): Promise<void> {
  for (const { chainId, at } of await readChainTimes(db.query)) {
    for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
      if ((await deleteEnded(db.query, { chainId, by: at, limit: BATCH })) < BATCH) break;
    }
  }
}
