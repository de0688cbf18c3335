import { and, isNull, lte, or, sql } from 'drizzle-orm';
import type { Executor } from '../../../db/client.ts';
import { later } from '../../../kernel/clock.ts';
import { isHeldBack } from '../../circuits/store.ts';
import { ENDPOINT_SLOTS, isDue, isLost, LEASE_MS } from '../store.ts';
import { deliveries } from '../table.ts';

interface Overdue {
  now: Date;
  /** How long a due delivery's own hint may take before it counts as lost. */
  graceMs: number;
  /** How long to wait before a delivery that is still there is hinted again. */
  rehintMs: number;
  limit: number;
}

/**
 * Marks deliveries whose hint seems lost as hinted, and answers them: those due for longer than the grace, as many per
 * endpoint as it has free slots (what waits behind them follows by itself), and those whose sender was lost. Endpoints
 * take turns, so that a long backlog at one does not keep the others waiting.
 *
 * The endpoints are found by skipping from one to the next along `deliveries_waiting_idx`, so the cost follows their number and
 * not the number of deliveries waiting. https://wiki.postgresql.org/wiki/Loose_indexscan
 */
export async function takeOverdue(db: Executor, { now, graceMs, rehintMs, limit }: Overdue): Promise<string[]> {
  const notHinted = or(isNull(deliveries.hintedAt), lte(deliveries.hintedAt, later(now, -rehintMs)));
  const overdue = db.$with('overdue', { id: sql<string>`id`.as('overdue_id') }).as(sql`
    with recursive waiting as (
      (select endpoint from deliveries where status = 'pending' order by endpoint limit 1)
      union all
      select (select endpoint from deliveries where status = 'pending' and endpoint > waiting.endpoint
        order by endpoint limit 1)
      from waiting where waiting.endpoint is not null
    ), ranked as (
      select due.id, due.since, row_number() over (partition by waiting.endpoint order by due.lane, due.since, due.id) as rank
      from waiting cross join lateral (
        select deliveries.id, deliveries.lane, deliveries.next_attempt_at as since from deliveries
        where deliveries.endpoint = waiting.endpoint and ${and(isDue(later(now, -graceMs)), notHinted)}
        order by deliveries.lane, deliveries.next_attempt_at, deliveries.id
        limit greatest(0, ${ENDPOINT_SLOTS} - (select count(*) from deliveries taken
          where taken.endpoint = waiting.endpoint and taken.status = 'in_flight'))
      ) due
      union all
      select deliveries.id, deliveries.lease_until, 0 from deliveries where ${and(isLost(now), notHinted, sql`not ${isHeldBack(now)}`)}
    )
    select id as overdue_id from ranked order by rank, since limit ${limit}`);
  const rows = await db
    .with(overdue)
    .update(deliveries)
    .set({ hintedAt: now })
    .where(sql`${deliveries.id} in (select overdue_id from overdue)`)
    .returning({ id: deliveries.id });
  return rows.map(({ id }) => id);
}

const isBroken = sql`exists (
  select 1 from action_circuits circuit where circuit.action_id = ${deliveries.actionId} and circuit.state = 'broken')`;

/**
 * Ends deliveries whose sender was lost and that get no further attempt, because they were taken back meanwhile, their
 * action broke, or that attempt was the last one. Answers how many there were.
 */
export async function closeLost(db: Executor, now: Date): Promise<number> {
  const closed = db.$with('closed').as(
    db
      .update(deliveries)
      .set({
        status: sql`case when ${deliveries.cancelledAt} is null then 'failed' else 'cancelled' end`,
        leaseUntil: null,
        slot: null,
        lastError: 'The last attempt was not reported back; the receiver may have got it',
        completedAt: now,
      })
      .where(
        and(
          sql`${deliveries.status} = 'in_flight'`,
          lte(deliveries.leaseUntil, now),
          sql`(not (${isLost(now)}) or ${isBroken})`,
        ),
      )
      .returning({ id: deliveries.id, attempts: deliveries.attempts }),
  );
  const logged = db.$with('logged', {}).as(sql`
    insert into delivery_attempts (delivery_id, attempt, started_at, duration_ms, outcome, error)
    select id, attempts, ${later(now, -LEASE_MS).toISOString()}::timestamptz, ${LEASE_MS}, 'unknown',
      'The attempt was not reported back; the receiver may have got it'
    from closed on conflict do nothing`);
  const rows = await db.with(closed, logged).select({ id: closed.id }).from(closed);
  return rows.length;
}

/** When the next delivery falls due or the next lease runs out, be it in the past; `null` when nothing waits. */
export async function earliestDue(db: Executor): Promise<Date | null> {
  const earliest = sql<Date | null>`least(
    (select min(next_attempt_at) from deliveries where status = 'pending'),
    (select min(lease_until) from deliveries where status = 'in_flight'))`.mapWith(deliveries.nextAttemptAt);
  const rows = await db.select({ earliest }).from(sql`(select) moment`);
  return rows[0]?.earliest ?? null;
}
