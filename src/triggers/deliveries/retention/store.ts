import { and, eq, inArray, isNotNull, lte, notExists, sql } from 'drizzle-orm';
import type { Executor } from '../../../db/client.ts';
import { chainEvents } from '../../ingest/table.ts';
import { triggerMatches } from '../../matching/table.ts';
import { replays } from '../../replays/table.ts';
import { deliveries } from '../table.ts';

/** Columns inside subqueries are written out: Drizzle drops the table's name from columns of a select with one table. */
const isWantedByReplay = sql`exists (
  select 1 from replays where replays.trigger_id = deliveries.trigger_id and replays.status = 'running'
    and deliveries.created_at between replays.range_from and replays.range_to)`;

/** A retraction still has to tell its receiver which delivery it takes back, and comes after it. */
const isBeingRetracted = sql`exists (
  select 1 from deliveries retraction where retraction.match_id in (
      select taken.id from trigger_matches own join trigger_matches taken
        on taken.trigger_id = own.trigger_id and taken.event_id = own.event_id and taken.kind = 'retraction'
      where own.id = deliveries.match_id)
    and retraction.retracts = deliveries.id and retraction.status in ('pending', 'in_flight'))`;

/** As long as the event may leave the chain, a retraction may be due for what was sent of it. */
const isOpen = sql`exists (
  select 1 from trigger_matches join chain_events on chain_events.id = trigger_matches.event_id
  where trigger_matches.id = deliveries.match_id and chain_events.status = 'observed')`;

/**
 * Deletes deliveries that ended before the moment, with their attempts. One that is being sent again at this moment is
 * passed over.
 */
export async function deleteOldDeliveries(db: Executor, before: Date, limit: number): Promise<number> {
  const old = db
    .select({ id: deliveries.id })
    .from(deliveries)
    .where(
      and(
        isNotNull(deliveries.completedAt),
        lte(deliveries.completedAt, before),
        sql`not ${isWantedByReplay}`,
        sql`not ${isBeingRetracted}`,
        sql`not ${isOpen}`,
      ),
    )
    .orderBy(deliveries.completedAt)
    .limit(limit)
    .for('update', { skipLocked: true });
  const rows = await db.delete(deliveries).where(inArray(deliveries.id, old)).returning({ id: deliveries.id });
  return rows.length;
}

/** Deletes matches made before the moment that have no delivery (any more) and whose event is settled. */
export async function deleteOldMatches(db: Executor, before: Date, limit: number): Promise<number> {
  const old = db
    .select({ id: triggerMatches.id })
    .from(triggerMatches)
    .innerJoin(chainEvents, eq(chainEvents.id, triggerMatches.eventId))
    .where(
      and(
        lte(triggerMatches.createdAt, before),
        sql`${chainEvents.status} <> 'observed'`,
        notExists(db.select({ one: sql`1` }).from(deliveries).where(eq(deliveries.matchId, triggerMatches.id))),
      ),
    )
    .limit(limit)
    .for('update', { of: triggerMatches, skipLocked: true });
  const rows = await db
    .delete(triggerMatches)
    .where(inArray(triggerMatches.id, old))
    .returning({ id: triggerMatches.id });
  return rows.length;
}

export async function deleteOldReplays(db: Executor, before: Date, limit: number): Promise<number> {
  const old = db.select({ id: replays.id }).from(replays).where(lte(replays.completedAt, before)).limit(limit);
  const rows = await db.delete(replays).where(inArray(replays.id, old)).returning({ id: replays.id });
  return rows.length;
}
