import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import type { DeliveryStatus } from '../../outbound/attempt.ts';
import { deliveryEndpoint } from '../actions/kinds.ts';
import { triggerMatches } from '../matching/table.ts';
import { triggerActions, triggers } from '../rules/table.ts';
import { type DeliveryKey, isDelivery } from './list-store.ts';
import type { SettledStatus } from './settled.ts';
import { deliveries } from './table.ts';

/**
 * Reads a delivery that is about to be sent again, so that nobody else settles, cancels or resends it meanwhile. Its
 * trigger is locked against deletion first, in the order in which a deletion takes the two.
 */
export async function lockDelivery(tx: Executor, key: DeliveryKey): Promise<{ status: DeliveryStatus } | undefined> {
  await tx
    .select({ id: triggers.id })
    .from(triggers)
    .where(inArray(triggers.id, tx.select({ id: deliveries.triggerId }).from(deliveries).where(isDelivery(key))))
    .for('key share');
  const rows = await tx
    .select({ status: deliveries.status })
    .from(deliveries)
    .where(isDelivery(key))
    .limit(1)
    .for('no key update');
  return rows[0];
}

/** Locks those of the deliveries that still have one of the statuses, in the order in which a retraction locks them. */
export async function lockSettled(
  tx: Executor,
  ids: readonly string[],
  statuses: readonly SettledStatus[],
): Promise<string[]> {
  const rows = await tx
    .select({ id: deliveries.id })
    .from(deliveries)
    .where(and(inArray(deliveries.id, [...ids]), inArray(deliveries.status, [...statuses])))
    .orderBy(asc(deliveries.id))
    .for('no key update');
  return rows.map(({ id }) => id);
}

/**
 * Those of the deliveries whose event has left the chain since it fired: what they say is not so any more. To be asked
 * with the deliveries locked. A retraction that is recorded later finds them pending and cancels them.
 */
export async function takenBack(tx: Executor, ids: readonly string[]): Promise<Set<string>> {
  const retracted = sql`(select count(*) from chain_feed
    where chain_feed.event_id = ${triggerMatches.eventId} and chain_feed.operation = 'retract')`;
  const rows = await tx
    .select({ id: deliveries.id })
    .from(deliveries)
    .innerJoin(triggerMatches, eq(triggerMatches.id, deliveries.matchId))
    .where(
      and(
        inArray(deliveries.id, [...ids]),
        eq(deliveries.kind, 'fire'),
        sql`${retracted} > ${triggerMatches.appearance}`,
      ),
    );
  return new Set(rows.map(({ id }) => id));
}

interface Again {
  /** Locked and settled. */
  ids: readonly string[];
  lane: number;
  now: Date;
}

/** A delivery that waits again, and where it goes. */
export interface Sent {
  id: string;
  endpoint: string;
}

/**
 * Has settled deliveries wait for an attempt once more, with a whole schedule in front of them, and where the action
 * sends to now: kind and address may have been changed since. Their ids and the attempts made stay.
 */
export async function sendAgain(tx: Executor, { ids, lane, now }: Again): Promise<Sent[]> {
  if (ids.length === 0) return [];
  const chosen = inArray(deliveries.id, [...ids]);
  const actions = await tx
    .select()
    .from(triggerActions)
    .where(inArray(triggerActions.id, tx.select({ id: deliveries.actionId }).from(deliveries).where(chosen)));
  const sent: Sent[] = [];
  for (const { id, organizationId, actionType, config } of actions) {
    const rows = await tx
      .update(deliveries)
      .set({
        status: 'pending',
        attemptsBefore: sql`${deliveries.attempts}`,
        lane,
        actionType,
        endpoint: deliveryEndpoint(organizationId, actionType, config),
        nextAttemptAt: now,
        // A hint is sent after the commit; until that counts as lost, the sweep sends no other.
        hintedAt: now,
        cancelledAt: null,
        completedAt: null,
        lastError: null,
      })
      .where(and(chosen, eq(deliveries.actionId, id)))
      .returning({ id: deliveries.id, endpoint: deliveries.endpoint });
    sent.push(...rows);
  }
  return sent;
}
