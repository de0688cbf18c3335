import { asc, eq, sql } from 'drizzle-orm';
import { organizations } from '../../../src/identity/organizations/table.ts';
import type { KeyRing } from '../../../src/kernel/crypto.ts';
import { newUuid } from '../../../src/kernel/id.ts';
import type { Outbound, OutboundRequest, OutboundResult } from '../../../src/outbound/guarded-fetch.ts';
import type { Logger } from '../../../src/telemetry/log.ts';
import { type ActionType, deliveryEndpoint } from '../../../src/triggers/actions/kinds.ts';
import { sealSecrets, sealSigningSecret, splitSecrets } from '../../../src/triggers/actions/secrets.ts';
import { type Aside, MAX_ASIDE, Places } from '../../../src/triggers/deliveries/aside.ts';
import { type ConsumerDeps, consumeActions, type HintMessage } from '../../../src/triggers/deliveries/consumer.ts';
import { deliveries, deliveryAttempts } from '../../../src/triggers/deliveries/table.ts';
import { chainEvents } from '../../../src/triggers/ingest/table.ts';
import { triggerMatches } from '../../../src/triggers/matching/table.ts';
import { triggerActions, triggers } from '../../../src/triggers/rules/table.ts';
import { database } from '../../support/database.ts';

export const START = new Date('2026-03-02T00:00:00Z');

export const SIGNING_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

const keyRing: KeyRing = { current: 't', keys: new Map([['t', new Uint8Array(32).fill(7)]]) };

type DeliveryRow = typeof deliveries.$inferSelect;

interface ActionSketch {
  type?: ActionType;
  config?: Record<string, unknown>;
}

/** An action of a trigger of its own, whose deliveries share one endpoint. */
export async function newAction({ type = 'rest', config }: ActionSketch = {}) {
  const { query } = database();
  const [organizationId, triggerId] = [newUuid(), newUuid()];
  const written = config ?? { method: 'POST', url: `https://${triggerId}.example.com/hook` };
  const { config: masked, secrets } = splitSecrets(type, written);
  const dates = { createdAt: START, updatedAt: START };
  await query.insert(organizations).values({ id: organizationId, name: 'Test', slug: organizationId, ...dates });
  await query.insert(triggers).values({
    id: triggerId,
    organizationId,
    userId: organizationId,
    name: 'Low scores',
    chainId: 1,
    registry: 'reputation',
    enabled: true,
    isStateful: false,
    ...dates,
  });
  const [action] = await query
    .insert(triggerActions)
    .values({
      organizationId,
      triggerId,
      actionType: type,
      priority: 0,
      config: masked,
      sealedSecrets: await sealSecrets(keyRing, triggerId, secrets),
      sealedSigningSecret: await sealSigningSecret(keyRing, triggerId, SIGNING_SECRET),
      createdAt: START,
    })
    .returning({ id: triggerActions.id });
  if (!action) throw new Error('no action was made');
  const endpoint = deliveryEndpoint(organizationId, type, masked);

  /** A delivery of the action, of an event of its own, due since the start unless told otherwise. */
  async function newDelivery(extra: Partial<DeliveryRow> = {}): Promise<string> {
    const [eventId, matchId, id] = [newUuid(), newUuid(), newUuid()];
    await query.insert(chainEvents).values({
      id: eventId,
      chainId: 1,
      blockHash: eventId,
      logIndex: 0,
      blockNumber: 12,
      blockTime: START,
      transactionHash: '0xb',
      registry: 'reputation',
      address: '0x8',
      eventType: 'NewFeedback',
      agentId: '42',
      fields: { agent_id: '42', tag1: 'speed' },
      topics: [],
      data: '0x',
      status: 'confirmed',
      recordedAt: START,
    });
    const kind = extra.kind ?? 'fire';
    await query
      .insert(triggerMatches)
      .values({ id: matchId, organizationId, triggerId, triggerVersion: 1, eventId, kind, createdAt: START });
    await query.insert(deliveries).values({
      id,
      organizationId,
      triggerId,
      actionId: action?.id ?? 0,
      matchId,
      kind,
      actionType: type,
      endpoint,
      status: 'pending',
      nextAttemptAt: START,
      createdAt: START,
      ...extra,
    });
    return id;
  }

  return {
    organizationId,
    triggerId,
    actionId: action.id,
    endpoint,
    newDelivery,
    newDeliveries: (count: number) => Promise.all(Array.from({ length: count }, () => newDelivery())),
    inFlight: () => query.$count(deliveries, sql`endpoint = ${endpoint} and status = 'in_flight'`),
    withStatus: (status: string) => query.$count(deliveries, sql`endpoint = ${endpoint} and status = ${status}`),
  };
}

export async function deliveryRow(id: string): Promise<DeliveryRow> {
  const [row] = await database().query.select().from(deliveries).where(eq(deliveries.id, id));
  if (!row) throw new Error(`there is no delivery ${id}`);
  return row;
}

export const attemptsOf = (id: string) =>
  database()
    .query.select()
    .from(deliveryAttempts)
    .where(eq(deliveryAttempts.deliveryId, id))
    .orderBy(asc(deliveryAttempts.attempt));

export const changeDelivery = (id: string, change: Partial<DeliveryRow>) =>
  database().query.update(deliveries).set(change).where(eq(deliveries.id, id));

export const silent: Logger = { info() {}, warn() {}, error() {} };

export const answered = (status = 200, headers: Record<string, string> = {}): OutboundResult => ({
  kind: 'response',
  status,
  headers: new Headers(headers),
  excerpt: 'ok',
  durationMs: 1,
});

export interface TestMessage extends HintMessage {
  outcome: 'none' | 'acked' | 'retried';
}

export function message(body: unknown): TestMessage {
  const made: TestMessage = {
    body,
    outcome: 'none',
    ack() {
      if (made.outcome === 'none') made.outcome = 'acked';
    },
    retry() {
      if (made.outcome === 'none') made.outcome = 'retried';
    },
  };
  return made;
}

/** A consumer with a clock of its own, whose requests go to `receive` and whose hints are kept. It waits for its receivers. */
export function newConsumer(receive: Outbound = async () => answered()) {
  const time = { now: START };
  const requests: OutboundRequest[] = [];
  const hints: { ids: readonly string[]; delaySeconds: number }[] = [];
  const outbound: Outbound = (request) => {
    requests.push(request);
    return receive(request);
  };
  const deps: ConsumerDeps = {
    db: database(),
    clock: () => time.now,
    log: silent,
    keyRing,
    version: '1.2.3',
    random: () => 0.5,
    outbound,
    guardedFetch: () => Promise.reject(new Error('no exchange is expected')),
    telegram: { url: 'https://api.telegram.org', token: '1:test', outbound },
    enqueue: async (ids, delaySeconds) => void hints.push({ ids, delaySeconds }),
  };
  const patience = { over: new Promise<void>(() => {}) };
  const goesOn: Promise<void>[] = [];
  const aside: Aside = {
    places: new Places(MAX_ASIDE),
    async patience() {
      await patience.over;
      await new Promise((resolve) => setTimeout(resolve));
    },
    goOn: (work) => void goesOn.push(work),
  };
  return {
    deps,
    time,
    aside,
    patience,
    /** What batches have left to go on after them. */
    goesOn,
    requests,
    hints,
    /** Consumes a batch of hints for these deliveries. */
    async consume(...ids: string[]) {
      const messages = ids.map((deliveryId) => message({ deliveryId }));
      await consumeActions(messages, deps, aside);
      return messages.map(({ outcome }) => outcome);
    },
  };
}

/** A promise that is settled from outside. */
export function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}
