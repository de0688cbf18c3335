import { and, count, desc, eq, lte } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { apiRevisions } from './table.ts';

export type RevisionRow = typeof apiRevisions.$inferSelect;

/** A definition may be a megabyte. */
const KEPT = 100;

/** The caller has loaded the API inside its organization. */
export async function insertRevision(tx: Executor, row: RevisionRow): Promise<void> {
  await tx.insert(apiRevisions).values(row);
  await tx
    .delete(apiRevisions)
    .where(and(eq(apiRevisions.apiId, row.apiId), lte(apiRevisions.revision, row.revision - KEPT)));
}

export async function findRevision(db: Executor, apiId: string, revision: number): Promise<RevisionRow | undefined> {
  const rows = await db
    .select()
    .from(apiRevisions)
    .where(and(eq(apiRevisions.apiId, apiId), eq(apiRevisions.revision, revision)))
    .limit(1);
  return rows[0];
}

/** Newest first, without their definitions. */
export async function listRevisions(db: Executor, apiId: string, page: PageRequest) {
  const ours = eq(apiRevisions.apiId, apiId);
  const { revision, note, actor, createdAt } = apiRevisions;
  const [rows, totals] = await Promise.all([
    db
      .select({ revision, note, actor, createdAt })
      .from(apiRevisions)
      .where(ours)
      .orderBy(desc(apiRevisions.revision))
      .limit(page.limit)
      .offset(page.offset),
    db.select({ total: count() }).from(apiRevisions).where(ours),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}
