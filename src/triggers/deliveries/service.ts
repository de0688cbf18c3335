import { type CallerCtx, type OrganizationCtx, permit, permitCaller } from '../../access/ctx.ts';
import { confirmStanding, hasPlaceIn } from '../../identity/index.ts';
import { AppError, invalidField, notFound } from '../../kernel/errors.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { toPage } from '../../kernel/page.ts';
import type { DeliveryStatus } from '../../outbound/attempt.ts';
import { audit } from '../../telemetry/audit.ts';
import { eventPayload } from '../actions/event-payload.ts';
import type { EventWire } from '../events/contract.ts';
import * as again from './again-store.ts';
import * as store from './list-store.ts';

type Row = Awaited<ReturnType<typeof store.listDeliveries>>['rows'][number];
type Attempt = Awaited<ReturnType<typeof store.listAttempts>>[number];

export async function listDeliveries(
  ctx: OrganizationCtx,
  triggerId: string,
  query: PageRequest & { status?: DeliveryStatus | undefined },
) {
  permit(ctx, 'triggers:read');
  const { organizationId } = ctx;
  return pageOf(ctx, { visibility: { organizationId }, triggerId, status: query.status }, query);
}

interface DeliveryQuery extends PageRequest {
  organization_id?: string | undefined;
  trigger_id?: string | undefined;
  action_id?: number | undefined;
  status?: DeliveryStatus | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
}

/** @throws AppError `not_found` when an organization is named in which the caller has no place */
export async function listOwnDeliveries(ctx: CallerCtx, query: DeliveryQuery) {
  permitCaller(ctx, 'triggers:read');
  const { principal } = ctx;
  const { organization_id: named, from, to } = query;
  if (named !== undefined && !(await hasPlaceIn(ctx, named))) throw notFound('Organization');
  refuseBackwards(from, to);
  const visibility =
    principal.kind === 'user' ? { userId: principal.userId } : { organizationId: principal.organizationId };
  const { trigger_id: triggerId, action_id: actionId, status } = query;
  return pageOf(ctx, { visibility, organizationId: named, triggerId, actionId, status, from, to }, query);
}

/** @throws AppError `validation_failed` for a range that ends before it begins */
export function refuseBackwards(from: Date | undefined, to: Date | undefined): void {
  if (from && to && from > to) throw invalidField('to', 'must not be before from');
}

async function pageOf({ db }: CallerCtx, filter: store.DeliveryFilter, page: PageRequest) {
  const { rows, total } = await store.listDeliveries(db.query, filter, page);
  const attempts = await store.listAttempts(
    db.query,
    rows.map(({ delivery }) => delivery.id),
  );
  const byDelivery = Map.groupBy(attempts, (attempt) => attempt.deliveryId);
  return toPage(
    rows.map((row) => ({ ...toWire(row, byDelivery.get(row.delivery.id) ?? []), event: placeOf(row) })),
    total,
    page,
  );
}

export async function getDelivery(ctx: OrganizationCtx, deliveryId: string) {
  permit(ctx, 'triggers:read');
  return { data: await readDelivery(ctx, deliveryId) };
}

async function readDelivery({ db, organizationId }: OrganizationCtx, deliveryId: string) {
  const [row, attempts] = await Promise.all([
    store.findDelivery(db.query, { organizationId, deliveryId }),
    store.listAttempts(db.query, [deliveryId]),
  ]);
  if (!row) throw notFound('Delivery');
  return { ...toWire(row, attempts), event: eventPayload(row.event) as EventWire };
}

export interface AnnounceDeps {
  /** Sends hints for deliveries that are due. What cannot be sent is left to the sweep; never rejects. */
  announce(deliveryIds: readonly string[]): Promise<void>;
}

/** @throws AppError `conflict` when the delivery is still on its way, or its event has left the chain */
export async function retryDelivery(ctx: OrganizationCtx, { announce }: AnnounceDeps, deliveryId: string) {
  permit(ctx, 'triggers:write');
  const now = ctx.clock();
  await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'triggers:write');
    const before = await again.lockDelivery(tx, { organizationId: ctx.organizationId, deliveryId });
    if (!before) throw notFound('Delivery');
    if (before.status === 'pending' || before.status === 'in_flight') {
      throw new AppError('conflict', `The delivery is ${before.status}: only one that has ended can be sent again`);
    }
    if ((await again.takenBack(tx, [deliveryId])).size > 0) {
      throw new AppError('conflict', 'The event of the delivery has left the chain, so it is not sent again');
    }
    await again.sendAgain(tx, { ids: [deliveryId], lane: 0, now });
    const target = { type: 'delivery', id: deliveryId };
    await audit(tx, ctx, { action: 'delivery.retry', target, before, after: { status: 'pending' } });
  });
  ctx.afterCommit(() => announce([deliveryId]));
  return { data: await readDelivery(ctx, deliveryId) };
}

const placeOf = ({ event }: Row) => ({
  id: event.id,
  event_type: event.eventType,
  chain_id: event.chainId,
  block_number: event.blockNumber,
  transaction_hash: event.transactionHash,
  log_index: event.logIndex,
});

/** Moments of sending are shown to the millisecond: retries follow each other within a second. */
function toWire({ delivery }: Row, attempts: Attempt[]) {
  return {
    id: delivery.id,
    trigger_id: delivery.triggerId,
    action_id: delivery.actionId,
    action_type: delivery.actionType,
    kind: delivery.kind,
    retracts: delivery.retracts,
    status: delivery.status,
    attempts: attempts.map((attempt) => ({
      attempt: attempt.attempt,
      started_at: attempt.startedAt.toISOString(),
      duration_ms: attempt.durationMs,
      outcome: attempt.outcome,
      response_status: attempt.responseStatus,
      response_excerpt: attempt.responseExcerpt,
      error: attempt.error,
    })),
    next_attempt_at: delivery.status === 'pending' ? delivery.nextAttemptAt.toISOString() : null,
    last_error: delivery.lastError,
    created_at: delivery.createdAt.toISOString(),
    completed_at: delivery.completedAt?.toISOString() ?? null,
  };
}
