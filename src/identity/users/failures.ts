import type { Ctx } from '../../access/ctx.ts';
import { later } from '../../kernel/clock.ts';
import { lockAfter } from './lock.ts';
import type { Passwords } from './password.ts';
import { countFailure, lockUntil, type UserRow } from './store.ts';
import { auditPerson } from './trail.ts';

/** No account has it: UUIDs are made as version 7. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

interface Attempt {
  /** The account that the attempt is at, if there is one. */
  user: UserRow | undefined;
  password: string;
  now: Date;
}

/**
 * The account whose password this is. For an unknown account, a locked one and a wrong password the answer is nothing,
 * and the work is the same each time: one verification, and one statement that counts the failure if it is one.
 */
export async function provePassword(ctx: Ctx, passwords: Passwords, attempt: Attempt): Promise<UserRow | undefined> {
  const { user, password, now } = attempt;
  const right = await passwords.verify(user?.passwordHash, password);
  const locked = user?.lockedUntil !== null && user?.lockedUntil !== undefined && user.lockedUntil > now;
  if (user && right && !locked) return user;
  await recordFailure(ctx, user?.id ?? NOBODY, now);
  return undefined;
}

async function recordFailure(ctx: Ctx, userId: string, now: Date): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    const failures = await countFailure(tx, userId, now);
    const duration = failures === undefined ? undefined : lockAfter(failures);
    if (duration === undefined) return;
    const lockedUntil = later(now, duration);
    await lockUntil(tx, userId, lockedUntil);
    const after = { failed_logins: failures, locked_until: lockedUntil.toISOString() };
    await auditPerson(tx, ctx, userId, { action: 'account.lock', target: { type: 'user', id: userId }, after });
  });
}
