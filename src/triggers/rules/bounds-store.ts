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

/** Regular expressions in the enabled triggers of the organization beside this one. */
export async function countPatterns(tx: Executor, key: TriggerKey): Promise<number> {
  const rows = await tx
    .select({ total: sum(triggers.patterns) })
    .from(triggers)
    .where(otherEnabled(key));
  return Number(rows[0]?.total ?? 0);
}

const otherEnabled = ({ organizationId, triggerId }: TriggerKey) =>
  and(eq(triggers.organizationId, organizationId), eq(triggers.enabled, true), ne(triggers.id, triggerId));

export async function keepSize(
  tx: Executor,
  { organizationId, triggerId }: TriggerKey,
  size: { broad: boolean; patterns: number },
): Promise<void> {
  await tx
    .update(triggers)
    .set({ broad: size.broad, patterns: size.patterns })
    .where(and(eq(triggers.id, triggerId), eq(triggers.organizationId, organizationId)));
}
