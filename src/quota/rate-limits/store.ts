import { and, asc, count, desc, eq } from 'drizzle-orm';
import type { EdgeLimit } from '../../access/edge.ts';
import type { Executor } from '../../db/client.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { rateLimits } from './table.ts';

export type RateLimitRow = typeof rateLimits.$inferSelect;

/** A limit inside the organization that the caller has been admitted to. */
export interface RateLimitRef {
  organizationId: string;
  limitId: string;
}

const isLimit = ({ organizationId, limitId }: RateLimitRef) =>
  and(eq(rateLimits.id, limitId), eq(rateLimits.organizationId, organizationId));

/** The organization that a limit belongs to, and nothing else about it. */
export async function organizationOfLimit(db: Executor, limitId: string): Promise<string | undefined> {
  const rows = await db
    .select({ organizationId: rateLimits.organizationId })
    .from(rateLimits)
    .where(eq(rateLimits.id, limitId))
    .limit(1);
  return rows[0]?.organizationId;
}

/** All limits of an organization as its object is told of them, in the order in which they were made. */
export async function readLimits(db: Executor, organizationId: string): Promise<EdgeLimit[]> {
  const { id, name, scope, target, limit, window, algorithm, burst } = rateLimits;
  return db
    .select({ id, name, scope, target, limit, window, algorithm, burst })
    .from(rateLimits)
    .where(eq(rateLimits.organizationId, organizationId))
    .orderBy(asc(rateLimits.createdAt), asc(rateLimits.id));
}

export async function countLimits(tx: Executor, organizationId: string): Promise<number> {
  const rows = await tx
    .select({ total: count() })
    .from(rateLimits)
    .where(eq(rateLimits.organizationId, organizationId));
  return rows[0]?.total ?? 0;
}

export async function insertLimit(tx: Executor, row: RateLimitRow): Promise<void> {
  await tx.insert(rateLimits).values(row);
}

export async function findLimit(db: Executor, ref: RateLimitRef): Promise<RateLimitRow | undefined> {
  const rows = await db.select().from(rateLimits).where(isLimit(ref)).limit(1);
  return rows[0];
}

/** Newest first. */
export async function listLimits(db: Executor, organizationId: string, page: PageRequest) {
  const ours = eq(rateLimits.organizationId, organizationId);
  const [rows, totals] = await Promise.all([
    db
      .select()
      .from(rateLimits)
      .where(ours)
      .orderBy(desc(rateLimits.createdAt), desc(rateLimits.id))
      .limit(page.limit)
      .offset(page.offset),
    db.select({ total: count() }).from(rateLimits).where(ours),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

export async function updateLimit(tx: Executor, ref: RateLimitRef, row: RateLimitRow): Promise<void> {
  await tx.update(rateLimits).set(row).where(isLimit(ref));
}

export async function deleteLimit(tx: Executor, ref: RateLimitRef): Promise<RateLimitRow | undefined> {
  const rows = await tx.delete(rateLimits).where(isLimit(ref)).returning();
  return rows[0];
}
