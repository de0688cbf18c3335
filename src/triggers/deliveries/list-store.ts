import { and, asc, count, desc, eq, gte, inArray, lte, type SQL } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { organizationsOf } from '../../identity/index.ts';
import type { PageRequest } from '../../kernel/page.ts';
import type { DeliveryStatus } from '../../outbound/attempt.ts';
import { eventColumns } from '../events/columns.ts';
import { chainEvents } from '../ingest/table.ts';
import { triggerMatches } from '../matching/table.ts';
import type { Visibility } from '../rules/store.ts';
import { deliveries, deliveryAttempts } from './table.ts';

export interface DeliveryFilter {
  visibility: Visibility;
  organizationId?: string | undefined;
  triggerId?: string | undefined;
  actionId?: number | undefined;
  status?: DeliveryStatus | undefined;
  /** Made at or after this moment, and at or before the other. */
  from?: Date | undefined;
  to?: Date | undefined;
}

const given = <T>(value: T | undefined, condition: (value: T) => SQL) =>
  value === undefined ? undefined : condition(value);

function where(db: Executor, { visibility, ...filter }: DeliveryFilter): SQL | undefined {
  return and(
    'userId' in visibility
      ? inArray(deliveries.organizationId, organizationsOf(db, visibility.userId))
      : eq(deliveries.organizationId, visibility.organizationId),
    given(filter.organizationId, (id) => eq(deliveries.organizationId, id)),
    given(filter.triggerId, (id) => eq(deliveries.triggerId, id)),
    given(filter.actionId, (id) => eq(deliveries.actionId, id)),
    given(filter.status, (status) => eq(deliveries.status, status)),
    given(filter.from, (from) => gte(deliveries.createdAt, from)),
    given(filter.to, (to) => lte(deliveries.createdAt, to)),
  );
}

const withEvents = (db: Executor) =>
  db
    .select({ delivery: deliveries, event: eventColumns })
    .from(deliveries)
    .innerJoin(triggerMatches, eq(triggerMatches.id, deliveries.matchId))
    .innerJoin(chainEvents, eq(chainEvents.id, triggerMatches.eventId));

/** Newest first, with the event that each was made for. */
export async function listDeliveries(db: Executor, filter: DeliveryFilter, page: PageRequest) {
  const wanted = where(db, filter);
  const [rows, totals] = await Promise.all([
    withEvents(db)
      .where(wanted)
      .orderBy(desc(deliveries.createdAt), desc(deliveries.id))
      .limit(page.limit)
      .offset(page.offset),
    db.select({ total: count() }).from(deliveries).where(wanted),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}

/** A delivery inside the organization that the caller has been admitted to. */
export interface DeliveryKey {
  organizationId: string;
  deliveryId: string;
}

export const isDelivery = ({ organizationId, deliveryId }: DeliveryKey) =>
  and(eq(deliveries.id, deliveryId), eq(deliveries.organizationId, organizationId));

export async function findDelivery(db: Executor, key: DeliveryKey) {
  const rows = await withEvents(db).where(isDelivery(key)).limit(1);
  return rows[0];
}

/** The organization that a delivery belongs to, and nothing else about it. */
export async function organizationOfDelivery(db: Executor, deliveryId: string): Promise<string | undefined> {
  const rows = await db
    .select({ organizationId: deliveries.organizationId })
    .from(deliveries)
    .where(eq(deliveries.id, deliveryId))
    .limit(1);
  return rows[0]?.organizationId;
}

export async function listAttempts(db: Executor, deliveryIds: readonly string[]) {
  if (deliveryIds.length === 0) return [];
  return db
    .select()
    .from(deliveryAttempts)
    .where(inArray(deliveryAttempts.deliveryId, [...deliveryIds]))
    .orderBy(asc(deliveryAttempts.deliveryId), asc(deliveryAttempts.attempt));
}
