import { and, asc, eq, inArray, lte, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import type { MemoryKey } from '../matching/batch.ts';
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
  if (keys.length === 0) return [];
  const wanted = sql`jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) as wanted("triggerId" uuid, "groupKey" text)`;
  const rows = await db
    .select()
    .from(triggerStates)
    .where(
      sql`(${triggerStates.triggerId}, ${triggerStates.groupKey}) in (select "triggerId", "groupKey" from ${wanted})`,
    );
  return rows.map(fromRow);
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
  if (changed.length === 0) return;
  const present = await tx
    .select({ id: triggerConditions.id })
    .from(triggerConditions)
    .where(inArray(triggerConditions.id, [...new Set(changed.map(({ conditionId }) => conditionId))]))
    .orderBy(asc(triggerConditions.id))
    .for('key share');
  const ids = new Set(present.map(({ id }) => id));
  const rows = changed
    .filter(({ conditionId }) => ids.has(conditionId))
    .map(({ anchor, ...row }) => ({
      ...row,
      chainId,
      anchorEventId: anchor?.eventId ?? null,
      anchorAppearance: anchor?.appearance ?? null,
    }));
  for (let start = 0; start < rows.length; start += CHUNK) {
    await tx
      .insert(triggerStates)
      .values(rows.slice(start, start + CHUNK))
      .onConflictDoUpdate({
        target: [triggerStates.conditionId, triggerStates.groupKey],
        set: {
          fingerprint: sql`excluded.fingerprint`,
          memory: sql`excluded.memory`,
          held: sql`excluded.held`,
          dueAt: sql`excluded.due_at`,
          anchorEventId: sql`excluded.anchor_event_id`,
          anchorAppearance: sql`excluded.anchor_appearance`,
        },
      });
  }
}

const CHUNK = 1_000;
