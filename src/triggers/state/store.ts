import { and, asc, eq, inArray, lte, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { chainEvents, chainFeed } from '../ingest/table.ts';
import { wholeSeconds } from '../matching/event.ts';
import type { MemoryKey } from '../matching/stretch.ts';
import { matcherCursors } from '../matching/table.ts';
import { triggerConditions } from '../rules/table.ts';
import type { StateRow } from './evaluator.ts';
import { triggerStates } from './table.ts';

type Row = typeof triggerStates.$inferSelect;

const fromRow = ({ anchorEventId, anchorAppearance, chainId: _, ...row }: Row): StateRow => ({
  ...row,
  anchor: anchorEventId === null ? null : { eventId: anchorEventId, appearance: anchorAppearance ?? 0 },
});

/** What is remembered under the keys. */
export async function readStates(db: Executor, keys: readonly MemoryKey[]): Promise<StateRow[]> {
  const found: StateRow[] = [];
  for (const some of chunks(keys)) {
    const wanted = sql`jsonb_to_recordset(${JSON.stringify(some)}::jsonb) as wanted("triggerId" uuid, "groupKey" text)`;
    const rows = await db
      .select()
      .from(triggerStates)
      .where(
        sql`(${triggerStates.triggerId}, ${triggerStates.groupKey}) in (select "triggerId", "groupKey" from ${wanted})`,
      );
    for (const row of rows) found.push(fromRow(row));
  }
  return found;
}

/** What is due on the chain by then, as the evaluator takes it. */
export async function readDue(
  db: Executor,
  { chainId, by, limit }: { chainId: number; by: number; limit: number },
): Promise<StateRow[]> {
  const rows = await db
    .select()
    .from(triggerStates)
    .where(and(eq(triggerStates.chainId, chainId), lte(triggerStates.dueAt, by)))
    .orderBy(asc(triggerStates.dueAt), asc(triggerStates.conditionId), asc(sql`${triggerStates.groupKey} collate "C"`))
    .limit(limit);
  return rows.map(fromRow);
}

export interface StateChanges {
  changed: readonly StateRow[];
  removed: readonly StateRow[];
}

/**
 * Writes what became of the memories. Conditions are locked against deletion first, in the order in which a deletion
 * takes them; those that are gone take their memories with them.
 */
export async function writeStates(tx: Executor, chainId: number, { changed, removed }: StateChanges): Promise<void> {
  for (const { conditionId, groupKey } of removed) {
    await tx
      .delete(triggerStates)
      .where(and(eq(triggerStates.conditionId, conditionId), eq(triggerStates.groupKey, groupKey)));
  }
  const ids = await lockConditions(tx, changed);
  const rows = changed
    .filter(({ conditionId }) => ids.has(conditionId))
    .map(({ anchor, ...row }) => ({
      ...row,
      chainId,
      anchorEventId: anchor?.eventId ?? null,
      anchorAppearance: anchor?.appearance ?? null,
    }));
  for (const some of chunks(rows)) {
    await tx
      .insert(triggerStates)
      .values(some)
      .onConflictDoUpdate({
        target: [triggerStates.conditionId, triggerStates.groupKey],
        set: {
          fingerprint: sql`excluded.fingerprint`,
          memory: sql`excluded.memory`,
          held: sql`excluded.held`,
          dueAt: sql`excluded.due_at`,
          endsAt: sql`excluded.ends_at`,
          anchorEventId: sql`excluded.anchor_event_id`,
          anchorAppearance: sql`excluded.anchor_appearance`,
        },
      });
  }
}

/** The conditions that are still there. */
async function lockConditions(tx: Executor, of: readonly StateRow[]): Promise<Set<number>> {
  const ids = [...new Set(of.map(({ conditionId }) => conditionId))].sort((a, b) => a - b);
  const present = new Set<number>();
  for (const some of chunks(ids)) {
    const rows = await tx
      .select({ id: triggerConditions.id })
      .from(triggerConditions)
      .where(inArray(triggerConditions.id, some))
      .orderBy(asc(triggerConditions.id))
      .for('key share');
    for (const { id } of rows) present.add(id);
  }
  return present;
}

/** The time of the last confirmed event that each chain's matcher has dealt with, in seconds since 1970. */
export async function readChainTimes(db: Executor): Promise<{ chainId: number; at: number }[]> {
  const last = sql`(select ${chainFeed.eventId} from ${chainFeed}
    where ${chainFeed.chainId} = ${matcherCursors.chainId} and ${chainFeed.seq} <= ${matcherCursors.seq}
      and ${chainFeed.operation} = 'confirm'
    order by ${chainFeed.seq} desc limit 1)`;
  const rows = await db
    .select({ chainId: matcherCursors.chainId, blockTime: chainEvents.blockTime })
    .from(matcherCursors)
    .innerJoin(chainEvents, sql`${chainEvents.id} = ${last}`);
  return rows.map(({ chainId, blockTime }) => ({ chainId, at: wholeSeconds(blockTime) }));
}

/** Deletes memories that have ended by the time of the chain. Those that a matcher is writing are passed over. */
export async function deleteEnded(
  db: Executor,
  { chainId, by, limit }: { chainId: number; by: number; limit: number },
): Promise<number> {
  const ended = db
    .select({ conditionId: triggerStates.conditionId, groupKey: triggerStates.groupKey })
    .from(triggerStates)
    .where(and(eq(triggerStates.chainId, chainId), lte(triggerStates.endsAt, by)))
    .orderBy(asc(triggerStates.endsAt))
    .limit(limit)
    .for('update', { skipLocked: true });
  const rows = await db
    .delete(triggerStates)
    .where(sql`(${triggerStates.conditionId}, ${triggerStates.groupKey}) in ${ended}`)
    .returning({ conditionId: triggerStates.conditionId });
  return rows.length;
}

/** Rows per statement: PostgreSQL takes 65,535 parameters, and a memory has eleven columns. */
const CHUNK = 1_000;

function* chunks<T>(items: readonly T[]): Generator<T[], void, undefined> {
  for (let start = 0; start < items.length; start += CHUNK) yield items.slice(start, start + CHUNK);
}
