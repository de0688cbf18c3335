import { type Database, type Executor, isLockTimeout } from '../../db/client.ts';
import { later, SECOND } from '../../kernel/clock.ts';
import { newUuid } from '../../kernel/id.ts';
import {
  type Attempt,
  type Claim,
  type KeeperDeps,
  type Replayable,
  refuseOther,
  replayed,
  sealed,
  underWay,
  WAIT_SECONDS,
} from './answer.ts';
import { findAnswer, keepAnswer, limitWaiting, takeKey } from './store.ts';

/**
 * Runs the attempt in the transaction that keeps its answer, so that neither is ever there without the other. A second
 * request waits for the row, and a refusal rolls the key back with everything else.
 */
export async function answerJoined(deps: KeeperDeps, claim: Claim, attempt: Attempt): Promise<Replayable> {
  const now = deps.clock();
  const hold = { principal: claim.principal, key: claim.key, holder: newUuid() };
  const work = async (tx: Executor): Promise<Replayable> => {
    await limitWaiting(tx, WAIT_SECONDS);
    const row = { ...hold, fingerprint: claim.fingerprint, expiresAt: later(now, WAIT_SECONDS * SECOND) };
    if (!(await takeKey(tx, row, now))) {
      const kept = await findAnswer(tx, claim);
      refuseOther(claim, kept);
      if (kept.underWay) throw underWay();
      return replayed(deps, kept);
    }
    const answer = await attempt(joining(tx));
    await keepAnswer(tx, hold, await sealed(deps, claim, answer));
    return { ...answer, replayed: false };
  };
  return deps.db.transaction(work).catch((error: unknown) => {
    throw isLockTimeout(error) ? underWay() : error;
  });
}

/** The database as a handler sees it inside the outer transaction: its own transactions become savepoints of that. */
const joining = (tx: Executor): Database => ({ query: tx, transaction: (work) => tx.transaction(work) });
