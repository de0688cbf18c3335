import type { Ctx, UserCtx } from '../../access/ctx.ts';
import { duplicateOf } from '../../db/client.ts';
import { networkOf } from '../../http/address.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/id.ts';
import type { TokenSettings } from '../jwt.ts';
import { announce, createPersonalOrganization, type NewOrganizationDeps } from '../organizations/service.ts';
import { openSession } from '../sessions/open.ts';
import { countWrongPassword, forgetWrongPasswords, isLive, revokeOthers, revokeSession } from '../sessions/store.ts';
import { provePassword } from './failures.ts';
import { rememberNetwork } from './network-store.ts';
import type { Passwords } from './password.ts';
import * as store from './store.ts';
import { auditPerson } from './trail.ts';

/** So many wrong current passwords in a row end the session that gave them. */
const WRONG_PASSWORDS_TO_END = 10;

interface AccountDeps {
  tokens: TokenSettings;
  passwords: Passwords;
}

interface RegistrationDeps extends AccountDeps {
  newOrganizations: NewOrganizationDeps;
}

interface Registration {
  username: string;
  email: string;
  password: string;
}

/** Makes the account with its personal organization. @throws AppError `conflict` when name or address is taken */
export async function registerUser(ctx: Ctx, deps: RegistrationDeps, input: Registration) {
  const { tokens, passwords, newOrganizations } = deps;
  const now = ctx.clock();
  const user: store.UserRow = {
    id: newUuid(),
    username: input.username,
    email: input.email,
    passwordHash: await passwords.hash(input.password),
    passwordVersion: 1,
    failedLogins: 0,
    organizationsMade: 0,
    organizationsMadeOn: '',
    lockedUntil: null,
    isActive: true,
    createdAt: now,
    lastLoginAt: null,
  };
  return ctx.db
    .transaction(async (tx) => {
      const taken = await store.findNameTaken(tx, user);
      if (taken) throw new AppError('conflict', `${taken} already exists`);
      await store.insertUser(tx, user);
      const organizationId = await createPersonalOrganization(tx, newOrganizations, user, now);
      await rememberNetwork(tx, { userId: user.id, network: networkOf(ctx.address) }, now);
      const { principal, answer } = await openSession(tx, ctx, tokens, user, now);
      await auditPerson(tx, { ...ctx, principal }, user.id, {
        action: 'user.register',
        target: { type: 'user', id: user.id },
        after: { username: user.username, session_id: principal.sessionId },
      });
      announce(ctx, newOrganizations.log, organizationId);
      return answer;
    })
    .catch((error: unknown) => {
      const taken = duplicateOf(error);
      if (taken === 'users_username_key') throw new AppError('conflict', 'Username already exists');
      if (taken === 'users_email_key') throw new AppError('conflict', 'Email already exists');
      throw error;
    });
}

/** @throws AppError `unauthorized` for an unknown account, a locked one and a wrong password alike; `account_disabled` */
export async function logIn(
  ctx: Ctx,
  { tokens, passwords }: AccountDeps,
  input: { username_or_email: string; password: string },
) {
  const now = ctx.clock();
  const found = await store.findUserByLogin(ctx.db.query, input.username_or_email);
  const proved = await provePassword(ctx, passwords, { user: found, password: input.password, now });
  if (!proved) throw invalidCredentials();
  const outdated = passwords.isOutdated(proved.user.passwordHash);
  const passwordHash = outdated ? await passwords.hash(input.password) : undefined;
  return ctx.db.transaction(async (tx) => {
    const user = await store.recordLogin(tx, proved.user, { now, passwordHash, exempt: proved.exempt });
    if (!user || !(await rememberNetwork(tx, proved.place, now))) throw invalidCredentials();
    if (!user.isActive) throw new AppError('account_disabled', 'This account is disabled');
    const { principal, session, answer } = await openSession(tx, ctx, tokens, user, now);
    await auditPerson(tx, { ...ctx, principal }, user.id, {
      action: 'session.create',
      target: { type: 'session', id: session.id },
      after: { user_agent: session.userAgent, expires_at: session.expiresAt.toISOString() },
    });
    return answer;
  });
}

interface PasswordChange {
  current_password: string;
  new_password: string;
}

/**
 * Replaces the password and ends every other session; the one that asks goes on. The locks of signing in do not count
 * here, or a stranger could keep the owner from it. Who holds a session without the password has ten guesses in all.
 * @throws AppError `forbidden` for a wrong current password, the tenth of which in a row ends the session
 */
export async function changePassword(ctx: UserCtx, passwords: Passwords, input: PasswordChange): Promise<void> {
  if (input.new_password === input.current_password) {
    throw invalidField('new_password', 'must differ from the current password');
  }
  const now = ctx.clock();
  const { userId, sessionId } = ctx.principal;
  const user = await store.findUser(ctx.db.query, userId);
  const right = await passwords.verify(user?.passwordHash, input.current_password);
  if (!user || !right) {
    await recordWrongPassword(ctx, now);
    throw wrongPassword();
  }
  const passwordHash = await passwords.hash(input.new_password);
  await ctx.db.transaction(async (tx) => {
    if (!(await store.replacePassword(tx, user, passwordHash, now))) throw wrongPassword();
    // It may have ended while the new password was hashed, by another session or by wrong passwords; that counts then.
    await forgetWrongPasswords(tx, sessionId);
    if (!(await isLive(tx, sessionId))) throw new AppError('unauthorized', 'This session has ended');
    const ended = await revokeOthers(tx, ctx.principal, { now, reason: 'password_changed' });
    await auditPerson(tx, ctx, userId, {
      action: 'password.change',
      target: { type: 'user', id: userId },
      after: { ended_sessions: ended },
    });
  });
}

async function recordWrongPassword(ctx: UserCtx, now: Date): Promise<void> {
  const { userId, sessionId } = ctx.principal;
  await ctx.db.transaction(async (tx) => {
    const count = await countWrongPassword(tx, sessionId);
    if (count === 0) return;
    const target = { type: 'session', id: sessionId };
    const ends = count >= WRONG_PASSWORDS_TO_END;
    const reason = 'wrong_passwords';
    const ended = ends && (await revokeSession(tx, ctx.principal, { now, reason }));
    await auditPerson(tx, ctx, userId, { action: 'password.change_failed', target, after: { wrong_passwords: count } });
    if (!ended) return;
    await auditPerson(tx, ctx, userId, { action: 'session.revoke', target, after: { reason } });
  });
}

const invalidCredentials = () => new AppError('unauthorized', 'Invalid credentials');

/** Not a 401: that would say that the access token is no good, and clients would trade it in or sign out. */
const wrongPassword = () => new AppError('forbidden', 'The current password is wrong');
