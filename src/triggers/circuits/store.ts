import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { deliveries } from '../deliveries/table.ts';
import { triggerActions, triggers } from '../rules/table.ts';
import { type Circuit, CLOSED, isBlank } from './circuit.ts';
import { actionCircuits } from './table.ts';

const timestamp = (moment: Date) => sql`${moment.toISOString()}::timestamptz`;

/**
 * For statements over `deliveries`: the circuit of its action holds a delivery back. An open circuit whose time has come
 * does not; which of the deliveries goes first is decided when one is claimed.
 */
export const isHeldBack = (now: Date): SQL => sql`exists (
  select 1 from action_circuits circuit where circuit.action_id = deliveries.action_id
    and (circuit.state = 'broken' or (circuit.state <> 'closed' and circuit.retry_at > ${timestamp(now)})))`;

/** For statements over `deliveries`: only the delivery that the circuit lets out to find out may go. */
export const isProbed: SQL<boolean> = sql<boolean>`exists (
  select 1 from action_circuits circuit where circuit.action_id = deliveries.action_id and circuit.state <> 'closed')`;

/**
 * For a statement that has a `target` with a delivery's `id`, `action_id` and `free_slot`: lets it out to find out, if
 * the time has come and nobody else does it at this moment. It waits for no lock, so that it can block nobody.
 */
export const letOut = (now: Date, until: Date): SQL => sql`
  update action_circuits set state = 'half_open', probe = ready.id, retry_at = ${timestamp(until)}
  from (
    select circuit.action_id, target.id from action_circuits circuit
      join target on target.action_id = circuit.action_id and target.free_slot is not null
    where circuit.state in ('open', 'half_open') and circuit.retry_at <= ${timestamp(now)}
    for update of circuit skip locked
  ) ready
  where action_circuits.action_id = ready.action_id
  returning action_circuits.action_id`;

export async function findCircuits(db: Executor, actionIds: readonly number[]): Promise<Map<number, Circuit>> {
  if (actionIds.length === 0) return new Map();
  const rows = await db
    .select()
    .from(actionCircuits)
    .where(inArray(actionCircuits.actionId, [...actionIds]));
  return new Map(rows.map((row) => [row.actionId, row]));
}

/** Of an action inside the organization; `undefined` when there is no such action. */
export async function findCircuit(
  db: Executor,
  key: { organizationId: string; triggerId: string },
  actionId: number,
): Promise<Circuit | undefined> {
  const rows = await db
    .select({ circuit: actionCircuits })
    .from(triggerActions)
    .leftJoin(actionCircuits, eq(actionCircuits.actionId, triggerActions.id))
    .where(
      and(
        eq(triggerActions.id, actionId),
        eq(triggerActions.triggerId, key.triggerId),
        eq(triggerActions.organizationId, key.organizationId),
      ),
    )
    .limit(1);
  return rows[0] && (rows[0].circuit ?? CLOSED);
}

/**
 * Locks a trigger and an action against deletion, in the order in which a deletion takes them, and answers the trigger's
 * version; nothing when they are gone.
 */
export async function holdAction(tx: Executor, triggerId: string, actionId: number): Promise<number | undefined> {
  const [trigger] = await tx
    .select({ version: triggers.version })
    .from(triggers)
    .where(eq(triggers.id, triggerId))
    .for('key share');
  const [action] = await tx
    .select({ id: triggerActions.id })
    .from(triggerActions)
    .where(eq(triggerActions.id, actionId))
    .for('key share');
  return action && trigger?.version;
}

/** How often a row may be deleted between being made and being locked: by a success, each time. */
const LOCK_ROUNDS = 10;

/** The circuit, locked for a change. Whoever else counts an outcome of this action waits, so that none is lost. */
export async function lockCircuit(tx: Executor, organizationId: string, actionId: number): Promise<Circuit> {
  for (let round = 0; round < LOCK_ROUNDS; round++) {
    await tx
      .insert(actionCircuits)
      .values({ ...CLOSED, actionId, organizationId })
      .onConflictDoNothing();
    const rows = await tx.select().from(actionCircuits).where(eq(actionCircuits.actionId, actionId)).for('update');
    if (rows[0]) return rows[0];
  }
  throw new Error(`the circuit of the action ${actionId} could not be locked`);
}

/** Keeps a circuit that was locked; one that has nothing to tell goes, so that successes have nothing to write. */
export async function writeCircuit(tx: Executor, actionId: number, circuit: Circuit): Promise<void> {
  const { state, failures, recent, openings, openedAt, retryAt, probe, reason } = circuit;
  const columns = { state, failures, recent, openings, openedAt, retryAt, probe, reason };
  if (isBlank(circuit)) await tx.delete(actionCircuits).where(eq(actionCircuits.actionId, actionId));
  else await tx.update(actionCircuits).set(columns).where(eq(actionCircuits.actionId, actionId));
}

/** Forgets the circuit, and lets what waited for it go at once. Answers it as it was, if there was one. */
export async function resetCircuit(tx: Executor, actionId: number, now: Date): Promise<Circuit | undefined> {
  const [before] = await tx.delete(actionCircuits).where(eq(actionCircuits.actionId, actionId)).returning();
  if (!before?.retryAt) return before;
  const waited = and(
    eq(deliveries.actionId, actionId),
    eq(deliveries.status, 'pending'),
    eq(deliveries.nextAttemptAt, before.retryAt),
  );
  await tx.update(deliveries).set({ nextAttemptAt: now }).where(waited);
  return before;
}

/** How many deliveries one call holds back at most; the sweep comes back for the rest. */
const HOLD_LIMIT = 5_000;

/**
 * Puts off what is pending behind an open circuit to the time of its next attempt, which costs a delivery none of its own
 * attempts, and ends what is pending behind a broken one: it can be replayed. Rows that somebody else is at are left.
 */
export async function holdBack(
  db: Executor,
  scope: { actionId: number } | { ids: readonly string[] } | 'all',
  now: Date,
): Promise<number> {
  const within =
    scope === 'all'
      ? sql`true`
      : 'ids' in scope
        ? sql`waiting.id = any(${sql.param([...scope.ids])}::uuid[])`
        : sql`waiting.action_id = ${scope.actionId}`;
  const held = db.$with('held', { id: sql<string>`id`.as('held_id') }).as(sql`
    select waiting.id as held_id, circuit.state as circuit_state, circuit.retry_at as circuit_retry_at,
      circuit.reason as circuit_reason
    from action_circuits circuit join deliveries waiting on waiting.action_id = circuit.action_id
    where ${within} and waiting.status = 'pending' and (circuit.state = 'broken' or (circuit.state = 'open'
      and circuit.retry_at > ${timestamp(now)} and waiting.next_attempt_at < circuit.retry_at))
    limit ${HOLD_LIMIT} for update of waiting skip locked`);
  const isBroken = sql`circuit_state = 'broken'`;
  const rows = await db
    .with(held)
    .update(deliveries)
    .set({
      nextAttemptAt: sql`case when ${isBroken} then ${deliveries.nextAttemptAt} else circuit_retry_at end`,
      status: sql`case when ${isBroken} then 'failed' else 'pending' end`,
      lastError: sql`case when ${isBroken} then 'The action is broken: ' || circuit_reason else ${deliveries.lastError} end`,
      completedAt: sql`case when ${isBroken} then ${timestamp(now)} end`,
    })
    .from(held)
    .where(sql`${deliveries.id} = held_id`)
    .returning({ id: deliveries.id });
  return rows.length;
}
