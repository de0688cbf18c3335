import { and, asc, eq, gt, inArray, isNull, or, type SQL, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { eventColumns } from '../events/columns.ts';
import { chainEvents, chainFeed } from '../ingest/table.ts';
import { triggerChanges, triggers } from '../rules/table.ts';
import type { FeedEntry } from './batch.ts';
import { matchable } from './event.ts';
import type { StoredCondition, StoredTrigger } from './rule.ts';
import { matcherCursors } from './table.ts';

/** The last entry of the feed that the chain's matcher has dealt with; `null` before its first. */
export async function readCursor(db: Executor, chainId: number): Promise<number | null> {
  const rows = await db.select().from(matcherCursors).where(eq(matcherCursors.chainId, chainId));
  return rows[0]?.seq ?? null;
}

/** The next entries of the feed, in order, with their events. */
export async function readFeed(
  db: Executor,
  { chainId, after, limit }: { chainId: number; after: number | null; limit: number },
): Promise<FeedEntry[]> {
  const appearance = sql<number>`(select count(*)::int from chain_feed earlier
    where earlier.event_id = ${chainFeed.eventId} and earlier.operation = 'retract' and earlier.seq < ${chainFeed.seq})`;
  const rows = await db
    .select({ seq: chainFeed.seq, operation: chainFeed.operation, appearance, event: eventColumns })
    .from(chainFeed)
    .innerJoin(chainEvents, eq(chainEvents.id, chainFeed.eventId))
    .where(and(eq(chainFeed.chainId, chainId), after === null ? undefined : gt(chainFeed.seq, after)))
    .orderBy(asc(chainFeed.seq))
    .limit(limit);
  return rows.map(({ event, ...entry }) => ({ ...entry, event: matchable(event.id, event) }));
}

/**
 * Up to where the changes to triggers have been read: all of those by transactions older than `watermark`, and of the
 * others the rows in `seen`.
 */
export interface ChangePosition {
  watermark: string;
  seen: ReadonlySet<bigint>;
}

const OLDEST_OPEN = sql`pg_snapshot_xmin(pg_current_snapshot())`;

/** The position from which no change is missed by whoever reads the triggers after this. */
export async function changePosition(db: Executor): Promise<ChangePosition> {
  const rows = await db.select({ watermark: sql<string>`${OLDEST_OPEN}::text` }).from(sql`(select) reading`);
  return { watermark: rows[0]?.watermark ?? '0', seen: new Set() };
}

/**
 * The triggers that changed since the last reading, each once. A transaction's id is given when it starts to write, not
 * when it commits, so what counts as read ends below the oldest transaction that was still open *in the very snapshot*
 * of the reading: whatever commits later is at or after it.
 */
export async function readChanges(
  db: Executor,
  since: ChangePosition,
): Promise<{ position: ChangePosition; triggerIds: string[] }> {
  const rows = await db
    .select({
      watermark: sql<string>`${OLDEST_OPEN}::text`,
      id: triggerChanges.id,
      triggerId: triggerChanges.triggerId,
      comesAgain: sql<boolean | null>`${triggerChanges.xid} >= ${OLDEST_OPEN}`,
    })
    .from(sql`(select) reading`)
    .leftJoin(triggerChanges, sql`${triggerChanges.xid} >= ${since.watermark}::xid8`);
  const triggerIds = new Set<string>();
  const seen = new Set<bigint>();
  for (const { id, triggerId, comesAgain } of rows) {
    if (id === null || triggerId === null) continue;
    if (!since.seen.has(id)) triggerIds.add(triggerId);
    if (comesAgain) seen.add(id);
  }
  return { position: { watermark: rows[0]?.watermark ?? since.watermark, seen }, triggerIds: [...triggerIds] };
}

/** Enabled triggers that concern the chain, by id, a page at a time. */
export const pageOfTriggers = (
  db: Executor,
  { chainId, after, limit }: { chainId: number; after: string | undefined; limit: number },
) => {
  const page = and(concerns(chainId), after === undefined ? undefined : gt(triggers.id, after));
  return selectTriggers(db, page).orderBy(asc(triggers.id)).limit(limit);
};

/** Those of the named triggers that still exist, are enabled and concern the chain. */
export const triggersById = (
  db: Executor,
  { chainId, ids }: { chainId: number; ids: readonly string[] },
): Promise<StoredTrigger[]> => selectTriggers(db, and(concerns(chainId), inArray(triggers.id, [...ids])));

const concerns = (chainId: number) =>
  and(eq(triggers.enabled, true), or(isNull(triggers.chainId), eq(triggers.chainId, chainId)));

/** One statement, so that a trigger and its conditions are of the same moment. */
function selectTriggers(db: Executor, where: SQL | undefined) {
  return db
    .select({
      id: triggers.id,
      version: triggers.version,
      chainId: triggers.chainId,
      registry: triggers.registry,
      enabled: triggers.enabled,
      matchAll: triggers.matchAll,
      confirmations: triggers.confirmations,
      createdAt: triggers.createdAt,
      conditions: sql<StoredCondition[]>`coalesce((
        select jsonb_agg(jsonb_build_object('id', c.id, 'condition_type', c.condition_type, 'field', c.field,
          'operator', c.operator, 'value', c.value, 'config', c.config) order by c.id)
        from trigger_conditions c where c.trigger_id = triggers.id), '[]')`,
    })
    .from(triggers)
    .where(where);
}
