import type { Database } from '../../db/client.ts';
import { type Clock, DAY, later } from '../../kernel/clock.ts';
import { type KeyRing, open, seal } from '../../kernel/crypto.ts';
import { AppError } from '../../kernel/errors.ts';
import type { AnswerKey, StoredAnswer } from './store.ts';

const LIFETIME = DAY;

/** How long a second request waits for the first one's answer. */
export const WAIT_SECONDS = 10;

export interface KeeperDeps {
  db: Database;
  clock: Clock;
  keyRing: KeyRing;
  /** Waits so many milliseconds; `setTimeout` by default. */
  wait?: (ms: number) => Promise<void>;
}

export interface Answer {
  status: number;
  /** JSON text; `null` for an answer without a body. */
  body: string | null;
  /** The organization that the request was about, if any. */
  organizationId: string | undefined;
}

export type Replayable = Answer & { replayed: boolean };

/** A key and the request that it is sent with. */
export interface Claim extends AnswerKey {
  /** Tells this request from any other. */
  fingerprint: string;
}

export type Attempt = (db: Database) => Promise<Answer>;

export const underWay = () => new AppError('conflict', 'A request with this Idempotency-Key is still under way');

const contextOf = ({ principal, key }: AnswerKey) => `idempotent-answer:${principal}:${key}`;

/** An answer as it is stored. */
export async function sealed({ keyRing, clock }: KeeperDeps, key: AnswerKey, answer: Answer) {
  const { status, body, organizationId = null } = answer;
  const sealedBody = body === null ? null : await seal(keyRing, body, contextOf(key));
  return { status, sealedBody, organizationId, expiresAt: later(clock(), LIFETIME) };
}

/** @throws AppError `idempotency_mismatch` when the key was used for another request */
export function refuseOther(claim: Claim, kept: StoredAnswer | undefined): asserts kept is StoredAnswer {
  if (kept?.fingerprint === claim.fingerprint) return;
  throw new AppError('idempotency_mismatch', 'This Idempotency-Key was used for another request');
}

export async function replayed({ keyRing }: KeeperDeps, kept: StoredAnswer): Promise<Replayable> {
  const { status, sealedBody, organizationId } = kept;
  const body = sealedBody === null ? null : await open(keyRing, sealedBody, contextOf(kept));
  return { status, body, organizationId: organizationId ?? undefined, replayed: true };
}
