import { and, asc, count, desc, eq, getTableColumns, ne } from 'drizzle-orm';
import type { Executor } from '../../../db/client.ts';
import type { PageRequest } from '../../../kernel/page.ts';
import { apis } from '../table.ts';
import { domains } from './table.ts';

export type DomainRow = typeof domains.$inferSelect;

/** With the slug of the API that it belongs to. */
export type ShownDomain = DomainRow & { api: string | null };

/** A domain inside the organization that the caller has been admitted to. */
export interface DomainRef {
  organizationId: string;
  domainId: string;
}

const isDomain = ({ organizationId, domainId }: DomainRef) =>
  and(eq(domains.id, domainId), eq(domains.organizationId, organizationId));

const hasHost = (host: string) => and(eq(domains.host, host), eq(domains.status, 'verified'));

const shown = { ...getTableColumns(domains), api: apis.slug };

/** The organization that a domain belongs to, and nothing else about it. */
export async function organizationOfDomain(db: Executor, domainId: string): Promise<string | undefined> {
  const rows = await db
    .select({ organizationId: domains.organizationId })
    .from(domains)
    .where(eq(domains.id, domainId))
    .limit(1);
  return rows[0]?.organizationId;
}

/** The organization that has shown a host to be its own. */
export async function organizationOfHost(db: Executor, host: string): Promise<string | undefined> {
  return (await findHolder(db, host))?.organizationId;
}

/** The claim on a host that is in force. */
export async function findHolder(db: Executor, host: string): Promise<DomainRow | undefined> {
  const rows = await db.select().from(domains).where(hasHost(host)).limit(1);
  return rows[0];
}

/** The hosts at which an organization is reached, each with the slug of the API that all of it belongs to. */
export async function verifiedDomains(db: Executor, organizationId: string) {
  return db
    .select({ host: domains.host, api: apis.slug })
    .from(domains)
    .leftJoin(apis, eq(apis.id, domains.apiId))
    .where(and(eq(domains.organizationId, organizationId), eq(domains.status, 'verified')))
    .orderBy(asc(domains.host));
}

export async function countDomains(tx: Executor, organizationId: string): Promise<number> {
  const rows = await tx.select({ total: count() }).from(domains).where(eq(domains.organizationId, organizationId));
  return rows[0]?.total ?? 0;
}

export async function insertDomain(tx: Executor, row: DomainRow): Promise<void> {
  await tx.insert(domains).values(row);
}

export async function findDomain(db: Executor, ref: DomainRef): Promise<ShownDomain | undefined> {
  const rows = await db
    .select(shown)
    .from(domains)
    .leftJoin(apis, eq(apis.id, domains.apiId))
    .where(isDomain(ref))
    .limit(1);
  return rows[0];
}

/** Newest first. */
export async function listDomains(db: Executor, organizationId: string, page: PageRequest) {
  const ours = eq(domains.organizationId, organizationId);
  const [rows, totals] = await Promise.all([
    db
      .select(shown)
      .from(domains)
      .leftJoin(apis, eq(apis.id, domains.apiId))
      .where(ours)
      .orderBy(desc(domains.createdAt), desc(domains.id))
      .limit(page.limit)
      .offset(page.offset),
    db.select({ total: count() }).from(domains).where(ours),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

type Change = Partial<Omit<DomainRow, 'id' | 'organizationId' | 'host' | 'token' | 'createdAt'>>;

/** False when it is gone. */
export async function updateDomain(tx: Executor, ref: DomainRef, change: Change): Promise<boolean> {
  const rows = await tx.update(domains).set(change).where(isDomain(ref)).returning({ id: domains.id });
  return rows.length > 0;
}

/** Notes that a host did not show what it had to, unless it has by now. */
export async function failDomain(tx: Executor, ref: DomainRef, now: Date): Promise<void> {
  await tx
    .update(domains)
    .set({ status: 'failed', checkedAt: now, updatedAt: now })
    .where(and(isDomain(ref), ne(domains.status, 'verified')));
}

/** Takes a host away from who has it; false when they have it no more. */
export async function takeHost(tx: Executor, { id, host }: DomainRow, now: Date): Promise<boolean> {
  const rows = await tx
    .update(domains)
    .set({ status: 'failed', verifiedAt: null, checkedAt: now, updatedAt: now })
    .where(and(eq(domains.id, id), hasHost(host)))
    .returning({ id: domains.id });
  return rows.length > 0;
}

export async function deleteDomain(tx: Executor, ref: DomainRef): Promise<boolean> {
  const rows = await tx.delete(domains).where(isDomain(ref)).returning({ id: domains.id });
  return rows.length > 0;
}
