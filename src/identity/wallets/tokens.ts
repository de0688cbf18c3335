import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import type { WalletPrincipal } from '../../access/principal.ts';
import { HOUR, SECOND } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/id.ts';
import type { TokenSettings } from '../users/tokens.ts';

export const WALLET_TOKEN_SECONDS = HOUR / SECOND;

const ALGORITHM = 'HS256';
const CLOCK_SKEW_SECONDS = 60;
/** RFC 8725 §3.11: a kind of its own, so that neither this nor a person's token is ever taken for the other. */
const TYPE = 'wallet+jwt';

const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Whether a token says that it is a wallet's. What it says is yet to be verified. */
export function isWalletToken(token: string): boolean {
  try {
    return decodeProtectedHeader(token).typ === TYPE;
  } catch {
    return false;
  }
}

/** `sub` the wallet, `org` the organization, `lnk` the agent's link that it acts by, `usr` who made the link. */
export async function signWalletToken(settings: TokenSettings, wallet: WalletPrincipal, now: Date): Promise<string> {
  const issuedAt = Math.floor(now.getTime() / SECOND);
  return new SignJWT({ org: wallet.organizationId, lnk: wallet.linkId, usr: wallet.userId })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
    .setSubject(wallet.address)
    .setIssuer(settings.issuer)
    .setAudience(settings.issuer)
    .setJti(newUuid())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + WALLET_TOKEN_SECONDS)
    .sign(settings.secret);
}

/**
 * The wallet that a token names. Whether its link still stands is `isLinkLive`'s to say, on every request.
 * @throws AppError `unauthorized`, the same whatever is wrong with the token
 */
export async function verifyWalletToken(settings: TokenSettings, token: string, now: Date): Promise<WalletPrincipal> {
  const refusal = new AppError('unauthorized', 'The access token is missing, invalid or expired');
  if (!COMPACT.test(token)) throw refusal;
  const { payload } = await jwtVerify(token, settings.secret, {
    algorithms: [ALGORITHM],
    typ: TYPE,
    issuer: settings.issuer,
    audience: settings.issuer,
    requiredClaims: ['sub', 'org', 'lnk', 'usr', 'iat', 'exp'],
    clockTolerance: CLOCK_SKEW_SECONDS,
    currentDate: now,
  }).catch(() => {
    throw refusal;
  });
  const { sub, org, lnk, usr } = payload;
  if (typeof sub !== 'string' || typeof org !== 'string' || typeof lnk !== 'string' || typeof usr !== 'string') {
    throw refusal;
  }
  return { kind: 'wallet', address: sub, organizationId: org, linkId: lnk, userId: usr };
}
