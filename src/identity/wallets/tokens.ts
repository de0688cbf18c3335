import { decodeProtectedHeader } from 'jose';
import type { WalletPrincipal } from '../../access/principal.ts';
import { HOUR, SECOND } from '../../kernel/clock.ts';
import { signToken, type TokenSettings, verifyToken } from '../jwt.ts';

export const WALLET_TOKEN_SECONDS = HOUR / SECOND;

/** `sub` is the wallet, `org` the organization, `lnk` the agent's link that it acts by, `usr` who made the link. */
const WALLET_TOKEN = { type: 'wallet+jwt', claims: ['org', 'lnk', 'usr'] } as const;

/** Whether a token says that it is a wallet's. What it says is yet to be verified. */
export function isWalletToken(token: string): boolean {
  try {
    return decodeProtectedHeader(token).typ === WALLET_TOKEN.type;
  } catch {
    return false;
  }
}

export function signWalletToken(settings: TokenSettings, wallet: WalletPrincipal, now: Date): Promise<string> {
  const { address: sub, organizationId: org, linkId: lnk, userId: usr } = wallet;
  return signToken(settings, WALLET_TOKEN, { sub, org, lnk, usr }, now, WALLET_TOKEN_SECONDS);
}

/**
 * The wallet that a token names. Whether its link still stands is `isLinkLive`'s to say, on every request.
 * @throws AppError `unauthorized`, the same whatever is wrong with the token
 */
export async function verifyWalletToken(settings: TokenSettings, token: string, now: Date): Promise<WalletPrincipal> {
  const { sub, org, lnk, usr } = await verifyToken(settings, WALLET_TOKEN, token, now);
  return { kind: 'wallet', address: sub, organizationId: org, linkId: lnk, userId: usr };
}
