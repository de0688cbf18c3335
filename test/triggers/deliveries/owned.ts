import { newUuid } from '../../../src/kernel/id.ts';
import { deliveryEndpoint } from '../../../src/triggers/actions/kinds.ts';
import { deliveries, deliveryAttempts } from '../../../src/triggers/deliveries/table.ts';
import { chainEvents, chainFeed, type EventStatus } from '../../../src/triggers/ingest/table.ts';
import { triggerMatches } from '../../../src/triggers/matching/table.ts';
import { newAction, newTrigger, type Person } from '../../support/api.ts';
import { database } from '../../support/database.ts';

type DeliveryRow = typeof deliveries.$inferInsert;
type AttemptRow = typeof deliveryAttempts.$inferInsert;

const REST = { method: 'POST', url: 'http://127.0.0.1:59999/' };

let feedSeq = 0;

interface DeliverySketch extends Partial<DeliveryRow> {
  eventStatus?: EventStatus;
}

interface Owner {
  organizationId: string;
  triggerId: string;
  actionId: number;
}

/** A failed delivery of an event of its own, unless told otherwise. */
export async function insertDelivery(owner: Owner, { eventStatus = 'confirmed', ...extra }: DeliverySketch = {}) {
  const { query } = database();
  const { organizationId, triggerId } = owner;
  const createdAt = extra.createdAt ?? new Date();
  const [eventId, matchId, id] = [`evt_${newUuid()}`, newUuid(), extra.id ?? newUuid()];
  await query.insert(chainEvents).values({
    ...{ id: eventId, chainId: 1, blockHash: eventId, logIndex: 0, blockNumber: 12, blockTime: createdAt },
    ...{ transactionHash: '0xb', registry: 'identity', address: '0x8', eventType: 'Registered', agentId: '42' },
    ...{ fields: { agent_id: '42', owner: '0x9' }, topics: [], data: '0x', status: eventStatus, recordedAt: createdAt },
  });
  const kind = extra.kind ?? 'fire';
  const match = { id: matchId, organizationId, triggerId, triggerVersion: 1, eventId, kind, createdAt };
  await query.insert(triggerMatches).values(match);
  const settled = { status: 'failed' as const, attempts: 12, completedAt: createdAt };
  const due = { nextAttemptAt: createdAt, createdAt, lastError: 'The receiver answered 500' };
  const endpoint = deliveryEndpoint(organizationId, 'rest', REST);
  const belongs = { ...owner, id, matchId, kind, actionType: 'rest' as const, endpoint };
  await query.insert(deliveries).values({ ...belongs, ...due, ...settled, ...extra });
  return { id, matchId, eventId };
}

/** A trigger of a person's with an action, and deliveries of it as they might have come to be. */
export async function ownedTrigger(person: Person, fields: object = {}) {
  const triggerId = await newTrigger(person, fields);
  const { id: actionId } = await newAction(person, triggerId, REST);
  const owner = { organizationId: person.personalOrganizationId, triggerId, actionId };
  return {
    ...owner,
    newDelivery: (sketch: DeliverySketch = {}) => insertDelivery(owner, sketch),
    newAttempt: (deliveryId: string, attempt: number, extra: Partial<AttemptRow> = {}) =>
      database()
        .query.insert(deliveryAttempts)
        .values({
          ...{ deliveryId, attempt, startedAt: new Date(), durationMs: 3, outcome: 'retryable' as const },
          ...extra,
        }),
  };
}

/** Has the chain's feed take the event back, before any matcher has seen that. */
export async function takeBack(eventId: string) {
  feedSeq += 1;
  const row = { chainId: 1, seq: feedSeq, operation: 'retract' as const, eventId, recordedAt: new Date() };
  await database().query.insert(chainFeed).values(row);
}
