import { and, asc, count, desc, eq, inArray } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import type { PageRequest } from '../../kernel/page.ts';
import type { DeliveryStatus } from '../../outbound/attempt.ts';
import { chainEvents } from '../ingest/table.ts';
import { triggerMatches } from '../matching/table.ts';
import { deliveries, deliveryAttempts } from './table.ts';

export interface DeliveryFilter {
  organizationId: string;
  triggerId: string;
  status?: DeliveryStatus | undefined;
}

/** Newest first, with the event that each was made for. */
export async function listDeliveries(db: Executor, filter: DeliveryFilter, page: PageRequest) {
  const wanted = and(
    eq(deliveries.triggerId, filter.triggerId),
    eq(deliveries.organizationId, filter.organizationId),
    filter.status === undefined ? undefined : eq(deliveries.status, filter.status),
  );
  const [rows, totals] = await Promise.all([
    db
      .select({ delivery: deliveries, event: chainEvents })
      .from(deliveries)
      .innerJoin(triggerMatches, eq(triggerMatches.id, deliveries.matchId))
      .innerJoin(chainEvents, eq(chainEvents.id, triggerMatches.eventId))
      .where(wanted)
      .orderBy(desc(deliveries.createdAt), desc(deliveries.id))
      .limit(page.limit)
      .offset(page.offset),
    db.select({ total: count() }).from(deliveries).where(wanted),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

export async function listAttempts(db: Executor, deliveryIds: readonly string[]) {
  if (deliveryIds.length === 0) return [];
  return db
    .select()
    .from(deliveryAttempts)
    .where(inArray(deliveryAttempts.deliveryId, [...deliveryIds]))
    .orderBy(asc(deliveryAttempts.deliveryId), asc(deliveryAttempts.attempt));
}
