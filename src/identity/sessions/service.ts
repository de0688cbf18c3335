import type { Ctx, UserCtx } from '../../access/ctx.ts';
import { networkOf } from '../../http/address.ts';
import { rfc3339 } from '../../kernel/clock.ts';
import { sha256Hex } from '../../kernel/crypto.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import { type PageRequest, toPage } from '../../kernel/page.ts';
import type { TokenSettings } from '../jwt.ts';
import { keepNetwork } from '../users/network-store.ts';
import { findUser, lockUser } from '../users/store.ts';
import { auditPerson } from '../users/trail.ts';
import { shownAgent } from './agent.ts';
import { issueTokens } from './open.ts';
import * as store from './store.ts';
import type { SessionEnd } from './table.ts';

/**
 * Trades a refresh token for the next pair.
 *
 * A token that was spent before the request came ends its session: of the two who hold it one is not the owner, and
 * nobody knows which (RFC 9700 §4.14.2). Whoever saw it unspent and lost to another use at the same moment is only
 * refused: two tabs that wake together are no theft. A thief gains nothing by that, because the next use of the lost
 * token, by whoever it is, ends the session.
 */
export async function refreshSession(ctx: Ctx, tokens: TokenSettings, refreshToken: string) {
  const now = ctx.clock();
  const tokenHash = sha256Hex(refreshToken);
  const seen = await store.findRefreshToken(ctx.db.query, tokenHash);
  if (!seen) throw uselessToken();
  if (seen.spentAt) {
    await endSession(ctx, seen, { action: 'session.reuse_detected', reason: 'token_reused' });
    throw uselessToken();
  }
  return ctx.db.transaction(async (tx) => {
    const won = await store.spendRefreshToken(tx, tokenHash, now);
    const session = won && (await store.renewSession(tx, seen.sessionId, now));
    const user = session && (await findUser(tx, seen.userId));
    if (!session || !user) throw uselessToken();
    if (!user.isActive) throw new AppError('account_disabled', 'This account is disabled');
    const { principal, answer } = await issueTokens(tx, tokens, { session, user, now });
    // Who stays signed in to the last day of a session signs in again on the day after, when a sign-in alone is too old.
    await keepNetwork(tx, { userId: user.id, network: networkOf(ctx.address) }, now);
    await auditPerson(tx, { ...ctx, principal }, user.id, {
      action: 'session.refresh',
      target: { type: 'session', id: session.id },
      after: { user_agent: shownAgent(ctx.userAgent) },
    });
    return answer;
  });
}

export async function logOut(ctx: UserCtx): Promise<void> {
  await endSession(ctx, ctx.principal, { action: 'session.revoke', reason: 'logout' });
}

export async function listSessions(ctx: UserCtx, page: PageRequest) {
  const { userId, sessionId } = ctx.principal;
  const { rows, total } = await store.listSessions(ctx.db.query, userId, ctx.clock(), page);
  return toPage(
    rows.map((row) => ({ ...toWire(row), current: row.id === sessionId })),
    total,
    page,
  );
}

/** @throws AppError `not_found` for a session that has ended, is somebody else's or never was */
export async function revokeSession(ctx: UserCtx, sessionId: string): Promise<void> {
  const session = { userId: ctx.principal.userId, sessionId };
  if (!(await endSession(ctx, session, { action: 'session.revoke', reason: 'revoked' }))) throw notFound('Session');
}

/** Ends every session of the person but the one that asks. */
export async function revokeOtherSessions(ctx: UserCtx): Promise<void> {
  const { userId, sessionId } = ctx.principal;
  await ctx.db.transaction(async (tx) => {
    await lockUser(tx, userId);
    // Of two sessions that end each other at once, one does.
    if (!(await store.isLive(tx, sessionId))) throw new AppError('unauthorized', 'This session has ended');
    const count = await store.revokeOthers(tx, ctx.principal, { now: ctx.clock(), reason: 'revoked' });
    if (count === 0) return;
    await auditPerson(tx, ctx, userId, {
      action: 'session.revoke_others',
      target: { type: 'user', id: userId },
      after: { ended_sessions: count },
    });
  });
}

interface Ending {
  action: 'session.revoke' | 'session.reuse_detected';
  reason: SessionEnd;
}

/** Ends one session and says so in the trail; `false` when it had ended already. */
async function endSession(ctx: Ctx, session: { userId: string; sessionId: string }, { action, reason }: Ending) {
  return ctx.db.transaction(async (tx) => {
    if (!(await store.revokeSession(tx, session, { now: ctx.clock(), reason }))) return false;
    const target = { type: 'session', id: session.sessionId };
    await auditPerson(tx, ctx, session.userId, { action, target, after: { reason } });
    return true;
  });
}

const uselessToken = () => new AppError('unauthorized', 'The refresh token is invalid, expired or was used before');

const toWire = (row: store.SessionRow) => ({
  id: row.id,
  created_at: rfc3339(row.createdAt),
  last_used_at: rfc3339(row.refreshedAt),
  user_agent: row.userAgent,
  address: row.address,
});
