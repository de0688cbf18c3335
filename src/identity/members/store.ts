import { and, asc, count, eq, inArray } from 'drizzle-orm';
import type { Role } from '../../access/permissions.ts';
import type { Executor } from '../../db/client.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { organizations } from '../organizations/table.ts';
import { users } from '../users/table.ts';
import { members } from './table.ts';

/** A place in an organization. */
export interface MemberKey {
  organizationId: string;
  userId: string;
}

const isMember = ({ organizationId, userId }: MemberKey) =>
  and(eq(members.organizationId, organizationId), eq(members.userId, userId));

/** A member as others see one: the place, and what the account tells of the person. */
const MEMBER = {
  id: members.id,
  userId: members.userId,
  username: users.username,
  email: users.email,
  role: members.role,
  createdAt: members.createdAt,
};

const selectMembers = (db: Executor) =>
  db.select(MEMBER).from(members).innerJoin(users, eq(users.id, members.userId)).$dynamic();

export type MemberRow = NonNullable<Awaited<ReturnType<typeof findMember>>>;

/** Adds a member unless the user is one already; answers whether it did. */
export async function insertMember(tx: Executor, row: typeof members.$inferInsert): Promise<boolean> {
  const rows = await tx
    .insert(members)
    .values(row)
    .onConflictDoNothing({ target: [members.organizationId, members.userId] })
    .returning({ id: members.id });
  return rows.length > 0;
}

export async function userExists(db: Executor, userId: string): Promise<boolean> {
  const rows = await db.select({ id: users.id }).from(users).where(eq(users.id, userId)).limit(1);
  return rows.length > 0;
}

export async function findMember(db: Executor, key: MemberKey) {
  const rows = await selectMembers(db).where(isMember(key)).limit(1);
  return rows[0];
}

/** In the order in which they joined. */
export async function listMembers(db: Executor, organizationId: string, page: PageRequest) {
  const ours = eq(members.organizationId, organizationId);
  const [rows, totals] = await Promise.all([
    selectMembers(db).where(ours).orderBy(asc(members.id)).limit(page.limit).offset(page.offset),
    db.select({ total: count() }).from(members).where(ours),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

/** What those of the users are called who are members of the organization. */
export async function nameMembers(db: Executor, organizationId: string, userIds: readonly string[]) {
  return db
    .select({ userId: members.userId, username: users.username })
    .from(members)
    .innerJoin(users, eq(users.id, members.userId))
    .where(and(eq(members.organizationId, organizationId), inArray(members.userId, [...userIds])));
}

/** The role of a user in an organization, or nothing. */
export async function findRole(db: Executor, organizationId: string, userId: string): Promise<Role | undefined> {
  const rows = await db
    .select({ role: members.role })
    .from(members)
    .where(isMember({ organizationId, userId }))
    .limit(1);
  return rows[0]?.role;
}

export async function setRole(tx: Executor, key: MemberKey, role: Role): Promise<void> {
  await tx.update(members).set({ role }).where(isMember(key));
}

/** How many organizations the person owns beside the personal one. */
export async function countOwned(tx: Executor, userId: string): Promise<number> {
  const rows = await tx
    .select({ owned: count() })
    .from(members)
    .innerJoin(organizations, eq(organizations.id, members.organizationId))
    .where(and(eq(members.userId, userId), eq(members.role, 'owner'), eq(organizations.isPersonal, false)));
  return rows[0]?.owned ?? 0;
}

/** Makes the owner an admin and answers who it was. A unique index allows a new owner only after this. */
export async function demoteOwner(tx: Executor, organizationId: string): Promise<string | undefined> {
  const rows = await tx
    .update(members)
    .set({ role: 'admin' })
    .where(and(eq(members.organizationId, organizationId), eq(members.role, 'owner')))
    .returning({ userId: members.userId });
  return rows[0]?.userId;
}

export async function deleteMember(tx: Executor, key: MemberKey): Promise<void> {
  await tx.delete(members).where(isMember(key));
}

/** The ids of a user's organizations, as a subquery for a list that spans them. */
export const organizationsOf = (db: Executor, userId: string) =>
  db.select({ id: members.organizationId }).from(members).where(eq(members.userId, userId));
