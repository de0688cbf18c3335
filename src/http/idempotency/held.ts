import { isUnreachable } from '../../db/client.ts';
import { later, MINUTE } from '../../kernel/clock.ts';
import { newUuid } from '../../kernel/id.ts';
import {
  type Answer,
  type Attempt,
  type Claim,
  type KeeperDeps,
  type Replayable,
  refuseOther,
  replayed,
  sealed,
  underWay,
} from './answer.ts';
import { findAnswer, type Hold, keepAnswer, releaseKey, takeKey } from './store.ts';

/** Far longer than any handler takes; after it the key of an attempt that died is free. */
const HOLD = MINUTE;

/** Milliseconds between one question and the next, 10 s in all. */
const PAUSES = [50, 100, 200, 400, 800, 1_600, 3_200, 3_650];

/**
 * Runs an attempt that commits by itself: the key is taken in one statement, the answer stored in another, and between
 * them no connection is held, however long a password is hashed or a chain asked. A second request asks again until the
 * answer is there; where the first was refused or died, it takes the key itself.
 */
export async function answerHolding(deps: KeeperDeps, claim: Claim, attempt: Attempt): Promise<Replayable> {
  const { principal, key, fingerprint } = claim;
  const hold = { principal, key, holder: newUuid() };
  for (const pause of [0, ...PAUSES]) {
    if (pause > 0) await (deps.wait ?? sleep)(pause);
    const now = deps.clock();
    const taken = await takeKey(deps.db.query, { ...hold, fingerprint, expiresAt: later(now, HOLD) }, now);
    if (taken) return { ...(await runHolding(deps, hold, attempt)), replayed: false };
    const kept = await findAnswer(deps.db.query, claim);
    if (!kept) continue;
    refuseOther(claim, kept);
    if (!kept.underWay) return replayed(deps, kept);
  }
  throw underWay();
}

async function runHolding(deps: KeeperDeps, hold: Hold, attempt: Attempt): Promise<Answer> {
  const { db } = deps;
  const answer = await attempt(db).catch(async (error: unknown) => {
    await releaseKey(db.query, hold).catch(leaveToHold);
    throw error;
  });
  await keepAnswer(db.query, hold, await sealed(deps, hold, answer)).catch(leaveToHold);
  return answer;
}

/** What happened has happened, and is answered even if it cannot be noted: the hold ends by itself. */
function leaveToHold(error: unknown): void {
  if (!isUnreachable(error)) throw error;
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
