import { and, asc, count, desc, eq, gt, inArray, isNull, lte, ne, or, sql } from 'drizzle-orm';
import type { UserPrincipal } from '../../access/principal.ts';
import type { Executor } from '../../db/client.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { users } from '../users/table.ts';
import { refreshTokens, type SessionEnd, sessions } from './table.ts';

export type SessionRow = typeof sessions.$inferSelect;

export async function insertSession(db: Executor, row: SessionRow): Promise<void> {
  await db.insert(sessions).values(row);
}

/**
 * Whether a session's access tokens are still good: asked on every request that comes with one. Expiry is not asked
 * for, since no access token outlives its session.
 */
export async function isLive(db: Executor, sessionId: string): Promise<boolean> {
  const rows = await db
    .select({ id: sessions.id })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.id, sessionId), isNull(sessions.revokedAt), eq(users.isActive, true)))
    .limit(1);
  return rows.length > 0;
}

const running = (now: Date) => and(isNull(sessions.revokedAt), gt(sessions.expiresAt, now));

/** A person's running sessions, newest first. */
export async function listSessions(db: Executor, userId: string, now: Date, page: PageRequest) {
  const mine = and(eq(sessions.userId, userId), running(now));
  const [rows, totals] = await Promise.all([
    db
      .select()
      .from(sessions)
      .where(mine)
      .orderBy(desc(sessions.createdAt), desc(sessions.id))
      .limit(page.limit)
      .offset(page.offset),
    db.select({ total: count() }).from(sessions).where(mine),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

interface End {
  now: Date;
  reason: SessionEnd;
}

const ended = ({ now, reason }: End) => ({ revokedAt: now, revokedReason: reason });

/** Ends one session of a person; `false` when there is none that runs. */
export async function revokeSession(
  db: Executor,
  { userId, sessionId }: Pick<UserPrincipal, 'userId' | 'sessionId'>,
  end: End,
): Promise<boolean> {
  const rows = await db
    .update(sessions)
    .set(ended(end))
    .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId), running(end.now)))
    .returning({ id: sessions.id });
  return rows.length > 0;
}

/** Ends every session of a person but the one given, and tells how many. The caller holds the user's row lock. */
export async function revokeOthers(
  tx: Executor,
  { userId, sessionId }: Pick<UserPrincipal, 'userId' | 'sessionId'>,
  end: End,
): Promise<number> {
  const rows = await tx
    .update(sessions)
    .set(ended(end))
    .where(and(eq(sessions.userId, userId), ne(sessions.id, sessionId), running(end.now)))
    .returning({ id: sessions.id });
  return rows.length;
}

/** Counts a wrong password given by a session. How many there are now in a row; none of a session that has ended. */
export async function countWrongPassword(tx: Executor, sessionId: string): Promise<number> {
  const rows = await tx
    .update(sessions)
    .set({ wrongPasswords: sql`${sessions.wrongPasswords} + 1` })
    .where(and(eq(sessions.id, sessionId), isNull(sessions.revokedAt)))
    .returning({ count: sessions.wrongPasswords });
  return rows[0]?.count ?? 0;
}

/** Begins that count anew, and waits for who is counting: what is read of the session afterwards holds. */
export async function forgetWrongPasswords(tx: Executor, sessionId: string): Promise<void> {
  await tx.update(sessions).set({ wrongPasswords: 0 }).where(eq(sessions.id, sessionId));
}

export async function insertRefreshToken(db: Executor, row: typeof refreshTokens.$inferInsert): Promise<void> {
  await db.insert(refreshTokens).values(row);
}

/** The session that a refresh token belongs to, and whether the token was used already. */
export async function findRefreshToken(db: Executor, tokenHash: string) {
  const rows = await db
    .select({ sessionId: sessions.id, userId: sessions.userId, spentAt: refreshTokens.spentAt })
    .from(refreshTokens)
    .innerJoin(sessions, eq(sessions.id, refreshTokens.sessionId))
    .where(eq(refreshTokens.tokenHash, tokenHash))
    .limit(1);
  return rows[0];
}

/** Spends a token: of two uses at once, one does. */
export async function spendRefreshToken(tx: Executor, tokenHash: string, now: Date): Promise<boolean> {
  const rows = await tx
    .update(refreshTokens)
    .set({ spentAt: now })
    .where(and(eq(refreshTokens.tokenHash, tokenHash), isNull(refreshTokens.spentAt)))
    .returning({ tokenHash: refreshTokens.tokenHash });
  return rows.length > 0;
}

/** Marks a session as used, if it still runs. */
export async function renewSession(tx: Executor, sessionId: string, now: Date): Promise<SessionRow | undefined> {
  const rows = await tx
    .update(sessions)
    .set({ refreshedAt: now })
    .where(and(eq(sessions.id, sessionId), running(now)))
    .returning();
  return rows[0];
}

/** Deletes some sessions that ended before the given moment, with their tokens, and tells how many. */
export async function deleteEndedSessions(db: Executor, before: Date, limit: number): Promise<number> {
  const old = db
    .select({ id: sessions.id })
    .from(sessions)
    .where(or(lte(sessions.expiresAt, before), lte(sessions.revokedAt, before)))
    .orderBy(asc(sessions.id))
    .limit(limit)
    .for('update', { skipLocked: true });
  const rows = await db.delete(sessions).where(inArray(sessions.id, old)).returning({ id: sessions.id });
  return rows.length;
}
