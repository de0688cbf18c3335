import { and, eq, gt, isNull, lte, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { DAY, later } from '../../kernel/clock.ts';
import { signInNetworks } from './table.ts';

const KNOWN_FOR = 30 * DAY;

/** An account at a network. The empty network stands for an address that the platform did not tell: it is never known. */
export interface Place {
  userId: string;
  network: string;
}

const at = ({ userId, network }: Place) => and(eq(signInNetworks.userId, userId), eq(signInNetworks.network, network));
const known = (now: Date) => gt(signInNetworks.lastSeenAt, later(now, -KNOWN_FOR));
const unlocked = (now: Date) => sql`(${isNull(signInNetworks.lockedUntil)} or ${lte(signInNetworks.lockedUntil, now)})`;

/** The lock that an account has at a network where it is known; nothing where it is not. */
export async function findKnownNetwork(db: Executor, place: Place, now: Date) {
  const rows = await db
    .select({ lockedUntil: signInNetworks.lockedUntil })
    .from(signInNetworks)
    .where(and(at(place), known(now)))
    .limit(1);
  return rows[0];
}

/** Makes the account known at the network and forgets its failures there; `false` when it is locked there. */
export async function rememberNetwork(tx: Executor, place: Place, now: Date): Promise<boolean> {
  if (place.network === '') return true;
  const seen = { lastSeenAt: now, failedLogins: 0, lockedUntil: null };
  const rows = await tx
    .insert(signInNetworks)
    .values({ ...place, ...seen })
    .onConflictDoUpdate({
      target: [signInNetworks.userId, signInNetworks.network],
      set: seen,
      setWhere: unlocked(now),
    })
    .returning({ network: signInNetworks.network });
  return rows.length > 0;
}

/** Keeps the account known at a network where it is. */
export async function keepNetwork(tx: Executor, place: Place, now: Date): Promise<void> {
  await tx
    .update(signInNetworks)
    .set({ lastSeenAt: now })
    .where(and(at(place), known(now)));
}

/** Counts a wrong password. How many there are now in a row at the network; nothing where it is locked or not known. */
export async function countFailureAt(tx: Executor, place: Place, now: Date): Promise<number | undefined> {
  const rows = await tx
    .update(signInNetworks)
    .set({ failedLogins: sql`${signInNetworks.failedLogins} + 1` })
    .where(and(at(place), known(now), unlocked(now)))
    .returning({ failures: signInNetworks.failedLogins });
  return rows[0]?.failures;
}

export async function lockNetworkUntil(tx: Executor, place: Place, lockedUntil: Date): Promise<void> {
  await tx.update(signInNetworks).set({ lockedUntil }).where(at(place));
}

export async function deleteForgottenNetworks(db: Executor, now: Date): Promise<void> {
  await db.delete(signInNetworks).where(lte(signInNetworks.lastSeenAt, later(now, -KNOWN_FOR)));
}
