import { and, asc, count, eq, gt, gte, inArray, lte, or, type SQL, sql } from 'drizzle-orm';
import { duplicateOf, type Executor } from '../../db/client.ts';
import { AppError } from '../../kernel/errors.ts';
import { SETTLED, type SettledStatus } from '../deliveries/settled.ts';
import { REPLAY_LANE } from '../deliveries/store.ts';
import { deliveries } from '../deliveries/table.ts';
import { replays } from './table.ts';

export type ReplayRow = typeof replays.$inferSelect;

/** A job inside the organization that the caller has been admitted to. */
export interface ReplayKey {
  organizationId: string;
  replayId: string;
}

const isReplay = ({ organizationId, replayId }: ReplayKey) =>
  and(eq(replays.id, replayId), eq(replays.organizationId, organizationId));

type Range = Pick<ReplayRow, 'triggerId' | 'from' | 'to' | 'wanted' | 'actionId' | 'createdAt'>;

export const statusesOf = ({ wanted }: Pick<ReplayRow, 'wanted'>): readonly SettledStatus[] =>
  wanted === 'all' ? SETTLED : [wanted];

/**
 * What a job is about: what had ended when it was made. A delivery that ends later (also one that the job itself has
 * sent again) is not part of it, so the job meets nothing twice.
 */
const inRange = (job: Range): SQL | undefined =>
  and(
    eq(deliveries.triggerId, job.triggerId),
    gte(deliveries.createdAt, job.from),
    lte(deliveries.createdAt, job.to),
    inArray(deliveries.status, [...statusesOf(job)]),
    lte(deliveries.completedAt, job.createdAt),
    job.actionId === null ? undefined : eq(deliveries.actionId, job.actionId),
  );

/** How many deliveries the range holds; counting stops one above the limit. */
export async function countInRange(db: Executor, job: Range, limit: number): Promise<number> {
  const some = db
    .select({ one: sql`1`.as('one') })
    .from(deliveries)
    .where(inRange(job))
    .limit(limit + 1)
    .as('some');
  const rows = await db.select({ total: count() }).from(some);
  return rows[0]?.total ?? 0;
}

/**
 * Makes those who count an organization's running jobs take turns until they have committed. Taken after the trigger's
 * lock and before the trail's head, so that nobody who holds it waits for one of them.
 */
export async function takeTurn(tx: Executor, organizationId: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('replays:' || ${organizationId}::text, 0))`);
}

export const countRunning = (tx: Executor, organizationId: string): Promise<number> =>
  tx.$count(replays, and(eq(replays.organizationId, organizationId), eq(replays.status, 'running')));

/** @throws AppError `conflict` when a job of the trigger is running */
export async function insertReplay(tx: Executor, row: ReplayRow): Promise<void> {
  try {
    await tx.insert(replays).values(row);
  } catch (error) {
    if (duplicateOf(error) !== 'replays_running_key') throw error;
    throw new AppError('conflict', 'A replay of this trigger is running already');
  }
}

export async function findReplay(db: Executor, key: ReplayKey): Promise<ReplayRow | undefined> {
  const rows = await db.select().from(replays).where(isReplay(key)).limit(1);
  return rows[0];
}

export async function lockReplay(tx: Executor, key: ReplayKey): Promise<ReplayRow | undefined> {
  const rows = await tx.select().from(replays).where(isReplay(key)).limit(1).for('update');
  return rows[0];
}

/** The organization that a job belongs to, and nothing else about it. */
export async function organizationOfReplay(db: Executor, replayId: string): Promise<string | undefined> {
  const rows = await db
    .select({ organizationId: replays.organizationId })
    .from(replays)
    .where(eq(replays.id, replayId))
    .limit(1);
  return rows[0]?.organizationId;
}

/**
 * Running jobs: one of each organization before a second of any, those first whose last step is the longest ago. So what
 * an organization waits for is one step of each other, however many jobs those have.
 */
export async function runningReplays(db: Executor, limit: number): Promise<ReplayKey[]> {
  const { organizationId, id, steppedAt } = replays;
  return db
    .select({ organizationId, replayId: id })
    .from(replays)
    .where(eq(replays.status, 'running'))
    .orderBy(
      sql`row_number() over (partition by ${organizationId} order by ${steppedAt}, ${id})`,
      sql`max(${steppedAt}) over (partition by ${organizationId})`,
      asc(id),
    )
    .limit(limit);
}

/** Deliveries of the trigger that a replay has sent on their way and that could be attempted now. */
export async function countUnderWay(db: Executor, triggerId: string, now: Date): Promise<number> {
  const rows = await db
    .select({ total: count() })
    .from(deliveries)
    .where(
      and(
        eq(deliveries.triggerId, triggerId),
        eq(deliveries.lane, REPLAY_LANE),
        or(
          eq(deliveries.status, 'in_flight'),
          and(eq(deliveries.status, 'pending'), lte(deliveries.nextAttemptAt, now)),
        ),
      ),
    );
  return rows[0]?.total ?? 0;
}

/** The deliveries after the place that the job has come to, oldest first. */
export async function nextInRange(db: Executor, job: ReplayRow, limit: number) {
  const { afterCreatedAt: time, afterId: id } = job;
  const further =
    time === null || id === null
      ? undefined
      : or(gt(deliveries.createdAt, time), and(eq(deliveries.createdAt, time), gt(deliveries.id, id)));
  return db
    .select({ id: deliveries.id, createdAt: deliveries.createdAt })
    .from(deliveries)
    .where(and(inRange(job), further))
    .orderBy(asc(deliveries.createdAt), asc(deliveries.id))
    .limit(limit);
}

export async function changeReplay(
  tx: Executor,
  key: ReplayKey,
  change: Partial<ReplayRow>,
): Promise<ReplayRow | undefined> {
  const rows = await tx.update(replays).set(change).where(isReplay(key)).returning();
  return rows[0];
}
