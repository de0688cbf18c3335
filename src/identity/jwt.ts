import { jwtVerify, SignJWT } from 'jose';
import { SECOND } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { newUuid } from '../kernel/id.ts';

const ALGORITHM = 'HS256';
const CLOCK_SKEW_SECONDS = 60;

/** Three base64url parts and nothing else: jose itself lets blanks and padding pass. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export interface TokenSettings {
  secret: Uint8Array<ArrayBuffer>;
  /** `iss` and `aud`: the deployment's own address. */
  issuer: string;
}

/** A kind of token. Each has a `typ` of its own, so that none is taken for another (RFC 8725 §3.11). */
export interface TokenKind<Claim extends string> {
  type: string;
  /** The text claims that it carries besides `sub`. */
  claims: readonly Claim[];
}

type TokenClaims<Claim extends string> = Record<Claim | 'sub', string>;

/** Signs a token of the kind (RFC 7519), valid from `now` for whole `seconds`. */
export async function signToken<Claim extends string>(
  settings: TokenSettings,
  kind: TokenKind<Claim>,
  { sub, ...claims }: TokenClaims<Claim>,
  now: Date,
  seconds: number,
): Promise<string> {
  const issuedAt = Math.floor(now.getTime() / SECOND);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, typ: kind.type })
    .setSubject(sub)
    .setIssuer(settings.issuer)
    .setAudience(settings.issuer)
    .setJti(newUuid())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + seconds)
    .sign(settings.secret);
}

/**
 * The claims of a token of the kind, each of them text.
 * @throws AppError `unauthorized`, the same whatever is wrong with the token
 */
export async function verifyToken<Claim extends string>(
  settings: TokenSettings,
  kind: TokenKind<Claim>,
  token: string,
  now: Date,
): Promise<TokenClaims<Claim>> {
  const refusal = new AppError('unauthorized', 'The access token is missing, invalid or expired');
  if (!COMPACT.test(token)) throw refusal;
  const names = ['sub' as const, ...kind.claims];
  const { payload } = await jwtVerify(token, settings.secret, {
    algorithms: [ALGORITHM],
    typ: kind.type,
    issuer: settings.issuer,
    audience: settings.issuer,
    requiredClaims: [...names, 'iat', 'exp'],
    clockTolerance: CLOCK_SKEW_SECONDS,
    currentDate: now,
  }).catch(() => {
    throw refusal;
  });
  const entries = names.map((name) => [name, payload[name]] as const);
  if (!entries.every(([, value]) => typeof value === 'string')) throw refusal;
  return Object.fromEntries(entries) as TokenClaims<Claim>;
}
