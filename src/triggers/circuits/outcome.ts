import type { Database, Executor } from '../../db/client.ts';
import type { Clock } from '../../kernel/clock.ts';
import { audit } from '../../telemetry/audit.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { ActionResult } from '../actions/kind.ts';
import { moveAction } from '../rules/move-store.ts';
import { actionToWire } from '../rules/wire.ts';
import { type AttemptVerdict, afterAttempt, type Circuit } from './circuit.ts';
import { holdAction, holdBack, lockCircuit, writeCircuit } from './store.ts';

/** The attempt that an outcome is of. */
export interface Attempted {
  id: string;
  organizationId: string;
  actionId: number;
  trigger: { id: string; version: number };
  /** Whether the action had a circuit on record when the attempt was claimed. */
  hasCircuit: boolean;
}

export interface OutcomeDeps {
  db: Database;
  clock: Clock;
  log: Logger;
}

const SYSTEM = { principal: { kind: 'system', job: 'deliveries' }, requestId: '', address: '' } as const;

function verdictOf(result: ActionResult): AttemptVerdict {
  if (result.broken !== undefined) return { kind: 'broken', error: result.broken };
  if (result.outcome === 'delivered') return { kind: 'success' };
  if (!result.receiverFailed) return { kind: 'nothing', retryAfterMs: result.retryAfterMs };
  return { kind: 'failure', error: result.error ?? 'no reason given' };
}

/** Whether the attempt tells nothing that would have to be kept beside its own record: so it is for nearly all. */
const isOrdinary = ({ hasCircuit }: Attempted, verdict: AttemptVerdict, { moved }: ActionResult) =>
  !hasCircuit && !moved && (verdict.kind === 'success' || verdict.kind === 'nothing');

/**
 * Settles an attempt, and counts its outcome in the circuit of its action, in one transaction. `settle` answers what
 * became of the delivery, or nothing when the attempt no longer counts. `heldUntil` is when an open circuit lets
 * something out again.
 */
export async function settleWithCircuit<Settled>(
  attempted: Attempted,
  result: ActionResult,
  settle: (db: Executor) => Promise<Settled | undefined>,
  deps: OutcomeDeps,
): Promise<{ settled: Settled | undefined; heldUntil?: Date | undefined }> {
  const verdict = verdictOf(result);
  if (isOrdinary(attempted, verdict, result)) return { settled: await settle(deps.db.query) };
  const { settled, change } = await deps.db.transaction(async (tx) => {
    const version = await holdAction(tx, attempted.trigger.id, attempted.actionId);
    const counted = await settle(tx);
    if (counted === undefined || version === undefined) return { settled: counted, change: undefined };
    // The action may be another by now: then its receiver is not the one that was heard.
    const isCurrent = version === attempted.trigger.version;
    if (isCurrent && result.moved) await move(tx, attempted, result.moved, deps);
    return { settled: counted, change: await count(tx, attempted, isCurrent ? verdict : { kind: 'nothing' }, deps) };
  });
  if (change) logChange(attempted, change, deps);
  return { settled, heldUntil: change?.after.state === 'open' ? (change.after.retryAt ?? undefined) : undefined };
}

interface Change {
  before: Circuit;
  after: Circuit;
}

async function count(
  tx: Executor,
  attempted: Attempted,
  verdict: AttemptVerdict,
  { clock }: OutcomeDeps,
): Promise<Change> {
  const { actionId, organizationId } = attempted;
  const now = clock();
  const before = await lockCircuit(tx, organizationId, actionId);
  const after = afterAttempt(before, attempted.id, verdict, now);
  await writeCircuit(tx, actionId, after);
  if (after.state === 'open' || after.state === 'broken') await holdBack(tx, { actionId }, now);
  const action = auditedAction({ before, after });
  if (action) {
    const shown = ({ state, failures, reason }: Circuit) => ({ state, failures, reason });
    const target = { type: 'action', id: String(actionId) };
    const entry = { action, target, before: shown(before), after: shown(after), organizationId };
    await audit(tx, { ...SYSTEM, clock }, entry);
  }
  return { before, after };
}

/** The trail tells when deliveries stop and when they go on, not each attempt in between. */
function auditedAction({ before, after }: Change): string | undefined {
  if (after.state === before.state) return undefined;
  if (after.state === 'broken') return 'action.break';
  if (after.state === 'open' && before.state === 'closed') return 'action.circuit_open';
  return after.state === 'closed' ? 'action.circuit_close' : undefined;
}

async function move(
  tx: Executor,
  { actionId, organizationId }: Attempted,
  moved: NonNullable<ActionResult['moved']>,
  { clock }: OutcomeDeps,
) {
  const change = await moveAction(tx, actionId, moved);
  if (!change) return;
  const target = { type: 'action', id: String(actionId) };
  const shown = { before: actionToWire(change.before), after: actionToWire(change.after) };
  await audit(tx, { ...SYSTEM, clock }, { action: 'action.update', target, ...shown, organizationId });
}

function logChange({ actionId, trigger }: Attempted, { before, after }: Change, { log }: OutcomeDeps): void {
  if (before.state === after.state) return;
  const fields = { action_id: actionId, trigger_id: trigger.id, failures: after.failures };
  if (after.state === 'open') log.warn('circuit_opened', { ...fields, retry_at: after.retryAt?.toISOString() });
  if (after.state === 'closed') log.info('circuit_closed', fields);
  if (after.state === 'broken') log.warn('action_broken', fields);
}
