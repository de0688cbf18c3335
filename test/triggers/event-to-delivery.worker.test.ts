import { env } from 'cloudflare:workers';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newFeedback } from '../../scripts/demo/emissions.ts';
import { configOf, primeConfig } from '../../src/env.ts';
import { call, expectOk, newAction, newCondition, newTrigger, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import { newReceiver } from '../support/lab/client.ts';
import { CHAIN_ID, OWNER, watchOwnChain } from '../support/watched-chain.ts';

/** The whole way inside one Worker: a real chain, its watcher, the matcher, the queue, and a real receiver. */
let chain: Awaited<ReturnType<typeof watchOwnChain>>;

beforeAll(async () => {
  chain = await watchOwnChain();
});

afterAll(() => chain.stop());

interface Delivery {
  id: string;
  kind: string;
  status: string;
  retracts: string | null;
  last_error: string | null;
  event: { id: string; transaction_hash: string };
  attempts: { outcome: string; response_status: number }[];
}

interface Events {
  data: { id: string; status: string; agent_id: number; transaction_hash: string }[];
}

/** A trigger on the agent's mint that sends to a receiver of its own. */
async function mintTrigger(person: Person, agentId: bigint, fields: object = {}) {
  const id = await newTrigger(person, fields);
  await newCondition(person, id);
  await newCondition(person, id, { field: 'agent_id', value: String(agentId) });
  const receiver = await newReceiver();
  await newAction(person, id, { method: 'POST', url: receiver.url });
  return { id, receiver };
}

const deliveriesOf = async (person: Person, triggerId: string) => {
  const path = `/api/v1/triggers/${triggerId}/deliveries`;
  const { data } = await expectOk<{ data: Delivery[] }>(200, call('GET', path, { token: person.token }));
  return data.toReversed();
};

/** The deliveries of a trigger once there are as many and none is under way any more. */
const settled = (person: Person, triggerId: string, count: number) =>
  vi.waitFor(
    async () => {
      const deliveries = await deliveriesOf(person, triggerId);
      expect(deliveries.map(({ status }) => status)).toEqual(Array.from({ length: count }, () => 'delivered'));
      return deliveries;
    },
    { timeout: 15_000, interval: 100 },
  );

const eventsOf = async (agentId: bigint, query = '') =>
  (await expectOk<Events>(200, call('GET', `/api/v1/events?chain_id=${CHAIN_ID}&agent_id=${agentId}${query}`))).data;

describe('an event on chain', () => {
  it('becomes one delivery per trigger that it matches', async () => {
    const person = await signUp();
    const { id, receiver } = await mintTrigger(person, 10n);
    const other = await mintTrigger(person, 11n);
    const transaction = await chain.mint(10n);
    await chain.read();
    const [delivery] = await settled(person, id, 1);
    expect(delivery).toMatchObject({
      kind: 'fire',
      event: { transaction_hash: transaction },
      attempts: [{ outcome: 'delivered', response_status: 200 }],
    });
    const [request] = await receiver.received();
    expect(request?.headers).toMatchObject({ 'webhook-id': delivery?.id, 'content-type': 'application/json' });
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      event_type: 'Registered',
      agent_id: 10,
      owner: OWNER.toLowerCase(),
      transaction_hash: transaction,
      status: 'confirmed',
    });
    await chain.read();
    await chain.read();
    expect(await receiver.received()).toHaveLength(1);
    expect(await deliveriesOf(person, other.id)).toEqual([]);
  });

  it('is listed, by agent, registry, type and chain', async () => {
    const transaction = await chain.emit(newFeedback(20n, OWNER, 3_250n, 2));
    await chain.read();
    const found = await eventsOf(20n, '&registry=reputation&event_type=FeedbackSubmitted');
    expect(found).toEqual([
      expect.objectContaining({
        id: expect.stringMatching(/^evt_/),
        event_type: 'NewFeedback',
        registry: 'reputation',
        chain_id: CHAIN_ID,
        agent_id: 20,
        value: '3250',
        value_decimals: 2,
        score: '32.5',
        tag1: 'starred',
        transaction_hash: transaction,
        status: 'confirmed',
      }),
    ]);
    expect(await eventsOf(20n, '&registry=identity')).toEqual([]);
    expect(await eventsOf(20n, '&event_type=AgentBurned')).toEqual([]);
    expect((await call('GET', '/api/v1/events?event_type=Nonsense')).status).toBe(400);
    expect((await call('GET', '/api/v1/events?agent_id=-1')).status).toBe(400);
  });

  it('is listed for anyone, but not with a credential that is no good', async () => {
    expect((await call('GET', '/api/v1/events')).status).toBe(200);
    expect((await call('GET', '/api/v1/events', { token: 'not.a.token' })).status).toBe(401);
  });
});

describe('a chain reorganization while triggers are active', () => {
  it('retracts what was sent for the removed event and delivers its replacement once', async () => {
    const person = await signUp();
    const confirmed = await mintTrigger(person, 30n);
    const atOnce = await mintTrigger(person, 30n, { confirmations: 0 });
    const removed = await chain.mint(30n);
    await chain.read();
    const triggers = [confirmed, atOnce];
    for (const { id } of triggers) await settled(person, id, 1);

    await chain.reorganize(1);
    const replacement = await chain.mint(30n);
    await chain.read();
    await chain.read();

    for (const { id, receiver } of triggers) {
      const deliveries = await settled(person, id, 3);
      const [fire, second] = deliveries.filter(({ kind }) => kind === 'fire');
      const [retraction] = deliveries.filter(({ kind }) => kind === 'retraction');
      expect(fire?.event.transaction_hash).toBe(removed);
      expect(retraction).toMatchObject({ retracts: fire?.id, event: { id: fire?.event.id } });
      expect(second?.event.transaction_hash).toBe(replacement);
      const requests = await receiver.received();
      expect(new Set(requests.map(({ headers }) => headers['webhook-id']))).toEqual(
        new Set(deliveries.map((one) => one.id)),
      );
      expect(requests).toHaveLength(3);
      const notice = requests.find(({ headers }) => headers['webhook-id'] === retraction?.id);
      expect(JSON.parse(notice?.body ?? '')).toMatchObject({
        type: 'retraction',
        retracts: fire?.id,
        event: { id: fire?.event.id, status: 'reorged' },
      });
    }
    expect(await eventsOf(30n)).toMatchObject([{ transaction_hash: replacement, status: 'confirmed' }]);
    expect(await eventsOf(30n, '&status=reorged')).toMatchObject([{ transaction_hash: removed }]);
  });

  it('says nothing of an event that came and went between two readings', async () => {
    const person = await signUp();
    const { id, receiver } = await mintTrigger(person, 40n);
    await chain.mint(40n);
    await chain.reorganize(1);
    const kept = await chain.mint(40n);
    await chain.read();
    await chain.read();
    const [delivery] = await settled(person, id, 1);
    expect(delivery?.event.transaction_hash).toBe(kept);
    expect(await receiver.received()).toHaveLength(1);
    expect(await eventsOf(40n, '&status=reorged')).toEqual([]);
  });
});

describe('an action whose address turned out to be one that nothing is sent to', () => {
  const ADDRESSES = ['http://169.254.169.254/', 'http://2852039166/', 'http://0xa.1/', 'http://[::ffff:10.0.0.1]/'];

  it('is refused when it is sent, whatever the spelling, and not tried again', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    await newCondition(person, id, { field: 'agent_id', value: '60' });
    for (const url of ADDRESSES) {
      const { id: action } = await newAction(person, id, { method: 'POST', url: 'https://example.com/' });
      // As if it had been written before the rule was what it is.
      const config = JSON.stringify({ method: 'POST', url });
      await database().query.execute(sql`update trigger_actions set config = ${config}::jsonb where id = ${action}`);
    }
    await chain.mint(60n);
    await chain.read();
    await vi.waitFor(
      async () => {
        const deliveries = await deliveriesOf(person, id);
        expect(deliveries).toHaveLength(ADDRESSES.length);
        for (const delivery of deliveries) {
          expect(delivery).toMatchObject({
            status: 'failed',
            attempts: [{ outcome: 'permanent', response_status: null }],
          });
          expect(delivery.last_error).toMatch(/^The address /);
        }
      },
      { timeout: 15_000, interval: 100 },
    );
  });
});

describe('the actions of a trigger', () => {
  it('are tried in ascending priority, and none waits for one that fails', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    await newCondition(person, id);
    await newCondition(person, id, { field: 'agent_id', value: '50' });
    const [failing, good] = [await newReceiver([{ status: 503 }]), await newReceiver()];
    await newAction(person, id, { method: 'POST', url: good.url }, { priority: 5 });
    await newAction(person, id, { method: 'POST', url: failing.url }, { priority: -1 });
    await chain.mint(50n);
    await chain.read();
    await vi.waitFor(async () => expect(await good.received()).toHaveLength(1), { timeout: 15_000, interval: 100 });
    const [first, second] = await deliveriesOf(person, id);
    expect((await failing.received())[0]?.headers['webhook-id']).toBe(first?.id);
    expect((await good.received())[0]?.headers['webhook-id']).toBe(second?.id);
    expect(first?.status).not.toBe('delivered');
  });

  it('reach Telegram with a hostile name as text', async () => {
    const bot = await newReceiver([{ body: '{"ok":true,"result":{}}' }]);
    primeConfig({ ...configOf(env), telegram: { url: bot.url, token: '1:test' } });
    const person = await signUp();
    const id = await newTrigger(person);
    await newCondition(person, id, { field: 'agent_id', value: '51' });
    const config = { chat_id: '7', message_template: '<b>{{trigger.name}}</b>: {{agent.id}}', parse_mode: 'HTML' };
    const name = '[x](http://evil.example) {{owner}} <a href="x">';
    await expectOk(200, call('PUT', `/api/v1/triggers/${id}`, { token: person.token, body: { name } }));
    await newAction(person, id, config, { action_type: 'telegram' });
    await chain.mint(51n);
    await chain.read();
    const [delivery] = await settled(person, id, 1);
    const [request] = await bot.received();
    expect(request?.path.endsWith('/bot1:test/sendMessage')).toBe(true);
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      chat_id: '7',
      text: '<b>[x](http://evil.example) {{owner}} &lt;a href=&quot;x&quot;&gt;</b>: 51',
      parse_mode: 'HTML',
    });
    expect(JSON.stringify(delivery)).not.toContain('1:test');
  });
});
