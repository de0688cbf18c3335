import { jwtVerify, SignJWT } from 'jose';
import type { UserPrincipal } from '../../access/principal.ts';
import { HOUR, later, SECOND } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/id.ts';

const ACCESS_TOKEN_LIFETIME = HOUR;

const ALGORITHM = 'HS256';
const CLOCK_SKEW_SECONDS = 60;
const TYPE = 'at+jwt';

/** Three base64url parts and nothing else: jose itself lets blanks and padding pass. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export interface TokenSettings {
  secret: Uint8Array<ArrayBuffer>;
  /** `iss` and `aud`: the deployment's own address. */
  issuer: string;
}

/**
 * An access token (RFC 7519, RFC 9068) for an hour, but never beyond the end of its session: `sub` the user, `username`,
 * `sid` the login it came from.
 */
export async function signAccessToken(
  settings: TokenSettings,
  principal: UserPrincipal,
  now: Date,
  sessionEnd = later(now, ACCESS_TOKEN_LIFETIME),
): Promise<string> {
  const issuedAt = Math.floor(now.getTime() / SECOND);
  const expiry = Math.min(issuedAt + ACCESS_TOKEN_LIFETIME / SECOND, Math.floor(sessionEnd.getTime() / SECOND));
  return new SignJWT({ username: principal.username, sid: principal.sessionId })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
    .setSubject(principal.userId)
    .setIssuer(settings.issuer)
    .setAudience(settings.issuer)
    .setJti(newUuid())
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiry)
    .sign(settings.secret);
}

/** @throws AppError `unauthorized`, the same whatever is wrong with the token */
export async function verifyAccessToken(settings: TokenSettings, token: string, now: Date): Promise<UserPrincipal> {
  const refusal = new AppError('unauthorized', 'The access token is missing, invalid or expired');
  if (!COMPACT.test(token)) throw refusal;
  const { payload } = await jwtVerify(token, settings.secret, {
    algorithms: [ALGORITHM],
    typ: TYPE,
    issuer: settings.issuer,
    audience: settings.issuer,
    requiredClaims: ['sub', 'sid', 'iat', 'exp'],
    clockTolerance: CLOCK_SKEW_SECONDS,
    currentDate: now,
  }).catch(() => {
    throw refusal;
  });
  const { sub, sid, username } = payload;
  if (typeof sub !== 'string' || typeof sid !== 'string' || typeof username !== 'string') throw refusal;
  return { kind: 'user', userId: sub, username, sessionId: sid };
}
