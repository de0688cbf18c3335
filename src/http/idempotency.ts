import type { Database, Executor } from '../db/client.ts';
import { isLockTimeout } from '../db/client.ts';
import { type Clock, DAY, later } from '../kernel/clock.ts';
import { hmacSha256, type KeyRing, open, seal, toBase64 } from '../kernel/crypto.ts';
import { AppError, invalidField } from '../kernel/errors.ts';
import { findAnswer, keepAnswer, limitWaiting, takeKey } from './idempotency/store.ts';

const LIFETIME = DAY;
const WAIT_SECONDS = 10;
const MAX_KEY_LENGTH = 255;

export interface IdempotencyDeps {
  db: Database;
  clock: Clock;
  keyRing: KeyRing;
  /** Key of the fingerprints. */
  fingerprintSecret: Uint8Array<ArrayBuffer>;
}

export interface IdempotentRequest {
  principal: string;
  key: string;
  /** Method, address with query, and body as they were sent. */
  parts: readonly string[];
  /** The handler commits by itself, also before it refuses: it must not run inside the transaction of the answer. */
  ownTransactions: boolean;
}

export interface Answer {
  status: number;
  /** JSON text; `null` for an answer without a body. */
  body: string | null;
  /** The organization that the request was about, if any. */
  organizationId: string | undefined;
}

/**
 * The key of an `Idempotency-Key` field, which is a structured-field string (draft-ietf-httpapi-idempotency-key-header);
 * a bare value is taken too, as most clients send it.
 * @throws AppError `validation_failed` when it is empty, too long or not printable ASCII
 */
export function readIdempotencyKey(field: string): string {
  const key = /^"(.*)"$/.exec(field)?.[1] ?? field;
  if (/^[\x21-\x7e]+$/.test(key) && key.length <= MAX_KEY_LENGTH) return key;
  throw invalidField('Idempotency-Key', `must be 1 to ${MAX_KEY_LENGTH} printable ASCII characters without blanks`);
}

/**
 * Runs a mutation once per principal and key. The answer is kept in the transaction of the effect, so that neither is
 * ever there without the other; of two requests at once the second waits and replays. A refusal is not kept: nothing
 * happened, and the same request may succeed later.
 * @throws AppError `idempotency_mismatch` (422) for the same key with another request; `conflict` (409) when an earlier
 * one is still under way after 10 s
 */
export async function answerOnce(
  deps: IdempotencyDeps,
  request: IdempotentRequest,
  run: (db: Database) => Promise<Answer>,
): Promise<Answer & { replayed: boolean }> {
  const { principal, key } = request;
  const now = deps.clock();
  const fingerprint = toBase64(await hmacSha256(deps.fingerprintSecret, JSON.stringify(request.parts)));
  const context = `idempotent-answer:${principal}:${key}`;

  async function replay(tx: Executor): Promise<Answer> {
    const kept = await findAnswer(tx, { principal, key });
    if (!kept || kept.fingerprint !== fingerprint) {
      throw new AppError('idempotency_mismatch', 'This Idempotency-Key was used for another request');
    }
    const body = kept.sealedBody === null ? null : await open(deps.keyRing, kept.sealedBody, context);
    return { status: kept.status, body, organizationId: kept.organizationId ?? undefined };
  }

  const work = async (tx: Executor) => {
    await limitWaiting(tx, WAIT_SECONDS);
    const row = { principal, key, fingerprint, expiresAt: later(now, LIFETIME) };
    if (!(await takeKey(tx, row, now))) return { ...(await replay(tx)), replayed: true };
    const answer = await run(request.ownTransactions ? deps.db : joining(tx));
    const sealedBody = answer.body === null ? null : await seal(deps.keyRing, answer.body, context);
    const { status, organizationId = null } = answer;
    await keepAnswer(tx, { principal, key }, { status, sealedBody, organizationId });
    return { ...answer, replayed: false };
  };
  return deps.db.transaction(work).catch((error: unknown) => {
    if (!isLockTimeout(error)) throw error;
    throw new AppError('conflict', 'A request with this Idempotency-Key is still under way');
  });
}

/** The database as a handler sees it inside the outer transaction: its own transactions become savepoints of that. */
const joining = (tx: Executor): Database => ({ query: tx, transaction: (work) => tx.transaction(work) });
