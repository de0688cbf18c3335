import type { Database } from '../../db/client.ts';
import { type Clock, later, SECOND } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import { lockSettled, type Sent, sendAgain, takenBack } from '../deliveries/again-store.ts';
import { REPLAY_LANE } from '../deliveries/store.ts';
import * as store from './store.ts';

export interface ReplayDeps {
  db: Database;
  clock: Clock;
  log: Logger;
  /** Sends hints, as many as a call may carry. */
  enqueue(deliveryIds: readonly string[], delaySeconds: number): Promise<void>;
}

/** Deliveries of a job that may wait for an attempt at a time: the receiver's pace is the job's. */
export const WINDOW = 200;

/** Jobs that take a step in one round. */
const JOBS = 20;

const PAUSE_MS = 2 * SECOND;

/** As many as a replay can have in flight at an endpoint: each attempt that ends makes room for the next by itself. */
const HINTS_PER_ENDPOINT = 2;

/** Takes a step of each running job, in turns where there are many. Answers when to come again, if any is running. */
export async function carryOnReplays(deps: ReplayDeps): Promise<Date | undefined> {
  const { db, clock, log, enqueue } = deps;
  const running = await store.runningReplays(db.query, JOBS);
  for (const key of running) {
    try {
      const hints = hintsFor(await stepReplay(db, key, clock()));
      if (hints.length > 0) await enqueue(hints, 0);
    } catch (error) {
      log.error('replay_step_failed', { replay_id: key.replayId, error: describeError(error) });
      // Its turn is over, so that one that cannot go on does not keep the others waiting.
      await store.changeReplay(db.query, key, { steppedAt: clock() });
    }
  }
  return running.length > 0 ? later(clock(), PAUSE_MS) : undefined;
}

function hintsFor(sent: readonly Sent[]): string[] {
  const byEndpoint = Map.groupBy(sent, ({ endpoint }) => endpoint);
  return [...byEndpoint.values()].flatMap((some) => some.slice(0, HINTS_PER_ENDPOINT).map(({ id }) => id));
}

/**
 * One step, whole or not at all: some deliveries are sent on their way again, and the job's place moves past them. Nothing
 * is to do while as many as the window holds are still waiting for their attempt.
 */
export async function stepReplay(db: Database, key: store.ReplayKey, now: Date): Promise<Sent[]> {
  return db.transaction(async (tx) => {
    const job = await store.lockReplay(tx, key);
    if (job?.status !== 'running') return [];
    const room = WINDOW - (await store.countUnderWay(tx, job.triggerId, now));
    if (room <= 0) {
      await store.changeReplay(tx, key, { steppedAt: now });
      return [];
    }
    const seen = await store.nextInRange(tx, job, room);
    const settled = await lockSettled(
      tx,
      seen.map(({ id }) => id),
      store.statusesOf(job),
    );
    const gone = await takenBack(tx, settled);
    const ids = settled.filter((id) => !gone.has(id));
    const sent = await sendAgain(tx, { ids, lane: REPLAY_LANE, now });
    const last = seen.at(-1);
    await store.changeReplay(tx, key, {
      steppedAt: now,
      done: job.done + seen.length,
      sent: job.sent + sent.length,
      ...(last && { afterCreatedAt: last.createdAt, afterId: last.id }),
      ...(seen.length < room && { status: 'completed', completedAt: now }),
    });
    return sent;
  });
}
