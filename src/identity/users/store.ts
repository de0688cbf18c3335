import { and, eq, isNull, or, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { refreshTokens, users } from './table.ts';

export type UserRow = typeof users.$inferSelect;

export async function insertUser(db: Executor, row: UserRow): Promise<void> {
  await db.insert(users).values(row);
}

/**
 * The account that a sign-in name means. A username may look like an e-mail address, so an address is looked for among
 * the addresses first: nobody can take over a sign-in by registering another's address as a username.
 */
export async function findUserByLogin(db: Executor, login: string): Promise<UserRow | undefined> {
  const name = login.toLowerCase();
  const rows = await db
    .select()
    .from(users)
    .where(or(eq(sql`lower(${users.email})`, name), eq(sql`lower(${users.username})`, name)))
    .orderBy(sql`lower(${users.email}) = ${name} desc`)
    .limit(1);
  return rows[0];
}

export async function markLogin(db: Executor, userId: string, now: Date): Promise<void> {
  await db.update(users).set({ lastLoginAt: now }).where(eq(users.id, userId));
}

export type RefreshTokenRow = typeof refreshTokens.$inferInsert;

export async function insertRefreshToken(db: Executor, row: RefreshTokenRow): Promise<void> {
  await db.insert(refreshTokens).values(row);
}

/** Spends a token: of two uses at once, one gets the row. */
export async function spendRefreshToken(db: Executor, tokenHash: string, now: Date) {
  const rows = await db
    .update(refreshTokens)
    .set({ replacedAt: now })
    .where(
      and(
        eq(refreshTokens.tokenHash, tokenHash),
        isNull(refreshTokens.replacedAt),
        isNull(refreshTokens.revokedAt),
        sql`${refreshTokens.expiresAt} > ${now.toISOString()}::timestamptz`,
      ),
    )
    .returning({ familyId: refreshTokens.familyId, userId: refreshTokens.userId });
  return rows[0];
}

/** Ends the login that a token belongs to, if there is such a token. */
export async function revokeFamilyOf(db: Executor, tokenHash: string, now: Date): Promise<void> {
  const family = db
    .select({ id: refreshTokens.familyId })
    .from(refreshTokens)
    .where(eq(refreshTokens.tokenHash, tokenHash));
  await db
    .update(refreshTokens)
    .set({ revokedAt: now })
    .where(and(sql`${refreshTokens.familyId} in ${family}`, isNull(refreshTokens.revokedAt)));
}

export async function findUser(db: Executor, userId: string): Promise<UserRow | undefined> {
  const rows = await db.select().from(users).where(eq(users.id, userId)).limit(1);
  return rows[0];
}
