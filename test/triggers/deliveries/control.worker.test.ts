import { and, eq, sql } from 'drizzle-orm';
import { beforeAll, describe, expect, it } from 'vitest';
import { auditLogs } from '../../../src/telemetry/audit/table.ts';
import { claim, claimNext } from '../../../src/triggers/deliveries/store.ts';
import { call, expectOk, type Person, signUp } from '../../support/api.ts';
import { database } from '../../support/database.ts';
import { answered, attemptsOf, changeDelivery, deliveryRow, newAction, newConsumer, START } from './fixture.ts';
import { ownedTrigger, takeBack } from './owned.ts';

let person: Person;

beforeAll(async () => {
  person = await signUp();
});

const get = (path: string, token = person.token) => call('GET', path, { token });
const retry = (id: string) => call('POST', `/api/v1/deliveries/${id}/retry`, { token: person.token });

interface List {
  data: { id: string }[];
  pagination: { total: number };
}

const idsOf = async (query: string) => {
  const { data } = await expectOk<List>(200, get(`/api/v1/deliveries?${query}`));
  return data.map(({ id }) => id);
};

describe('GET /api/v1/deliveries/{id}', () => {
  it('shows the delivery with its attempts and the whole event', async () => {
    const owned = await ownedTrigger(person);
    const { id, eventId } = await owned.newDelivery();
    await owned.newAttempt(id, 2, { outcome: 'permanent', responseStatus: 410 });
    await owned.newAttempt(id, 1, { responseStatus: 500, responseExcerpt: 'no' });
    expect((await get(`/api/v1/deliveries/${id}`)).body).toMatchObject({
      data: {
        id,
        trigger_id: owned.triggerId,
        action_id: owned.actionId,
        status: 'failed',
        next_attempt_at: null,
        event: { id: eventId, event_type: 'Registered', agent_id: 42, owner: '0x9', status: 'confirmed' },
        attempts: [
          { attempt: 1, response_status: 500, response_excerpt: 'no' },
          { attempt: 2, outcome: 'permanent' },
        ],
      },
    });
  });

  it('answers 404 for one that does not exist', async () => {
    const answer = await get(`/api/v1/deliveries/${crypto.randomUUID()}`);
    expect(answer).toMatchObject({ status: 404, body: { message: 'Delivery not found' } });
  });
});

describe('GET /api/v1/deliveries', () => {
  it('lists those of all one’s organizations, newest first, by what is asked for', async () => {
    const caller = await signUp();
    const list = async (query: string) =>
      (await expectOk<List>(200, get(`/api/v1/deliveries?${query}`, caller.token))).data.map(({ id }) => id);
    const [first, second] = [await ownedTrigger(caller), await ownedTrigger(caller)];
    const at = (minute: number) => new Date(Date.UTC(2026, 2, 2, 0, minute));
    const oldest = (await first.newDelivery({ createdAt: at(1) })).id;
    const middle = (await second.newDelivery({ createdAt: at(2), status: 'delivered' })).id;
    const newest = (await first.newDelivery({ createdAt: at(3) })).id;
    expect(await list('')).toEqual([newest, middle, oldest]);
    expect(await list(`organization_id=${caller.personalOrganizationId}&limit=1&offset=1`)).toEqual([middle]);
    expect(await list('status=delivered')).toEqual([middle]);
    expect(await list(`trigger_id=${first.triggerId}`)).toEqual([newest, oldest]);
    expect(await list(`action_id=${second.actionId}`)).toEqual([middle]);
    expect(await list(`from=${at(2).toISOString()}`)).toEqual([newest, middle]);
    expect(await list(`from=${at(1).toISOString()}&to=${at(2).toISOString()}`)).toEqual([middle, oldest]);
  });

  it('shows nothing of others, also when their trigger is named', async () => {
    const other = await ownedTrigger(await signUp());
    await other.newDelivery();
    expect(await idsOf(`trigger_id=${other.triggerId}`)).toEqual([]);
    expect(await idsOf(`action_id=${other.actionId}`)).toEqual([]);
  });

  it.each([
    ['from=yesterday', 'from'],
    ['from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', 'to'],
    ['status=lost', 'status'],
    ['action_id=x', 'action_id'],
  ])('refuses %s', async (query, path) => {
    const answer = await get(`/api/v1/deliveries?${query}`);
    expect(answer).toMatchObject({ status: 400, body: { error: 'validation_failed', details: [{ path }] } });
  });
});

describe('POST /api/v1/deliveries/{id}/retry', () => {
  it.each(['failed', 'delivered', 'cancelled'] as const)('sends one that is %s again, under its id', async (status) => {
    const { newDelivery } = await ownedTrigger(person);
    const { id } = await newDelivery({ status, attempts: 12 });
    const answer = await retry(id);
    expect(answer).toMatchObject({
      status: 202,
      body: { data: { id, completed_at: null, last_error: null, event: { agent_id: 42 } } },
    });
    expect(await deliveryRow(id)).toMatchObject({ attemptsBefore: 12, lane: 0, cancelledAt: null });
  });

  it.each(['pending', 'in_flight'] as const)('refuses one that is %s', async (status) => {
    const { newDelivery } = await ownedTrigger(person);
    const due = { nextAttemptAt: new Date(Date.now() + 3_600_000), leaseUntil: new Date(Date.now() + 60_000) };
    // The Worker may still be sending what was sent again above, and holds a slot of that endpoint.
    const place = { endpoint: 'of its own', slot: 0 };
    const { id } = await newDelivery({ status, completedAt: null, ...due, ...place });
    expect(await retry(id)).toMatchObject({
      status: 409,
      body: { error: 'conflict', message: `The delivery is ${status}: only one that has ended can be sent again` },
    });
  });

  it('refuses one whose event has left the chain, but not its retraction', async () => {
    const { newDelivery } = await ownedTrigger(person);
    const fire = await newDelivery();
    const retraction = await newDelivery({ kind: 'retraction', retracts: fire.id });
    await takeBack(fire.eventId);
    await takeBack(retraction.eventId);
    expect(await retry(fire.id)).toMatchObject({
      status: 409,
      body: { message: 'The event of the delivery has left the chain, so it is not sent again' },
    });
    expect((await deliveryRow(fire.id)).status).toBe('failed');
    expect((await retry(retraction.id)).status).toBe(202);
  });

  it('lets one of two at once win, and leaves one row in the trail', async () => {
    const { newDelivery } = await ownedTrigger(person);
    const { id } = await newDelivery();
    const answers = await Promise.all([retry(id), retry(id), retry(id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    const rows = await database()
      .query.select()
      .from(auditLogs)
      .where(and(eq(auditLogs.action, 'delivery.retry'), sql`${auditLogs.content} like ${`%${id}%`}`));
    expect(rows).toHaveLength(1);
  });

  it('sends to where the action points now', async () => {
    const { newDelivery, triggerId, actionId, organizationId } = await ownedTrigger(person);
    const { id } = await newDelivery();
    const config = { method: 'POST', url: 'https://other.example.com/' };
    const path = `/api/v1/triggers/${triggerId}/actions/${actionId}`;
    await expectOk(200, call('PUT', path, { token: person.token, body: { config } }));
    await expectOk(202, retry(id));
    expect((await deliveryRow(id)).endpoint).toBe(`${organizationId} https://other.example.com`);
  });
});

describe('a delivery that is sent again', () => {
  it('gets a whole schedule of attempts, and goes on counting them', async () => {
    const { newDelivery } = await newAction();
    const id = await newDelivery({ attempts: 12, attemptsBefore: 12 });
    const consumer = newConsumer(async () => answered(500));
    await consumer.consume(id);
    expect(await deliveryRow(id)).toMatchObject({ status: 'pending', attempts: 13 });
    expect(consumer.hints).toEqual([{ ids: [id], delaySeconds: 1 }]);
    expect(consumer.requests[0]?.headers).toMatchObject({ 'webhook-id': id, 'weir-attempt': '13' });
    expect(await attemptsOf(id)).toMatchObject([{ attempt: 13 }]);
    await changeDelivery(id, { attempts: 23, nextAttemptAt: START });
    await consumer.consume(id);
    expect(await deliveryRow(id)).toMatchObject({ status: 'failed', attempts: 24 });
  });
});

describe('the lane of replays', () => {
  const { query } = database();

  it('comes after whatever is new, however long that has waited', async () => {
    const { newDelivery, endpoint } = await newAction();
    const replayed = await newDelivery({ lane: 1, nextAttemptAt: new Date(START.getTime() - 60_000) });
    const fresh = await newDelivery();
    expect((await claimNext(query, endpoint, START))?.id).toBe(fresh);
    expect((await claimNext(query, endpoint, START))?.id).toBe(replayed);
  });

  it('takes two places of an endpoint at most, so that three are left for what is new', async () => {
    const { newDelivery, newDeliveries, endpoint, inFlight } = await newAction();
    const replayed = [];
    for (let n = 0; n < 5; n += 1) replayed.push(await newDelivery({ lane: 1 }));
    const claims = await Promise.all(replayed.map((id) => claim(query, id, START)));
    expect(claims.filter(Boolean)).toHaveLength(2);
    await newDeliveries(4);
    for (let n = 0; n < 4; n += 1) await claimNext(query, endpoint, START);
    expect(await inFlight()).toBe(5);
  });
});
