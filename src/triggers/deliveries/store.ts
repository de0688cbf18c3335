import { and, eq, getTableColumns, isNull, lte, or, type SQL, sql } from 'drizzle-orm';
import { duplicateOf, type Executor } from '../../db/client.ts';
import { later, SECOND } from '../../kernel/clock.ts';
import { type DeliveryStatus, MAX_ATTEMPTS } from '../../outbound/attempt.ts';
import { PROBE_LEASE_MS } from '../circuits/circuit.ts';
import { isHeldBack, isProbed, letOut } from '../circuits/store.ts';
import { eventColumns } from '../events/columns.ts';
import { chainEvents } from '../ingest/table.ts';
import { triggerMatches } from '../matching/table.ts';
import { triggerActions, triggers } from '../rules/table.ts';
import { deliveries } from './table.ts';

/** Deliveries in flight to one endpoint at most. */
export const ENDPOINT_SLOTS = 5;

/** Deliveries that a replay sends again: they come after all others, and may take only the first few of the slots. */
export const REPLAY_LANE = 1;
const REPLAY_SLOTS = 2;

/** Longer than any attempt takes: a timeout of at most 30 s, and the statements around it. */
export const LEASE_MS = 60 * SECOND;

const SLOT_KEY = 'deliveries_slot_key';

/** A retraction waits until what it takes back is no longer under way, so that it cannot arrive first. */
// Columns inside subqueries are written out: Drizzle drops the table's name from columns of a select with one table.
const isHeld = sql`exists (
  select 1 from deliveries fire where fire.id = deliveries.retracts
    and (fire.status = 'in_flight' or (fire.status = 'pending' and fire.cancelled_at is null)))`;

/** Waiting, its moment come, and nothing in its way. */
export const isDue = (now: Date) =>
  and(
    eq(deliveries.status, 'pending'),
    lte(deliveries.nextAttemptAt, now),
    isNull(deliveries.cancelledAt),
    sql`not ${isHeld}`,
    sql`not ${isHeldBack(now)}`,
  );

/** In flight with nobody behind it: the sender died between claiming and settling. */
export const isLost = (now: Date) =>
  and(
    eq(deliveries.status, 'in_flight'),
    lte(deliveries.leaseUntil, now),
    isNull(deliveries.cancelledAt),
    sql`${deliveries.attempts} - ${deliveries.attemptsBefore} < ${MAX_ATTEMPTS}`,
  );

/**
 * Claims one delivery out of those that `candidates` describes, with everything that its request is made of. One
 * statement: it takes the row and a free slot of its endpoint, counts the attempt and, where an earlier attempt was
 * lost, records that its outcome is not known. Nothing comes back when nothing may be claimed.
 */
async function claimOnce(db: Executor, candidates: SQL | undefined, now: Date) {
  const freeSlot = sql<number | null>`coalesce(deliveries.slot, (
    select slot from generate_series(0, case deliveries.lane when ${sql.raw(String(REPLAY_LANE))}
      then ${sql.raw(String(REPLAY_SLOTS - 1))} else ${sql.raw(String(ENDPOINT_SLOTS - 1))} end) slot
    where not exists (select 1 from deliveries taken
      where taken.endpoint = deliveries.endpoint and taken.status = 'in_flight' and taken.slot = slot.slot)
    order by random() limit 1))`;
  const target = db.$with('target').as(
    db
      .select({
        id: deliveries.id,
        attempts: sql<number>`${deliveries.attempts}`.as('attempts_before'),
        actionId: deliveries.actionId,
        isProbed: isProbed.as('is_probed'),
        status: sql<DeliveryStatus>`${deliveries.status}`.as('status_before'),
        leaseUntil: sql`${deliveries.leaseUntil}`.as('lease_before'),
        slot: freeSlot.as('free_slot'),
      })
      .from(deliveries)
      .where(candidates)
      .orderBy(deliveries.lane, deliveries.nextAttemptAt, deliveries.id)
      .limit(1)
      .for('update', { skipLocked: true }),
  );
  const probing = db.$with('probing', {}).as(letOut(now, later(now, PROBE_LEASE_MS)));
  const claimed = db.$with('claimed').as(
    db
      .update(deliveries)
      .set({
        status: 'in_flight',
        attempts: sql`${deliveries.attempts} + 1`,
        leaseUntil: later(now, LEASE_MS),
        slot: sql`free_slot`,
        hintedAt: null,
      })
      .from(target)
      .where(
        and(
          eq(deliveries.id, target.id),
          sql`free_slot is not null and (not is_probed or exists (select 1 from probing))`,
        ),
      )
      .returning(getTableColumns(deliveries)),
  );
  const lost = db.$with('lost', {}).as(sql`
    insert into delivery_attempts (delivery_id, attempt, started_at, duration_ms, outcome, error)
    select target.id, target.attempts_before, lease_before - ${LEASE_MS} * interval '1 millisecond', ${LEASE_MS}, 'unknown',
      'The attempt was not reported back; the receiver may have got it'
    from target join claimed on claimed.id = target.id where status_before = 'in_flight'
    on conflict do nothing`);
  const rows = await db
    .with(target, probing, claimed, lost)
    .select({
      id: claimed.id,
      attempt: claimed.attempts,
      attemptsBefore: claimed.attemptsBefore,
      endpoint: claimed.endpoint,
      kind: claimed.kind,
      retracts: claimed.retracts,
      organizationId: claimed.organizationId,
      actionId: claimed.actionId,
      actionType: claimed.actionType,
      hasCircuit: sql<boolean>`exists (select 1 from action_circuits circuit where circuit.action_id = ${claimed.actionId})`,
      trigger: { id: triggers.id, name: triggers.name, version: triggers.version },
      state: triggerMatches.state,
      config: triggerActions.config,
      sealedSecrets: triggerActions.sealedSecrets,
      sealedSigningSecret: triggerActions.sealedSigningSecret,
      event: eventColumns,
    })
    .from(claimed)
    .innerJoin(triggers, eq(triggers.id, claimed.triggerId))
    .innerJoin(triggerActions, eq(triggerActions.id, claimed.actionId))
    .innerJoin(triggerMatches, eq(triggerMatches.id, claimed.matchId))
    .innerJoin(chainEvents, eq(chainEvents.id, triggerMatches.eventId));
  return rows[0];
}

export type Claim = NonNullable<Awaited<ReturnType<typeof claimOnce>>>;

/**
 * Claims until no other claimer of the endpoint takes the same slot at the same moment. Each time that happens another
 * delivery was claimed, so a few rounds fill the endpoint; should they not, the sweep comes back to it.
 */
async function claimFrom(db: Executor, candidates: SQL | undefined, now: Date): Promise<Claim | undefined> {
  for (let round = 0; round < 2 * ENDPOINT_SLOTS; round++) {
    try {
      return await claimOnce(db, candidates, now);
    } catch (error) {
      if (duplicateOf(error) !== SLOT_KEY) throw error;
    }
  }
  return undefined;
}

/** Claims this delivery, if it is due (or its sender was lost) and its endpoint has a free slot. */
export const claim = (db: Executor, id: string, now: Date): Promise<Claim | undefined> =>
  claimFrom(db, and(eq(deliveries.id, id), or(isDue(now), and(isLost(now), sql`not ${isHeldBack(now)}`))), now);

/** Claims the delivery that has been due for longest at this endpoint, if a slot is free. */
export const claimNext = (db: Executor, endpoint: string, now: Date): Promise<Claim | undefined> =>
  claimFrom(db, and(eq(deliveries.endpoint, endpoint), isDue(now)), now);

/** Where a delivery goes, and whether its action's circuit lets it. */
interface Destination {
  endpoint: string;
  heldBack: boolean;
}

/** Where these deliveries go, for sharing a batch's lanes out; what no longer exists is left out. */
export const destinationsOf = async (
  db: Executor,
  ids: readonly string[],
  now: Date,
): Promise<Map<string, Destination>> => {
  const rows = await db
    .select({ id: deliveries.id, endpoint: deliveries.endpoint, heldBack: sql<boolean>`${isHeldBack(now)}` })
    .from(deliveries)
    .where(sql`${deliveries.id} = any(${sql.param([...ids])}::uuid[])`);
  return new Map(rows.map((row) => [row.id, row]));
};

/** The deliveries that are next at the endpoint, if any are due already. */
export async function peekNext(
  db: Executor,
  endpoint: string,
  { now, limit }: { now: Date; limit: number },
): Promise<string[]> {
  const rows = await db
    .select({ id: deliveries.id })
    .from(deliveries)
    .where(and(eq(deliveries.endpoint, endpoint), isDue(now)))
    .orderBy(deliveries.lane, deliveries.nextAttemptAt, deliveries.id)
    .limit(limit);
  return rows.map(({ id }) => id);
}
