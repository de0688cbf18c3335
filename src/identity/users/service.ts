import type { Ctx } from '../../access/ctx.ts';
import { duplicateOf, type Executor } from '../../db/client.ts';
import { DAY, later, rfc3339 } from '../../kernel/clock.ts';
import { randomBytes, sha256Hex, toBase64Url } from '../../kernel/crypto.ts';
import { AppError } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/id.ts';
import { createPersonalOrganization } from '../organizations/service.ts';
import { hashPassword, spendVerification, verifyPassword } from './password.ts';
import * as store from './store.ts';
import { signAccessToken, type TokenSettings } from './tokens.ts';

const REFRESH_TOKEN_LIFETIME = 30 * DAY;
const REFRESH_TOKEN_BYTES = 32;

export interface Registration {
  username: string;
  email: string;
  password: string;
}

/** Makes the account with its personal organization. @throws AppError `conflict` when name or address is taken */
export async function registerUser(ctx: Ctx, tokens: TokenSettings, input: Registration) {
  const now = ctx.clock();
  const user: store.UserRow = {
    id: newUuid(),
    username: input.username,
    email: input.email,
    passwordHash: await hashPassword(input.password),
    isActive: true,
    createdAt: now,
    lastLoginAt: null,
  };
  return ctx.db
    .transaction(async (tx) => {
      await store.insertUser(tx, user);
      await createPersonalOrganization(tx, user, now);
      return openSession(tx, tokens, user, newUuid(), now);
    })
    .catch((error: unknown) => {
      const taken = duplicateOf(error);
      if (taken === 'users_username_key') throw new AppError('conflict', 'Username already exists');
      if (taken === 'users_email_key') throw new AppError('conflict', 'Email already exists');
      throw error;
    });
}

/** @throws AppError `unauthorized` for an unknown account and a wrong password alike; `account_disabled` */
export async function logIn(ctx: Ctx, tokens: TokenSettings, input: { username_or_email: string; password: string }) {
  const user = await store.findUserByLogin(ctx.db.query, input.username_or_email);
  if (!user) {
    await spendVerification(input.password);
    throw invalidCredentials();
  }
  if (!(await verifyPassword(user.passwordHash, input.password))) throw invalidCredentials();
  if (!user.isActive) throw accountDisabled();
  const now = ctx.clock();
  return ctx.db.transaction(async (tx) => {
    await store.markLogin(tx, user.id, now);
    return openSession(tx, tokens, { ...user, lastLoginAt: now }, newUuid(), now);
  });
}

/** Rotates a refresh token; one that was used before ends its whole login (RFC 9700 §4.14.2). */
export async function refreshSession(ctx: Ctx, tokens: TokenSettings, refreshToken: string) {
  const now = ctx.clock();
  const tokenHash = await sha256Hex(refreshToken);
  const session = await ctx.db.transaction(async (tx) => {
    const spent = await store.spendRefreshToken(tx, tokenHash, now);
    const user = spent && (await store.findUser(tx, spent.userId));
    if (!spent || !user) return undefined;
    if (!user.isActive) throw accountDisabled();
    return openSession(tx, tokens, user, spent.familyId, now);
  });
  if (session) return session;
  await store.revokeFamilyOf(ctx.db.query, tokenHash, now);
  throw new AppError('unauthorized', 'The refresh token is invalid, expired or was used before');
}

const invalidCredentials = () => new AppError('unauthorized', 'Invalid credentials');
const accountDisabled = () => new AppError('account_disabled', 'This account is disabled');

async function openSession(tx: Executor, tokens: TokenSettings, user: store.UserRow, familyId: string, now: Date) {
  const refreshToken = `rt_${toBase64Url(randomBytes(REFRESH_TOKEN_BYTES))}`;
  await store.insertRefreshToken(tx, {
    tokenHash: await sha256Hex(refreshToken),
    familyId,
    userId: user.id,
    createdAt: now,
    expiresAt: later(now, REFRESH_TOKEN_LIFETIME),
  });
  const principal = { kind: 'user', userId: user.id, username: user.username, sessionId: familyId } as const;
  return { token: await signAccessToken(tokens, principal, now), refresh_token: refreshToken, user: toWire(user) };
}

const toWire = (user: store.UserRow) => ({
  id: user.id,
  username: user.username,
  email: user.email,
  created_at: rfc3339(user.createdAt),
  last_login_at: user.lastLoginAt && rfc3339(user.lastLoginAt),
  is_active: user.isActive,
});
