import { and, eq } from 'drizzle-orm';
import type { Role } from '../../access/permissions.ts';
import type { Executor } from '../../db/client.ts';
import { members } from './table.ts';

export async function insertMember(db: Executor, row: typeof members.$inferInsert): Promise<void> {
  await db.insert(members).values(row);
}

/** The role of a user in an organization, or nothing. */
export async function findRole(db: Executor, organizationId: string, userId: string): Promise<Role | undefined> {
  const rows = await db
    .select({ role: members.role })
    .from(members)
    .where(and(eq(members.organizationId, organizationId), eq(members.userId, userId)))
    .limit(1);
  return rows[0]?.role;
}

/** The ids of a user's organizations, as a subquery for a list that spans them. */
export const organizationsOf = (db: Executor, userId: string) =>
  db.select({ id: members.organizationId }).from(members).where(eq(members.userId, userId));
