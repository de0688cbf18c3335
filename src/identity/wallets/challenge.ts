import type { WatchedChain } from '../../chain/chains.ts';
import { RpcError } from '../../chain/rpc-error.ts';
import { isSignedByAccount, isSignedByContract, type SignedText } from '../../chain/signature.ts';
import { composeSignIn, nonceOf, type SignInText } from '../../chain/siwe.ts';
import type { Executor } from '../../db/client.ts';
import { later, MINUTE, rfc3339 } from '../../kernel/clock.ts';
import { randomBytes } from '../../kernel/crypto.ts';
import { AppError } from '../../kernel/errors.ts';
import { type ChallengeBinding, type ChallengeRow, insertChallenge, takeChallenge } from './store.ts';

const LIFETIME = 5 * MINUTE;
const NONCE_BYTES = 16;
const RETRY_AFTER_SECONDS = 5;

const newNonce = () => [...randomBytes(NONCE_BYTES)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

type Wording = Pick<SignInText, 'baseUrl' | 'path' | 'chainId' | 'statement' | 'resources'>;

/** Composes a text for a wallet to sign, and keeps it: what is verified later is what we wrote. */
export async function issueChallenge(db: Executor, binding: ChallengeBinding, wording: Wording, now: Date) {
  const nonce = newNonce();
  const expiresAt = later(now, LIFETIME);
  const address = binding.walletAddress;
  const message = composeSignIn({ ...wording, address, nonce, issuedAt: now, expiresAt });
  await insertChallenge(db, { ...binding, nonce, message, expiresAt }, now);
  return { data: { challenge: message, nonce, expires_at: rfc3339(expiresAt) } };
}

/**
 * Uses a challenge up, whatever comes of it: first of all and in one statement, so that it cannot be used twice while a
 * chain is being asked. Whether it is any good is `checkChallenge`'s to say, once that is committed.
 * @throws AppError `bad_request` when it was not issued for this, or was used before
 */
export async function spendChallenge(db: Executor, text: string, binding: ChallengeBinding) {
  const nonce = nonceOf(text);
  const challenge = nonce === undefined ? undefined : await takeChallenge(db, nonce, binding);
  if (challenge) return challenge;
  throw new AppError('bad_request', 'The challenge was not issued for this, or was used before');
}

/** @throws AppError `bad_request` when the text was changed or has expired */
export function checkChallenge<C extends Pick<ChallengeRow, 'message' | 'expiresAt'>>(
  challenge: C,
  text: string,
  now: Date,
): C {
  if (challenge.message !== text) throw new AppError('bad_request', 'The challenge is not the text that was issued');
  if (challenge.expiresAt <= now) throw new AppError('bad_request', 'The challenge has expired');
  return challenge;
}

/** Whether the wallet signed: an account by its key, a contract by what it answers on the chain. */
export async function isSigned(chain: WatchedChain, signed: SignedText, now: Date): Promise<boolean> {
  return (await isSignedByAccount(signed)) || askingChain(chain, isSignedByContract(chain, signed, now));
}

/** @throws AppError `service_unavailable` in place of a chain's silence, which is no answer */
export async function askingChain<T>(chain: WatchedChain, question: Promise<T>): Promise<T> {
  return question.catch((error: unknown) => {
    if (!(error instanceof RpcError)) throw error;
    throw chainUnavailable(chain, error);
  });
}

export const chainUnavailable = (chain: WatchedChain, cause?: unknown) =>
  new AppError('service_unavailable', `${chain.name} does not answer. Get a new challenge and try again.`, {
    retryAfter: RETRY_AFTER_SECONDS,
    cause,
  });
