import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { toPage } from '../../kernel/page.ts';
import type { DeliveryStatus } from '../../outbound/attempt.ts';
import { listAttempts, listDeliveries as listRows } from './list-store.ts';

type Row = Awaited<ReturnType<typeof listRows>>['rows'][number];
type Attempt = Awaited<ReturnType<typeof listAttempts>>[number];

export async function listDeliveries(
  ctx: OrganizationCtx,
  triggerId: string,
  query: PageRequest & { status?: DeliveryStatus | undefined },
) {
  permit(ctx, 'triggers:read');
  const filter = { organizationId: ctx.organizationId, triggerId, status: query.status };
  const { rows, total } = await listRows(ctx.db.query, filter, query);
  const attempts = await listAttempts(
    ctx.db.query,
    rows.map(({ delivery }) => delivery.id),
  );
  const byDelivery = Map.groupBy(attempts, (attempt) => attempt.deliveryId);
  return toPage(
    rows.map((row) => toWire(row, byDelivery.get(row.delivery.id) ?? [])),
    total,
    query,
  );
}

/** Moments of sending are shown to the millisecond: retries follow each other within a second. */
function toWire({ delivery, event }: Row, attempts: Attempt[]) {
  return {
    id: delivery.id,
    trigger_id: delivery.triggerId,
    action_id: delivery.actionId,
    action_type: delivery.actionType,
    kind: delivery.kind,
    retracts: delivery.retracts,
    status: delivery.status,
    event: {
      id: event.id,
      event_type: event.eventType,
      chain_id: event.chainId,
      block_number: event.blockNumber,
      transaction_hash: event.transactionHash,
      log_index: event.logIndex,
    },
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
