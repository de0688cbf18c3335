import { and, asc, count, desc, eq, gt, gte, lte } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { auditHeads, auditLogs } from './table.ts';

export type AuditRow = typeof auditLogs.$inferSelect;

export interface AuditFilter {
  actor?: string | undefined;
  action?: string | undefined;
  targetType?: string | undefined;
  targetId?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
}

/** Newest first. */
export async function listAudit(db: Executor, organizationId: string, filter: AuditFilter, page: PageRequest) {
  const wanted = and(
    eq(auditLogs.organizationId, organizationId),
    filter.actor === undefined ? undefined : eq(auditLogs.actor, filter.actor),
    filter.action === undefined ? undefined : eq(auditLogs.action, filter.action),
    filter.targetType === undefined ? undefined : eq(auditLogs.targetType, filter.targetType),
    filter.targetId === undefined ? undefined : eq(auditLogs.targetId, filter.targetId),
    filter.from === undefined ? undefined : gte(auditLogs.createdAt, filter.from),
    filter.to === undefined ? undefined : lte(auditLogs.createdAt, filter.to),
  );
  const [rows, totals] = await Promise.all([
    db.select().from(auditLogs).where(wanted).orderBy(desc(auditLogs.seq)).limit(page.limit).offset(page.offset),
    db.select({ total: count() }).from(auditLogs).where(wanted),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

/** The next rows of a chain, in order. */
export async function readChain(
  db: Executor,
  organizationId: string,
  after: number,
  limit: number,
): Promise<AuditRow[]> {
  return db
    .select()
    .from(auditLogs)
    .where(and(eq(auditLogs.organizationId, organizationId), gt(auditLogs.seq, after)))
    .orderBy(asc(auditLogs.seq))
    .limit(limit);
}

export async function findHead(db: Executor, organizationId: string) {
  const rows = await db.select().from(auditHeads).where(eq(auditHeads.organizationId, organizationId)).limit(1);
  return rows[0];
}
