import { and, count, eq, ne, sql, sum } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import type { TriggerKey } from './store.ts';
import { triggers } from './table.ts';

/**
 * Makes those who count an organization's triggers take turns until they have committed. Taken after the locks of triggers
 * and before the trail's head, so that nobody who holds it waits for one of them.
 */
export async function takeTurn(tx: Executor, organizationId: string): Promise<void> {
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtextextended('trigger-bounds:' || ${organizationId}::text, 0))`,
  );
}

export async function countTriggers(tx: Executor, organizationId: string): Promise<number> {
  const rows = await tx.select({ total: count() }).from(triggers).where(eq(triggers.organizationId, organizationId));
  return rows[0]?.total ?? 0;
}

/** Enabled triggers of the organization beside this one that look at every event, by chain; `null` is every chain. */
export async function countBroad(tx: Executor, key: TriggerKey): Promise<ReadonlyMap<number | null, number>> {
  const rows = await tx
    .select({ chainId: triggers.chainId, total: count() })
    .from(triggers)
    .where(and(otherEnabled(key), eq(triggers.broad, true)))
    .groupBy(triggers.chainId);
  return new Map(rows.map(({ chainId, total }) => [chainId, total]));
}

/** Of the enabled triggers of the organization beside this one: what they have together. */
export async function countWithin(
  tx: Executor,
  key: TriggerKey,
): Promise<{ patterns: number; statefulConditions: number }> {
  const rows = await tx
    .select({ patterns: sum(triggers.patterns), statefulConditions: sum(triggers.statefulConditions) })
    .from(triggers)
    .where(otherEnabled(key));
  return { patterns: Number(rows[0]?.patterns ?? 0), statefulConditions: Number(rows[0]?.statefulConditions ?? 0) };
}

const otherEnabled = ({ organizationId, triggerId }: TriggerKey) =>
  and(eq(triggers.organizationId, organizationId), eq(triggers.enabled, true), ne(triggers.id, triggerId));

export async function keepSize(
  tx: Executor,
  { organizationId, triggerId }: TriggerKey,
  { broad, patterns, statefulConditions }: { broad: boolean; patterns: number; statefulConditions: number },
): Promise<void> {
  await tx
    .update(triggers)
    .set({ broad, patterns, statefulConditions })
    .where(and(eq(triggers.id, triggerId), eq(triggers.organizationId, organizationId)));
}
