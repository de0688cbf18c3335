import { lte, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { HOUR } from '../../kernel/clock.ts';
import { deliveries, deliveryAllowances } from './table.ts';

/** Deliveries that the fires of an organization's triggers may cause in an hour of the clock. */
export const DELIVERIES_PER_HOUR = 10_000;

/** A delivery that was made in this transaction and waits. */
export interface Waiting {
  id: string;
  organizationId: string;
}

/** What would have gone beyond the allowance of an organization. */
export interface Excess {
  organizationId: string;
  ids: string[];
}

/**
 * Counts deliveries in the allowances of their organizations, and ends those for which nothing is left, the last ones
 * first: they are kept as failed and can be sent again. Counts are locked until the transaction ends, in one order and
 * with nothing locked after them, so that the matchers of several chains take turns here and block nobody else.
 */
export async function drawAllowances(tx: Executor, made: readonly Waiting[], now: Date): Promise<Excess[]> {
  if (made.length === 0) return [];
  const byOrganization = Map.groupBy(made, ({ organizationId }) => organizationId);
  const drawn = [...byOrganization].sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = await tx
    .insert(deliveryAllowances)
    .values(drawn.map(([organizationId, { length }]) => ({ organizationId, hour: hourOf(now), asked: length })))
    .onConflictDoUpdate({
      target: [deliveryAllowances.organizationId, deliveryAllowances.hour],
      set: { asked: sql`${deliveryAllowances.asked} + excluded.asked` },
    })
    .returning({ organizationId: deliveryAllowances.organizationId, asked: deliveryAllowances.asked });
  const excess = rows.flatMap(({ organizationId, asked }) => {
    const own = byOrganization.get(organizationId) ?? [];
    const left = Math.max(DELIVERIES_PER_HOUR - (asked - own.length), 0);
    return own.length > left ? [{ organizationId, ids: own.slice(left).map(({ id }) => id) }] : [];
  });
  for (const { ids } of excess) await end(tx, ids, now);
  return excess;
}

export const hourOf = (now: Date) => new Date(Math.floor(now.getTime() / HOUR) * HOUR);

const end = (tx: Executor, ids: readonly string[], now: Date) =>
  tx
    .update(deliveries)
    .set({
      status: 'failed',
      completedAt: now,
      lastError: `Not sent: over the organization's ${DELIVERIES_PER_HOUR} deliveries per hour`,
    })
    .where(sql`${deliveries.id} = any(${sql.param([...ids])}::uuid[])`);

/** Deletes the counts of hours that began before the moment. */
export async function deleteOldAllowances(db: Executor, before: Date, limit: number): Promise<number> {
  const { organizationId, hour } = deliveryAllowances;
  const old = db.select({ organizationId, hour }).from(deliveryAllowances).where(lte(hour, before)).limit(limit);
  const rows = await db
    .delete(deliveryAllowances)
    .where(sql`(${organizationId}, ${hour}) in ${old}`)
    .returning({ hour });
  return rows.length;
}
