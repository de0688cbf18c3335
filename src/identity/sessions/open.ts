import type { Ctx } from '../../access/ctx.ts';
import type { UserPrincipal } from '../../access/principal.ts';
import type { Executor } from '../../db/client.ts';
import { DAY, later } from '../../kernel/clock.ts';
import { randomBytes, sha256Hex, toBase64Url } from '../../kernel/crypto.ts';
import { newUuid } from '../../kernel/id.ts';
import type { TokenSettings } from '../jwt.ts';
import type { UserRow } from '../users/store.ts';
import { signAccessToken } from '../users/tokens.ts';
import { userToWire } from '../users/wire.ts';
import { shownAgent } from './agent.ts';
import { insertRefreshToken, insertSession, type SessionRow } from './store.ts';

const SESSION_LIFETIME = 30 * DAY;
const REFRESH_TOKEN_BYTES = 32;

/** Begins a session in the transaction of what signs in, which leaves the audit row. */
export async function openSession(tx: Executor, ctx: Ctx, tokens: TokenSettings, user: UserRow, now: Date) {
  const session: SessionRow = {
    id: newUuid(),
    userId: user.id,
    createdAt: now,
    refreshedAt: now,
    expiresAt: later(now, SESSION_LIFETIME),
    userAgent: shownAgent(ctx.userAgent),
    address: ctx.address || null,
    wrongPasswords: 0,
    revokedAt: null,
    revokedReason: null,
  };
  await insertSession(tx, session);
  return { session, ...(await issueTokens(tx, tokens, { session, user, now })) };
}

interface Holder {
  session: Pick<SessionRow, 'id' | 'expiresAt'>;
  user: UserRow;
  now: Date;
}

/** The next pair of tokens of a session, as the contract answers with it. */
export async function issueTokens(tx: Executor, tokens: TokenSettings, { session, user, now }: Holder) {
  const refreshToken = `rt_${toBase64Url(randomBytes(REFRESH_TOKEN_BYTES))}`;
  await insertRefreshToken(tx, {
    tokenHash: sha256Hex(refreshToken),
    sessionId: session.id,
    createdAt: now,
  });
  const principal: UserPrincipal = {
    kind: 'user',
    userId: user.id,
    username: user.username,
    sessionId: session.id,
  };
  const token = await signAccessToken(tokens, principal, now, session.expiresAt);
  return { principal, answer: { token, refresh_token: refreshToken, user: userToWire(user) } };
}
