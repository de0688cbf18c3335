import type { Executor } from '../../../db/client.ts';
import { newUuid } from '../../../kernel/id.ts';
import { deliveries } from '../../deliveries/table.ts';
import { triggerMatches } from '../table.ts';

/** Rows per statement: PostgreSQL takes 65,535 parameters, and a delivery has fourteen columns. */
const CHUNK = 1_000;

type DeliveryRow = typeof deliveries.$inferInsert;

/** Inserts the matches that are not there yet and returns those, in the order given. */
export async function insertMatches<Row extends typeof triggerMatches.$inferInsert>(
  tx: Executor,
  rows: Row[],
): Promise<Row[]> {
  if (rows.length === 0) return [];
  const inserted = await tx
    .insert(triggerMatches)
    .values(rows)
    .onConflictDoNothing()
    .returning({ id: triggerMatches.id });
  const ids = new Set(inserted.map(({ id }) => id));
  return rows.filter(({ id }) => ids.has(id));
}

export async function insertDeliveries(tx: Executor, rows: DeliveryRow[]): Promise<void> {
  for (const some of chunks(rows)) await tx.insert(deliveries).values(some);
}

/** UUIDv7, so deliveries made together sort in the order of their making. */
export const waitingDelivery = (now: Date) => ({
  id: newUuid(),
  status: 'pending' as const,
  nextAttemptAt: now,
  createdAt: now,
});

export function chunks<T>(items: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += CHUNK) parts.push(items.slice(start, start + CHUNK));
  return parts;
}
