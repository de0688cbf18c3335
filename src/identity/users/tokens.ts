import type { UserPrincipal } from '../../access/principal.ts';
import { HOUR, later, SECOND } from '../../kernel/clock.ts';
import { signToken, type TokenSettings, verifyToken } from '../jwt.ts';

const ACCESS_TOKEN_LIFETIME = HOUR;

/** RFC 9068. `sub` is the user, `sid` the login it came from. */
const ACCESS_TOKEN = { type: 'at+jwt', claims: ['username', 'sid'] } as const;

/** An access token for an hour, but never beyond the end of its session. */
export function signAccessToken(
  settings: TokenSettings,
  { userId: sub, username, sessionId: sid }: UserPrincipal,
  now: Date,
  sessionEnd = later(now, ACCESS_TOKEN_LIFETIME),
): Promise<string> {
  const left = Math.floor(sessionEnd.getTime() / SECOND) - Math.floor(now.getTime() / SECOND);
  const seconds = Math.min(ACCESS_TOKEN_LIFETIME / SECOND, left);
  return signToken(settings, ACCESS_TOKEN, { sub, username, sid }, now, seconds);
}

/** @throws AppError `unauthorized`, the same whatever is wrong with the token */
export async function verifyAccessToken(settings: TokenSettings, token: string, now: Date): Promise<UserPrincipal> {
  const { sub, username, sid } = await verifyToken(settings, ACCESS_TOKEN, token, now);
  return { kind: 'user', userId: sub, username, sessionId: sid };
}
