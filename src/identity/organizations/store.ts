import { and, asc, count, eq, or, sql } from 'drizzle-orm';
import type { EdgePlan } from '../../access/edge.ts';
import type { Executor } from '../../db/client.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { members } from '../members/table.ts';
import { organizations } from './table.ts';

export type OrganizationRow = typeof organizations.$inferSelect;

export async function insertOrganization(db: Executor, row: OrganizationRow): Promise<void> {
  await db.insert(organizations).values(row);
}

export async function findOrganization(db: Executor, id: string): Promise<OrganizationRow | undefined> {
  const rows = await db.select().from(organizations).where(eq(organizations.id, id)).limit(1);
  return rows[0];
}

/** The organization with this id, or else the one with this slug: a slug may look like an id. */
export async function findOrganizationByName(db: Executor, name: string): Promise<OrganizationRow | undefined> {
  const isName = sql`${organizations.id}::text = lower(${name})`;
  const rows = await db
    .select()
    .from(organizations)
    .where(or(isName, eq(organizations.slug, name)))
    .orderBy(sql`${isName} desc`)
    .limit(1);
  return rows[0];
}

/** The plan of an organization and the operator's word on it; nothing when the organization is gone. */
export async function findPlan(db: Executor, id: string): Promise<EdgePlan | undefined> {
  const { plan, unitsPerHour, leases } = organizations;
  const rows = await db
    .select({ name: plan, unitsPerHour, leases })
    .from(organizations)
    .where(eq(organizations.id, id))
    .limit(1);
  return rows[0];
}

/**
 * Reads an organization and keeps others from changing it until the transaction ends. `no key update` lets rows that
 * refer to it come in meanwhile; `update` is for its deletion and keeps them out too.
 */
export async function lockOrganization(
  tx: Executor,
  id: string,
  strength: 'no key update' | 'update',
): Promise<OrganizationRow | undefined> {
  const rows = await tx.select().from(organizations).where(eq(organizations.id, id)).for(strength);
  return rows[0];
}

export async function updateOrganization(tx: Executor, id: string, patch: Partial<OrganizationRow>): Promise<void> {
  await tx.update(organizations).set(patch).where(eq(organizations.id, id));
}

/** Deletes an organization with everything that refers to it. */
export async function deleteOrganization(tx: Executor, id: string): Promise<void> {
  await tx.delete(organizations).where(eq(organizations.id, id));
}

/** The organizations a user belongs to, oldest first, each with the user's role. */
export async function listMemberships(db: Executor, userId: string, page: PageRequest) {
  const mine = eq(members.userId, userId);
  const [rows, totals] = await Promise.all([
    db
      .select({ organization: organizations, role: members.role })
      .from(members)
      .innerJoin(organizations, eq(organizations.id, members.organizationId))
      .where(mine)
      .orderBy(asc(organizations.createdAt), asc(organizations.id))
      .limit(page.limit)
      .offset(page.offset),
    db.select({ total: count() }).from(members).where(mine),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

/** The organization that was made with the user's account. */
export async function findPersonalOrganization(db: Executor, userId: string): Promise<string | undefined> {
  const rows = await db
    .select({ id: organizations.id })
    .from(organizations)
    .innerJoin(members, eq(members.organizationId, organizations.id))
    .where(and(eq(members.userId, userId), eq(members.role, 'owner'), eq(organizations.isPersonal, true)))
    .limit(1);
  return rows[0]?.id;
}

/** Id of the organization that has a slug. */
export async function findIdBySlug(db: Executor, slug: string): Promise<string | undefined> {
  const rows = await db
    .select({ id: organizations.id })
    .from(organizations)
    .where(eq(organizations.slug, slug))
    .limit(1);
  return rows[0]?.id;
}
