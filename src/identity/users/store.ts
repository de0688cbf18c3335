import { and, eq, gt, isNull, lte, or, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { users } from './table.ts';

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

export async function findUser(db: Executor, userId: string): Promise<UserRow | undefined> {
  const rows = await db.select().from(users).where(eq(users.id, userId)).limit(1);
  return rows[0];
}

/** Makes what changes a person's sessions as a whole take turns. */
export async function lockUser(tx: Executor, userId: string): Promise<void> {
  await tx.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('no key update');
}

/** Counts an organization that the person makes on that day; answers how many there were then. Locks the person. */
export async function countOrganizationMade(tx: Executor, userId: string, day: string): Promise<number> {
  const rows = await tx
    .update(users)
    .set({
      organizationsMade: sql`case when ${users.organizationsMadeOn} = ${day} then ${users.organizationsMade} + 1 else 1 end`,
      organizationsMadeOn: day,
    })
    .where(eq(users.id, userId))
    .returning({ made: users.organizationsMade });
  return rows[0]?.made ?? 0;
}

/** The account, as long as its password is the one that was verified. */
const verified = (user: Pick<UserRow, 'id' | 'passwordVersion'>) =>
  and(eq(users.id, user.id), eq(users.passwordVersion, user.passwordVersion));

const unlocked = (now: Date) => or(isNull(users.lockedUntil), lte(users.lockedUntil, now));

/** Begins the count anew. A lock that holds stays: it is there for others than the one who knows the password. */
const reset = (now: Date) => ({
  failedLogins: sql`case when ${gt(users.lockedUntil, now)} then ${users.failedLogins} else 0 end`,
  lockedUntil: sql`case when ${gt(users.lockedUntil, now)} then ${users.lockedUntil} end`,
});

interface Settlement {
  now: Date;
  passwordHash?: string | undefined;
  /** Whether the lock of the account does not count. */
  exempt: boolean;
}

/** Settles a right password, with the same one hashed anew if that is due; nothing when another settled otherwise first. */
export async function recordLogin(
  db: Executor,
  user: UserRow,
  { now, passwordHash = user.passwordHash, exempt }: Settlement,
): Promise<UserRow | undefined> {
  const rows = await db
    .update(users)
    .set({ ...reset(now), lastLoginAt: now, passwordHash })
    .where(exempt ? verified(user) : and(verified(user), unlocked(now)))
    .returning();
  return rows[0];
}

/** Replaces the password that was verified; of two changes at once, one does. */
export async function replacePassword(db: Executor, user: UserRow, passwordHash: string, now: Date): Promise<boolean> {
  const rows = await db
    .update(users)
    .set({ ...reset(now), passwordHash, passwordVersion: user.passwordVersion + 1 })
    .where(verified(user))
    .returning({ id: users.id });
  return rows.length > 0;
}

/** Counts a wrong password. How many there are now in a row; nothing when the account is locked or does not exist. */
export async function countFailure(tx: Executor, userId: string, now: Date): Promise<number | undefined> {
  const rows = await tx
    .update(users)
    .set({ failedLogins: sql`${users.failedLogins} + 1` })
    .where(and(eq(users.id, userId), unlocked(now)))
    .returning({ failures: users.failedLogins });
  return rows[0]?.failures;
}

export async function lockUntil(tx: Executor, userId: string, lockedUntil: Date): Promise<void> {
  await tx.update(users).set({ lockedUntil }).where(eq(users.id, userId));
}

/**
 * Whether the name is somebody's e-mail address, or the address somebody's name. Both are signed in with, so either would
 * shut the other out.
 */
export async function findNameTaken(
  db: Executor,
  { username, email }: Pick<UserRow, 'username' | 'email'>,
): Promise<'Username' | 'Email' | undefined> {
  const name = username.toLowerCase();
  const address = email.toLowerCase();
  const rows = await db
    .select({ isAddress: sql<boolean>`lower(${users.email}) = ${name}` })
    .from(users)
    .where(or(eq(sql`lower(${users.email})`, name), eq(sql`lower(${users.username})`, address)))
    .limit(1);
  if (!rows[0]) return undefined;
  return rows[0].isAddress ? 'Username' : 'Email';
}
