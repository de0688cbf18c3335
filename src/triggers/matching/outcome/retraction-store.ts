import { and, asc, eq, inArray, or, sql } from 'drizzle-orm';
import type { Executor } from '../../../db/client.ts';
import { newUuid } from '../../../kernel/id.ts';
import type { Waiting } from '../../deliveries/allowance-store.ts';
import { deliveries } from '../../deliveries/table.ts';
import { triggerActions, triggers } from '../../rules/table.ts';
import type { EventAppearance } from '../batch.ts';
import { triggerMatches } from '../table.ts';
import { chunks, insertDeliveries, insertMatches, waitingDelivery } from './row-store.ts';

interface Retracted {
  cancelled: Set<string>;
  /** The retractions, which wait for their first attempt. */
  waiting: Waiting[];
}

/**
 * Takes back what fired on appearances that have ended: a delivery that has not settled gets no further attempt, and
 * one that may have reached its receiver is followed by a retraction.
 */
export async function retract(tx: Executor, ended: readonly EventAppearance[], now: Date): Promise<Retracted> {
  const result: Retracted = { cancelled: new Set(), waiting: [] };
  for (const some of chunks(ended)) {
    const fires = await firesOn(tx, some);
    for (const matches of chunks(fires)) {
      const told = await cancelDeliveries(tx, { matches, now, cancelled: result.cancelled });
      result.waiting.push(...(await insertRetractions(tx, { matches, told, now })));
    }
  }
  return result;
}

type MatchRow = typeof triggerMatches.$inferSelect;
type Told = typeof deliveries.$inferSelect;

/** The standing fires, with their triggers locked against deletion. */
async function firesOn(tx: Executor, ended: readonly EventAppearance[]): Promise<MatchRow[]> {
  const appearances = ended.map(({ eventId, appearance }) =>
    and(eq(triggerMatches.eventId, eventId), eq(triggerMatches.appearance, appearance)),
  );
  const rows = await tx
    .select({ match: triggerMatches })
    .from(triggerMatches)
    .innerJoin(triggers, eq(triggers.id, triggerMatches.triggerId))
    .where(and(eq(triggerMatches.kind, 'fire'), or(...appearances)))
    .orderBy(asc(triggers.id), asc(triggerMatches.id))
    .for('key share', { of: triggers });
  return rows.map(({ match }) => match);
}

interface Cancellation {
  matches: readonly MatchRow[];
  now: Date;
  /** Filled with the deliveries that will not be attempted any more. */
  cancelled: Set<string>;
}

/** Cancels what has not settled. Answers the deliveries of which an attempt was at least begun. */
async function cancelDeliveries(tx: Executor, { matches, now, cancelled }: Cancellation): Promise<Told[]> {
  const ofMatches = inArray(
    deliveries.matchId,
    matches.map(({ id }) => id),
  );
  const used = tx.select({ id: deliveries.actionId }).from(deliveries).where(ofMatches);
  await tx
    .select({ id: triggerActions.id })
    .from(triggerActions)
    .where(inArray(triggerActions.id, used))
    .orderBy(asc(triggerActions.id))
    .for('key share');
  const rows = await tx.select().from(deliveries).where(ofMatches).orderBy(asc(deliveries.id)).for('no key update');
  const unsettled = rows.filter((row) => row.cancelledAt === null && isUnsettled(row));
  for (const some of chunks(unsettled)) {
    await tx
      .update(deliveries)
      .set({
        cancelledAt: now,
        status: sql`case ${deliveries.status} when 'pending' then 'cancelled' else ${deliveries.status} end`,
        completedAt: sql`case ${deliveries.status} when 'pending' then ${now.toISOString()}::timestamptz end`,
      })
      .where(
        inArray(
          deliveries.id,
          some.map(({ id }) => id),
        ),
      );
  }
  for (const { id } of unsettled) cancelled.add(id);
  return rows.filter((row) => row.attempts > 0 || row.status === 'in_flight');
}

const isUnsettled = ({ status }: Told) => status === 'pending' || status === 'in_flight';

interface Retraction {
  matches: readonly MatchRow[];
  told: readonly Told[];
  now: Date;
}

async function insertRetractions(tx: Executor, { matches, told, now }: Retraction): Promise<Waiting[]> {
  const toldOf = Map.groupBy(told, (delivery) => delivery.matchId);
  const fires = matches.filter(({ id }) => toldOf.has(id));
  const rows = fires.map((fire) => ({
    ...fire,
    retracts: fire.id,
    id: newUuid(),
    kind: 'retraction' as const,
    createdAt: now,
  }));
  const retractions = await insertMatches(tx, rows);
  const made = retractions.flatMap(({ id: matchId, retracts }) =>
    (toldOf.get(retracts) ?? []).map(({ id, organizationId, triggerId, actionId, actionType, endpoint }) => ({
      ...waitingDelivery(now),
      organizationId,
      triggerId,
      actionId,
      matchId,
      kind: 'retraction' as const,
      retracts: id,
      actionType,
      endpoint,
    })),
  );
  await insertDeliveries(tx, made);
  return made;
}
