import { hmacSha256, toBase64 } from '../kernel/crypto.ts';
import { invalidField } from '../kernel/errors.ts';
import type { Attempt, KeeperDeps, Replayable } from './idempotency/answer.ts';
import { answerHolding } from './idempotency/held.ts';
import { answerJoined } from './idempotency/joined.ts';

export type { Answer } from './idempotency/answer.ts';

const MAX_KEY_LENGTH = 255;

export interface IdempotencyDeps extends KeeperDeps {
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
 * Runs a mutation once per principal and key; of two requests at once the second waits and replays. A refusal is not
 * kept: the same request may succeed later.
 * @throws AppError `idempotency_mismatch` (422) for the same key with another request; `conflict` (409) when an earlier
 * one is still under way after 10 s
 */
export async function answerOnce(
  deps: IdempotencyDeps,
  { parts, ownTransactions, ...key }: IdempotentRequest,
  attempt: Attempt,
): Promise<Replayable> {
  const fingerprint = toBase64(await hmacSha256(deps.fingerprintSecret, JSON.stringify(parts)));
  const answer = ownTransactions ? answerHolding : answerJoined;
  return answer(deps, { ...key, fingerprint }, attempt);
}
