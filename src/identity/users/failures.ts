import type { Ctx } from '../../access/ctx.ts';
import type { Executor } from '../../db/client.ts';
import { networkOf } from '../../http/address.ts';
import { later } from '../../kernel/clock.ts';
import { lockAfter } from './lock.ts';
import { countFailureAt, findKnownNetwork, lockNetworkUntil, type Place } from './network-store.ts';
import type { Passwords } from './password.ts';
import { countFailure, lockUntil, type UserRow } from './store.ts';
import { auditPerson, auditPersonIf } from './trail.ts';

/** No account has it: UUIDs are made as version 7. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

interface Attempt {
  /** The account that the attempt is at, if there is one. */
  user: UserRow | undefined;
  password: string;
  now: Date;
}

/** A password that was right, and where. */
export interface Proof {
  user: UserRow;
  place: Place;
  /** Whether the lock of the account does not hold there. */
  exempt: boolean;
}

/**
 * Whose password this is. At a network where the account is known the lock of that network holds, elsewhere that of the
 * account. For an unknown account, a locked one and a wrong password the answer is nothing, and the work is the same each
 * time: one question for the network, one verification, and one transaction that counts the failure and leaves a row of it,
 * where it is one.
 */
export async function provePassword(ctx: Ctx, passwords: Passwords, attempt: Attempt): Promise<Proof | undefined> {
  const { user, password, now } = attempt;
  const place = { userId: user?.id ?? NOBODY, network: networkOf(ctx.address) };
  const known = await findKnownNetwork(ctx.db.query, place, now);
  const right = await passwords.verify(user?.passwordHash, password);
  const lockedUntil = (known ?? user)?.lockedUntil ?? undefined;
  const locked = lockedUntil !== undefined && lockedUntil > now;
  if (user && right && !locked) return { user, place, exempt: known !== undefined };
  await recordFailure(ctx, place, now);
  return undefined;
}

async function recordFailure(ctx: Ctx, place: Place, now: Date): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    const everywhere = await countFailure(tx, place.userId, now);
    const here = await countFailureAt(tx, place, now);
    const lockHere = lockFrom(now, here);
    if (lockHere) await lockNetworkUntil(tx, place, lockHere.until);
    const lock = lockFrom(now, everywhere);
    if (lock) await lockUntil(tx, place.userId, lock.until);
    await auditFailure(tx, ctx, place, { everywhere, here });
    if (lock) await auditLock(tx, ctx, place.userId, lock);
    else if (lockHere) await auditLock(tx, ctx, place.userId, { ...lockHere, network: place.network });
  });
}

interface Counts {
  /** Of the account. */
  everywhere: number | undefined;
  /** Of the network, where the account is known there. */
  here: number | undefined;
}

/** Leaves a row of what was counted: what is tried during a lock is not, so that nobody can fill the trail. */
async function auditFailure(tx: Executor, ctx: Ctx, { userId, network }: Place, { everywhere, here }: Counts) {
  const after = {
    ...(everywhere !== undefined && { failed_logins: everywhere }),
    ...(here !== undefined && { network, failed_logins_at_network: here }),
  };
  const counted = everywhere !== undefined || here !== undefined;
  const target = { type: 'user', id: userId };
  await auditPersonIf(tx, ctx, userId, counted, { action: 'account.login_failed', target, after });
}

interface Lock {
  failures: number;
  until: Date;
  /** The network that alone is locked. */
  network?: string;
}

function lockFrom(now: Date, failures = 0): Lock | undefined {
  const duration = lockAfter(failures);
  return duration === undefined ? undefined : { failures, until: later(now, duration) };
}

async function auditLock(tx: Executor, ctx: Ctx, userId: string, { failures, until, network }: Lock): Promise<void> {
  const after = {
    failed_logins: failures,
    locked_until: until.toISOString(),
    ...(network !== undefined && { network }),
  };
  await auditPerson(tx, ctx, userId, { action: 'account.lock', target: { type: 'user', id: userId }, after });
}
