import { and, asc, count, eq, isNotNull, isNull, lt, notInArray, or, sql } from 'drizzle-orm';
import type { Executor } from '../../../db/client.ts';
import type { PageRequest } from '../../../kernel/page.ts';
import { upstreamHosts } from '../table.ts';

export type HostRow = typeof upstreamHosts.$inferSelect;

/** A host inside the organization that the caller has been admitted to. */
export type HostRef = Pick<HostRow, 'organizationId' | 'host'>;

const isHost = ({ organizationId, host }: HostRef) =>
  and(eq(upstreamHosts.organizationId, organizationId), eq(upstreamHosts.host, host));

/** Hosts that the organization has shown to be its own. */
export async function provenHosts(db: Executor, organizationId: string): Promise<ReadonlySet<string>> {
  const rows = await db
    .select({ host: upstreamHosts.host })
    .from(upstreamHosts)
    .where(and(eq(upstreamHosts.organizationId, organizationId), isNotNull(upstreamHosts.provenAt)));
  return new Set(rows.map(({ host }) => host));
}

/** Those that are known already stay as they are. */
export async function insertHosts(tx: Executor, rows: readonly HostRow[]): Promise<void> {
  await tx
    .insert(upstreamHosts)
    .values([...rows])
    .onConflictDoNothing();
}

export async function countHosts(tx: Executor, organizationId: string): Promise<number> {
  const rows = await tx
    .select({ total: count() })
    .from(upstreamHosts)
    .where(eq(upstreamHosts.organizationId, organizationId));
  return rows[0]?.total ?? 0;
}

export async function deleteOtherHosts(tx: Executor, organizationId: string, hosts: readonly string[]): Promise<void> {
  await tx
    .delete(upstreamHosts)
    .where(and(eq(upstreamHosts.organizationId, organizationId), notInArray(upstreamHosts.host, [...hosts])));
}

export async function findHost(db: Executor, ref: HostRef): Promise<HostRow | undefined> {
  const rows = await db.select().from(upstreamHosts).where(isHost(ref)).limit(1);
  return rows[0];
}

/** By name. */
export async function listHosts(db: Executor, organizationId: string, page: PageRequest) {
  const ours = eq(upstreamHosts.organizationId, organizationId);
  const [rows, totals] = await Promise.all([
    db.select().from(upstreamHosts).where(ours).orderBy(asc(upstreamHosts.host)).limit(page.limit).offset(page.offset),
    db.select({ total: count() }).from(upstreamHosts).where(ours),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

export type HostCheck = Pick<HostRow, 'provenAt' | 'checkedAt' | 'missingSince'>;

/** What a look at a host found, unless it has to show something else by now or is not needed any more. */
export async function updateHost(
  tx: Executor,
  { token, ...ref }: HostRef & Pick<HostRow, 'token'>,
  check: HostCheck,
): Promise<HostRow | undefined> {
  const rows = await tx
    .update(upstreamHosts)
    .set(check)
    .where(and(isHost(ref), eq(upstreamHosts.token, token)))
    .returning();
  return rows[0];
}

interface Due {
  /** Last looked at before. */
  before: Date;
  /** The same for those that did not show it the last time. */
  missingBefore: Date;
}

/** Takes proven hosts that are to be looked at again, those first that were not for longest: each by one runner. */
export async function takeDueHosts(db: Executor, due: Due, limit: number, now: Date): Promise<HostRow[]> {
  const { organizationId, host, checkedAt, missingSince, provenAt } = upstreamHosts;
  const rows = db
    .select({ organizationId, host })
    .from(upstreamHosts)
    .where(
      and(
        isNotNull(provenAt),
        or(
          and(isNull(missingSince), lt(checkedAt, due.before)),
          and(isNotNull(missingSince), lt(checkedAt, due.missingBefore)),
        ),
      ),
    )
    .orderBy(asc(checkedAt))
    .limit(limit)
    .for('update', { skipLocked: true });
  return db
    .update(upstreamHosts)
    .set({ checkedAt: now })
    .where(sql`(${organizationId}, ${host}) in ${rows}`)
    .returning();
}
