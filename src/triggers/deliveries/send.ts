import type { Database } from '../../db/client.ts';
import type { KeyRing } from '../../kernel/crypto.ts';
import { describeError } from '../../kernel/errors.ts';
import { settle } from '../../outbound/attempt.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { ActionDelivery, ActionResult, SenderDeps } from '../actions/kind.ts';
import { ACTION_KINDS } from '../actions/kinds.ts';
import { joinSecrets, openSecrets, openSigningSecret } from '../actions/secrets.ts';
import { settleWithCircuit } from '../circuits/outcome.ts';
import { type Settled, settleAttempt } from './attempt-store.ts';
import { putOff } from './put-off.ts';
import type { Claim } from './store.ts';

export interface AttemptDeps extends SenderDeps {
  db: Database;
  log: Logger;
  keyRing: KeyRing;
  /** For the jitter of delays; `Math.random` unless a test says otherwise. */
  random?: () => number;
}

/**
 * Carries out a claimed attempt and records what came of it. `undefined`: the lease had run out, and the delivery has
 * moved on without this attempt.
 */
export async function carryOut(claim: Claim, deps: AttemptDeps): Promise<Settled | undefined> {
  const startedAt = deps.clock();
  const result = await send(claim, deps);
  const now = deps.clock();
  const attempt = claim.attempt - claim.attemptsBefore;
  const facts = { result, attempt, now, ...(deps.random ? { random: deps.random } : {}) };
  const next = putOff(claim.attempt, result, now) ?? settle({ ...facts, cancelled: false });
  const record = {
    deliveryId: claim.id,
    attempt: claim.attempt,
    startedAt,
    durationMs: Math.max(0, now.getTime() - startedAt.getTime()),
    outcome: result.outcome,
    responseStatus: result.response?.status ?? null,
    responseExcerpt: result.response?.excerpt ?? null,
    error: result.error ?? null,
  };
  const becomes = { ...next, ifCancelled: settle({ ...facts, cancelled: true }).status };
  const { settled, heldUntil } = await settleWithCircuit(
    claim,
    result,
    (db) => settleAttempt(db, record, becomes, now),
    deps,
  );
  deps.log.info('delivery_attempted', {
    delivery_id: claim.id,
    attempt: claim.attempt,
    outcome: result.outcome,
    response_status: result.response?.status,
    status: settled?.status ?? 'superseded',
  });
  const isPutOff = settled?.status === 'pending' && heldUntil && heldUntil > settled.nextAttemptAt;
  return isPutOff ? { ...settled, nextAttemptAt: heldUntil } : settled;
}

/** How long the attempt may take at most, in milliseconds, without the statements around it. */
export const longestAttempt = ({ actionType, config }: Claim): number => ACTION_KINDS[actionType].longestMs(config);

async function send(claim: Claim, deps: AttemptDeps): Promise<ActionResult> {
  const delivery = await unseal(claim, deps);
  if (delivery) return ACTION_KINDS[claim.actionType].send(delivery, deps);
  return { outcome: 'retryable', error: 'The secrets of the action could not be read' };
}

/** The delivery with its secrets; nothing when they do not open, which is for the operator to mend. */
async function unseal(claim: Claim, { keyRing, log }: AttemptDeps): Promise<ActionDelivery | undefined> {
  const { id, attempt, kind, retracts, trigger, event } = claim;
  try {
    const secrets = await openSecrets(keyRing, trigger.id, claim.sealedSecrets);
    const signingSecret = await openSigningSecret(keyRing, trigger.id, claim.sealedSigningSecret);
    const config = joinSecrets(claim.config, secrets);
    return { id, attempt, kind, retracts, trigger, event, state: claim.state ?? {}, config, signingSecret };
  } catch (error) {
    log.error('action_secrets_unreadable', { delivery_id: id, trigger_id: trigger.id, error: describeError(error) });
    return undefined;
  }
}
