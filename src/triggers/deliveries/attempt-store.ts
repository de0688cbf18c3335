import { and, eq, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import type { AttemptOutcome, DeliveryStatus } from '../../outbound/attempt.ts';
import { deliveries, deliveryAttempts } from './table.ts';

/** What is recorded about an attempt. */
export interface AttemptRecord {
  deliveryId: string;
  attempt: number;
  startedAt: Date;
  durationMs: number;
  outcome: Exclude<AttemptOutcome, 'unknown'>;
  responseStatus: number | null;
  responseExcerpt: string | null;
  error: string | null;
}

export interface Settled {
  status: DeliveryStatus;
  nextAttemptAt: Date;
}

interface Next {
  status: DeliveryStatus;
  nextAttemptAt?: Date | undefined;
  /** When the delivery was taken back while it was in flight. */
  ifCancelled: DeliveryStatus;
  /** The attempt uses up none of the delivery's schedule. */
  isUncounted?: boolean;
}

/**
 * Ends an attempt: where the delivery stands now, and the attempt's row, in one statement that names the attempt. A
 * settlement that comes twice, or after the lease ran out and another attempt began, changes nothing and answers
 * `undefined`.
 */
export async function settleAttempt(
  db: Executor,
  record: AttemptRecord,
  next: Next,
  now: Date,
): Promise<Settled | undefined> {
  const status = sql`case when ${deliveries.cancelledAt} is null then ${next.status} else ${next.ifCancelled} end`;
  const settled = db.$with('settled').as(
    db
      .update(deliveries)
      .set({
        status,
        ...(next.nextAttemptAt ? { nextAttemptAt: next.nextAttemptAt } : {}),
        ...(next.isUncounted ? { attemptsBefore: sql`${deliveries.attemptsBefore} + 1` } : {}),
        leaseUntil: null,
        slot: null,
        lastError: record.error,
        completedAt: sql`case when (${status}) = 'pending' then null else ${now.toISOString()}::timestamptz end`,
      })
      .where(
        and(
          eq(deliveries.id, record.deliveryId),
          eq(deliveries.attempts, record.attempt),
          eq(deliveries.status, 'in_flight'),
        ),
      )
      .returning({ id: deliveries.id, status: deliveries.status, nextAttemptAt: deliveries.nextAttemptAt }),
  );
  const logged = db.$with('logged', {}).as(sql`
    insert into ${deliveryAttempts}
      (delivery_id, attempt, started_at, duration_ms, outcome, response_status, response_excerpt, error)
    select id, ${record.attempt}, ${record.startedAt.toISOString()}::timestamptz, ${record.durationMs}, ${record.outcome},
      ${record.responseStatus}::integer, ${record.responseExcerpt}::text, ${record.error}::text
    from settled`);
  const rows = await db
    .with(settled, logged)
    .select({ status: settled.status, nextAttemptAt: settled.nextAttemptAt })
    .from(settled);
  return rows[0];
}
