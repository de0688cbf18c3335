import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OrganizationCtx } from '../../../src/access/ctx.ts';
import { createApp } from '../../../src/app.ts';
import { appDeps } from '../../../src/context.ts';
import { newUuid } from '../../../src/kernel/id.ts';
import { chainEvents } from '../../../src/triggers/ingest/table.ts';
import { backtest, backtestMessages } from '../../../src/triggers/trials/backtest.ts';
import { call, expectOk, MINTED, newAction, newCondition, newTrigger, type Person, signUp } from '../../support/api.ts';
import { database } from '../../support/database.ts';

const START = Date.parse('2026-03-01T12:00:00Z');
const CHAIN = 59141;

/** Feedback of one agent, a block a minute; the score is what is to be looked at. */
async function recordFeedback(scores: readonly number[], agentId = '7') {
  const rows = scores.map((score, n) => ({
    ...{
      id: `evt_${agentId}_${n}`,
      chainId: CHAIN,
      blockHash: `0x${agentId.padStart(2, '0')}${n}`.padEnd(66, '0'),
      logIndex: n,
    },
    ...{ blockNumber: 1_000 + n, blockTime: new Date(START + n * 60_000), transactionHash: `0x${'ab'.repeat(32)}` },
    ...{ registry: 'reputation' as const, address: `0x${'00'.repeat(20)}`, eventType: 'NewFeedback', agentId },
    ...{ fields: { agent_id: agentId, score: String(score), tag1: 'starred' }, topics: [], data: '0x' },
    ...{ status: 'confirmed' as const, recordedAt: new Date(START) },
  }));
  await database().query.insert(chainEvents).values(rows);
}

let person: Person;

beforeAll(async () => {
  person = await signUp();
  await recordFeedback([90, 80, 40, 30, 20, 70, 90, 10], '7');
});

const reputation = (fields: object = {}) => newTrigger(person, { registry: 'reputation', chain_id: CHAIN, ...fields });

const post = (path: string, body: object) => call('POST', `/api/v1/triggers/${path}`, { token: person.token, body });

interface Trial {
  data: {
    fires: boolean;
    reason: string | null;
    conditions: { id: number; holds: boolean | null; values: Record<string, unknown> }[];
    actions: { rendered: Record<string, unknown> | null; error: string | null }[];
    event: Record<string, unknown>;
  };
}

const LOW = { condition_type: 'score_threshold', field: 'score', operator: '<', value: '50' };
const BUSY = {
  condition_type: 'rate_limit',
  field: 'count',
  operator: '>=',
  value: '2',
  config: { time_window: '2m' },
};

describe('a trial', () => {
  it('says condition by condition what the trigger would make of a sample, and what it would send.', async () => {
    const trigger = await newTrigger(person);
    const minted = await newCondition(person, trigger);
    const agent = await newCondition(person, trigger, { ...MINTED, field: 'agent_id', value: '42' });
    await newAction(person, trigger, {
      method: 'POST',
      url: 'http://127.0.0.1:9/hook?agent={{agent_id}}',
      headers: { 'X-Token': 'very-secret' },
      body: { text: 'Agent {{agent_id}} of {{owner}}' },
    });
    const event = { event_type: 'AgentMinted', agent_id: 42, owner: '{{agent_id}}' };
    const { data } = await expectOk<Trial>(200, post(`${trigger}/test`, { event }));
    expect(data).toMatchObject({ fires: true, reason: null, event: { event_type: 'Registered', agent_id: 42 } });
    expect(data.conditions.map(({ id, holds }) => [id, holds])).toEqual([
      [minted, true],
      [agent, true],
    ]);
    expect(data.actions).toMatchObject([
      {
        error: null,
        rendered: {
          method: 'POST',
          url: 'http://127.0.0.1:9/hook?agent=42',
          headers: { 'x-token': '********', 'webhook-signature': '********' },
          body: '{"text":"Agent 42 of {{agent_id}}"}',
        },
      },
    ]);
    expect(JSON.stringify(data)).not.toContain('very-secret');
    const other = await expectOk<Trial>(200, post(`${trigger}/test`, { event: { ...event, agent_id: 43 } }));
    expect(other.data).toMatchObject({ fires: false, conditions: [{ holds: true }, { holds: false }] });
  });

  it('takes an event that was recorded, and says so when it is of another registry or chain.', async () => {
    const trigger = await reputation();
    await newCondition(person, trigger, LOW);
    const low = await expectOk<Trial>(200, post(`${trigger}/test`, { event_id: 'evt_7_2' }));
    expect(low.data).toMatchObject({ fires: true, event: { id: 'evt_7_2', score: '40' } });
    const high = await expectOk<Trial>(200, post(`${trigger}/test`, { event_id: 'evt_7_0' }));
    expect(high.data).toMatchObject({ fires: false, conditions: [{ holds: false }] });
    const elsewhere = await reputation({ chain_id: 1 });
    await newCondition(person, elsewhere, LOW);
    expect((await expectOk<Trial>(200, post(`${elsewhere}/test`, { event_id: 'evt_7_2' }))).data).toMatchObject({
      fires: false,
      reason: `The event is of chain ${CHAIN}`,
    });
    expect(await post(`${trigger}/test`, { event_id: 'evt_none' })).toMatchObject({ status: 404 });
  });

  it('asks conditions that remember only about what gets to them, and remembers nothing.', async () => {
    const trigger = await reputation();
    await newCondition(person, trigger, LOW);
    const busy = await newCondition(person, trigger, BUSY);
    for (let n = 0; n < 3; n += 1) {
      const { data } = await expectOk<Trial>(200, post(`${trigger}/test`, { event: { score: 10, agent_id: 7 } }));
      expect(data.fires).toBe(false);
      expect(data.conditions[1]).toEqual({
        id: busy,
        condition_type: 'rate_limit',
        holds: false,
        values: { count: 1 },
      });
    }
    const { data } = await expectOk<Trial>(200, post(`${trigger}/test`, { event: { score: 60, agent_id: 7 } }));
    expect(data.conditions[1]?.holds).toBeNull();
  });

  it.each([
    [{}, 'event'],
    [{ event: {}, event_id: 'evt_7_0' }, 'event'],
    [{ event: { colour: 'red' } }, 'event.colour'],
    [{ event: { event_type: 'Nonsense' } }, 'event.event_type'],
    [{ event: { timestamp: 'yesterday' } }, 'event.timestamp'],
    [{ event: { block_number: 'ten' } }, 'event.block_number'],
  ])('refuses %j, naming %s.', async (body, path) => {
    const answer = await post(`${await reputation()}/test`, body);
    expect(answer).toMatchObject({ status: 400, body: { error: 'validation_failed', details: [{ path }] } });
  });
});

interface Backtest {
  data: {
    events: number;
    fires: number;
    first_at: string | null;
    last_at: string | null;
    items: { at: string; event_id: string; values: object }[];
    truncated: boolean;
  };
}

describe('a back-test', () => {
  it('says how often and when the trigger would have fired, by blocks or by time.', async () => {
    const trigger = await reputation();
    await newCondition(person, trigger, LOW);
    const all = await expectOk<Backtest>(200, post(`${trigger}/backtest`, { from_block: 0 }));
    expect(all.data).toMatchObject({ events: 8, fires: 4, truncated: false });
    expect(all.data.items.map(({ event_id }) => event_id)).toEqual(['evt_7_2', 'evt_7_3', 'evt_7_4', 'evt_7_7']);
    expect(all.data).toMatchObject({ first_at: '2026-03-01T12:02:00Z', last_at: '2026-03-01T12:07:00Z' });
    const some = await expectOk<Backtest>(200, post(`${trigger}/backtest`, { from_block: 1_003, to_block: 1_004 }));
    expect(some.data).toMatchObject({ events: 2, fires: 2 });
    const range = { from: '2026-03-01T12:04:00Z', to: '2026-03-01T12:06:30Z' };
    expect((await expectOk<Backtest>(200, post(`${trigger}/backtest`, range))).data).toMatchObject({
      events: 3,
      fires: 1,
    });
  });

  it('remembers as the live trigger does, from the beginning of the range, and lets time pass to its end.', async () => {
    const busy = await reputation({ enabled: false });
    await newCondition(person, busy, LOW);
    await newCondition(person, busy, BUSY);
    const counted = await expectOk<Backtest>(200, post(`${busy}/backtest`, { from_block: 0 }));
    expect(counted.data.items.map(({ event_id, values }) => [event_id, values])).toEqual([
      ['evt_7_3', { count: 2 }],
      ['evt_7_4', { count: 2 }],
    ]);
    const silent = await reputation();
    await newCondition(person, silent, {
      condition_type: 'absence',
      field: 'score',
      operator: 'equals',
      value: '1',
      config: { time_window: '10m' },
    });
    const none = await expectOk<Backtest>(200, post(`${silent}/backtest`, { from_block: 0 }));
    expect(none.data.fires).toBe(0);
    const range = { from: '2026-03-01T12:00:00Z', to: '2026-03-01T13:00:00Z' };
    const one = await expectOk<Backtest>(200, post(`${silent}/backtest`, range));
    expect(one.data.items).toMatchObject([{ at: '2026-03-01T12:17:00Z', event_id: 'evt_7_7' }]);
  });

  it('can be followed as a stream of messages.', async () => {
    const trigger = await reputation();
    await newCondition(person, trigger, LOW);
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${person.token}` };
    const request = { method: 'POST', headers, body: JSON.stringify({ from_block: 0 }) };
    // Not through the Worker's entry, which in these tests passes on no stream that is made here.
    const app = createApp(appDeps(env));
    const answer = await app.request(`https://weir.test/api/v1/triggers/${trigger}/backtest/stream`, request, env);
    expect(answer.headers.get('Content-Type')).toBe('text/event-stream');
    const messages = (await answer.text())
      .split('\n\n')
      .filter(Boolean)
      .map((text) => JSON.parse(text.replace(/^data: /, '')) as { type: string });
    expect(messages.map(({ type }) => type)).toEqual([
      'fire',
      'fire',
      'fire',
      'fire',
      'progress',
      'progress',
      'result',
    ]);
    expect(messages.at(-1)).toMatchObject({ events: 8, fires: 4 });
  });

  it.each([
    [{}, 'from_block'],
    [{ from_block: 1, from: '2026-03-01T12:00:00Z' }, 'from'],
    [{ from_block: 5, to_block: 4 }, 'to_block'],
    [{ from: '2026-03-01T12:00:00Z', to: '2026-03-01T11:00:00Z' }, 'to'],
  ])('refuses the range %j, naming %s.', async (body, path) => {
    const answer = await post(`${await reputation()}/backtest`, body);
    expect(answer).toMatchObject({ status: 400, body: { error: 'validation_failed', details: [{ path }] } });
  });
});

describe('a back-test that would take too much', () => {
  /** Two agents that remember by themselves, and a search. */
  const BOUNDS = { memories: 100, items: 100, work: 100_000 };

  const ctx = (): OrganizationCtx => ({
    principal: { kind: 'user', userId: person.id, sessionId: newUuid(), username: 'somebody' },
    organizationId: person.personalOrganizationId,
    permissions: new Set(['triggers:read']),
    role: 'owner',
    requestId: newUuid(),
    address: '',
    userAgent: '',
    clock: () => new Date(),
    db: database(),
    afterCommit: () => {},
    publishOrganization: async () => {},
  });

  async function allOf<T>(messages: AsyncIterable<T>): Promise<T[]> {
    const all: T[] = [];
    for await (const message of messages) all.push(message);
    return all;
  }

  const counting = async () => {
    const trigger = await reputation();
    await newCondition(person, trigger, BUSY);
    return trigger;
  };

  const searching = async () => {
    const trigger = await reputation();
    await newCondition(person, trigger, { ...LOW, condition_type: 'field', field: 'tag1', operator: 'matches' });
    return trigger;
  };

  it.each([
    [counting, { memories: 0 }, 'The conditions would remember more than 0 groups apart'],
    [counting, { items: 1 }, 'The conditions would remember more than a back-test can hold'],
    [counting, { work: 10 }, 'The conditions would take longer than a back-test may'],
    [searching, { work: 100 }, 'The conditions would take longer than a back-test may'],
  ])('is refused, or its stream stops with the reason: %o within %j.', async (make, less, reason) => {
    const trigger = await make();
    const bounds = { ...BOUNDS, ...less };
    const message = `${reason}; take a shorter range, or narrow the trigger`;
    const range = { from_block: 0 };
    await expect(backtest(ctx(), trigger, range, bounds)).rejects.toMatchObject({ code: 'bad_request', message });
    const messages = await allOf(await backtestMessages(ctx(), trigger, range, bounds));
    expect(messages.at(-1)).toEqual({ type: 'stopped', reason: message });
    expect(messages.filter(({ type }) => type === 'result')).toEqual([]);
    await expect(backtest(ctx(), trigger, range, BOUNDS)).resolves.toMatchObject({ data: { events: 8 } });
  });

  it('is refused as a stream too, before it begins, when the range holds too many events.', async () => {
    const trigger = await counting();
    const few = backtestMessages(ctx(), trigger, { from_block: 0 }, { ...BOUNDS, events: 7 });
    await expect(few).rejects.toMatchObject({
      code: 'validation_failed',
      details: [{ path: 'from', message: 'the range holds more than 7 events; take a shorter one' }],
    });
    const enough = await backtestMessages(ctx(), trigger, { from_block: 0 }, { ...BOUNDS, events: 8 });
    expect((await allOf(enough)).at(-1)).toMatchObject({ type: 'result', events: 8 });
  });
});
