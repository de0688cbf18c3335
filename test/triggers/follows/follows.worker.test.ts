import { env } from 'cloudflare:workers';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { appDeps } from '../../../src/context.ts';
import { auditLogs } from '../../../src/telemetry/audit/table.ts';
import { openSigningSecret } from '../../../src/triggers/actions/secrets.ts';
import { agentFollows } from '../../../src/triggers/follows/table.ts';
import { triggerActions, triggers } from '../../../src/triggers/rules/table.ts';
import { call, expectOk, type Person, signUp } from '../../support/api.ts';
import { database, rowCounts } from '../../support/database.ts';
import { newReceiver } from '../../support/lab/client.ts';
import { CHAIN_ID, watchOwnChain } from '../../support/watched-chain.ts';

const { query } = database();

let chain: Awaited<ReturnType<typeof watchOwnChain>>;
let person: Person;
let agents = 5_000;
let agent: number;

beforeAll(async () => {
  chain = await watchOwnChain();
});

beforeEach(async () => {
  person = await signUp();
  agents += 1;
  agent = agents;
});

afterAll(() => chain.stop());

const REST = { action_type: 'rest', config: { method: 'POST', url: 'https://example.com/hook' } };

interface Follow {
  id: string;
  agent_id: number;
  chain_id: number;
  organization_id: string;
  enabled: boolean;
  trigger_ids: { identity: string | null; reputation: string | null; validation: string | null };
  actions?: { action_type: string; priority: number; signing_secret?: string }[];
}

const send = (method: string, path: string, body?: object, who = person) =>
  call(method, path, { token: who.token, ...(body && { body }) });

const pathOf = (id: number | string = agent, rest = '') => `/api/v1/agents/${id}/follow${rest}`;

const ask = (fields: object = {}) => send('POST', pathOf(), { chain_id: CHAIN_ID, actions: [REST], ...fields });

const follow = async (fields: object = {}) => (await expectOk<{ data: Follow }>(201, ask(fields))).data;

const list = async (suffix = '') =>
  (await expectOk<{ data: Follow[] }>(200, send('GET', `/api/v1/agents/following${suffix}`))).data;

const idsOf = ({ trigger_ids }: Follow) => Object.values(trigger_ids).filter((id) => id !== null);

const triggersOf = (made: Follow) =>
  query
    .select()
    .from(triggers)
    .where(inArray(triggers.id, idsOf(made)))
    .orderBy(triggers.registry);

/** What each trigger's actions sign with, as a receiver has to know it. */
async function secretsOf(made: Follow) {
  const { keyRing } = appDeps(env);
  const rows = await query
    .select()
    .from(triggerActions)
    .where(inArray(triggerActions.triggerId, idsOf(made)))
    .orderBy(triggerActions.priority);
  return Promise.all(rows.map((row) => openSigningSecret(keyRing, row.triggerId, row.sealedSigningSecret)));
}

const actionsOf = (triggerId: string | null) =>
  query
    .select({ id: triggerActions.id, priority: triggerActions.priority, config: triggerActions.config })
    .from(triggerActions)
    .where(eq(triggerActions.triggerId, triggerId ?? ''))
    .orderBy(triggerActions.priority, triggerActions.id);

describe('POST /api/v1/agents/{agent_id}/follow', () => {
  it('makes a trigger for each registry, with one signing secret that is told this once', async () => {
    const made = await follow({ actions: [{ ...REST, priority: 2 }] });
    expect(made).toEqual({
      id: expect.any(String),
      agent_id: agent,
      chain_id: CHAIN_ID,
      organization_id: person.personalOrganizationId,
      enabled: true,
      trigger_ids: { identity: expect.any(String), reputation: expect.any(String), validation: expect.any(String) },
      actions: [{ action_type: 'rest', priority: 2, signing_secret: expect.stringMatching(/^whsec_/) }],
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    for (const [registry, id] of Object.entries(made.trigger_ids)) {
      expect((await send('GET', `/api/v1/triggers/${id}`)).body).toMatchObject({
        data: {
          name: `Agent ${agent}: ${registry}`,
          registry,
          chain_id: CHAIN_ID,
          enabled: true,
          conditions: [{ condition_type: 'agent_id_equals', operator: 'equals', value: String(agent) }],
          actions: [{ action_type: 'rest', priority: 2, config: REST.config }],
        },
      });
    }
  });

  it('has an event of the agent sent to the receiver, and of no other', async () => {
    const receiver = await newReceiver();
    const actions = [{ action_type: 'rest', config: { method: 'POST', url: receiver.url } }];
    const made = await follow({ actions });
    await chain.mint(BigInt(agent) + 100_000n);
    await chain.mint(BigInt(agent));
    await chain.read();
    const path = `/api/v1/deliveries?organization_id=${made.organization_id}`;
    await vi.waitFor(
      async () => {
        const { body } = await send('GET', path);
        const sent = {
          trigger_id: made.trigger_ids.identity,
          status: 'delivered',
          event: { event_type: 'Registered' },
        };
        expect(body).toMatchObject({ data: [sent], pagination: { total: 1 } });
      },
      { timeout: 15_000, interval: 100 },
    );
    expect(JSON.parse((await receiver.received())[0]?.body ?? '')).toMatchObject({ agent_id: agent });
  });

  it('takes some of the registries only', async () => {
    const made = await follow({ registries: ['reputation', 'reputation'] });
    expect(made.trigger_ids).toEqual({ identity: null, reputation: expect.any(String), validation: null });
  });

  it('follows an agent once for each organization and chain: of several at once one wins', async () => {
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    const refused = answers.find(({ status }) => status === 409);
    expect(refused?.body).toMatchObject({ message: 'The organization follows this agent already' });
    const made = await query.$count(triggers, eq(triggers.organizationId, person.personalOrganizationId));
    expect(made).toBe(3);
    expect((await ask({ chain_id: 1 })).status).toBe(201);
  });

  it('writes nothing when an action is at fault, and names it', async () => {
    const before = await rowCounts();
    const answer = await ask({ actions: [REST, { ...REST, config: { method: 'POST', url: 'ftp://x' } }] });
    expect(answer).toMatchObject({ status: 400, body: { details: [{ path: 'actions.1.config.url' }] } });
    expect(await rowCounts()).toEqual(before);
  });

  it.each([
    [{ chain_id: 5 }, 'chain_id'],
    [{ actions: [] }, 'actions'],
    [{ actions: [{ ...REST, extra: 1 }] }, 'actions.0.extra'],
    [{ registries: ['other'] }, 'registries.0'],
  ])('refuses %j', async (fields, path) => {
    expect(await ask(fields)).toMatchObject({ status: 400, body: { details: [{ path }] } });
  });

  it('refuses what is no agent id as unknown', async () => {
    for (const id of ['x', '-1', String(2n ** 256n)]) {
      expect((await send('POST', pathOf(id), { chain_id: 1, actions: [REST] })).status).toBe(404);
    }
  });
});

describe('GET /api/v1/agents/following', () => {
  it('lists what one’s organizations follow, newest first, and nothing of others', async () => {
    const first = await follow();
    agent += 500;
    const second = await follow({ registries: ['identity'] });
    const listed = await list();
    expect(listed.map(({ id }) => id)).toEqual([second.id, first.id]);
    expect(listed[1]?.trigger_ids).toEqual(first.trigger_ids);
    expect(await list(`?organization_id=${person.personalOrganizationId}&limit=1&offset=1`)).toMatchObject([
      { id: first.id },
    ]);
    const other = await signUp();
    expect((await send('GET', '/api/v1/agents/following', undefined, other)).body).toMatchObject({ data: [] });
    const named = `/api/v1/agents/following?organization_id=${person.personalOrganizationId}`;
    expect((await send('GET', named, undefined, other)).status).toBe(404);
  });
});

describe('PUT /api/v1/agents/{agent_id}/follow', () => {
  it('switches all of the triggers off and on', async () => {
    const made = await follow();
    for (const enabled of [false, true]) {
      expect((await send('PUT', pathOf(), { enabled })).body).toMatchObject({ data: { id: made.id, enabled } });
      expect((await triggersOf(made)).map((row) => row.enabled)).toEqual([enabled, enabled, enabled]);
    }
  });

  it('changes the actions at their places, and keeps their ids and secrets', async () => {
    const secret = { ...REST.config, headers: { 'X-Token': 'a secret' } };
    const made = await follow({
      actions: [
        { ...REST, priority: 5 },
        { ...REST, config: secret, priority: 1 },
      ],
    });
    const before = await actionsOf(made.trigger_ids.identity);
    const kept = { ...secret, headers: { 'X-Token': '********' }, timeout_ms: 2_000 };
    const { data } = await expectOk<{ data: Follow }>(
      200,
      send('PUT', pathOf(), { actions: [{ ...REST, config: kept, priority: 1 }] }),
    );
    expect(data.actions).toEqual([{ action_type: 'rest', priority: 1 }]);
    for (const id of idsOf(made)) {
      expect(await actionsOf(id)).toMatchObject([{ priority: 1, config: { timeout_ms: 2_000 } }]);
    }
    expect((await actionsOf(made.trigger_ids.identity)).map(({ id }) => id)).toEqual([before[0]?.id]);
    const grown = await expectOk<{ data: Follow }>(
      200,
      send('PUT', pathOf(), {
        actions: [
          { ...REST, config: kept, priority: 1 },
          { ...REST, priority: 9 },
        ],
      }),
    );
    expect(grown.data.actions).toEqual([
      { action_type: 'rest', priority: 1 },
      { action_type: 'rest', priority: 9, signing_secret: expect.stringMatching(/^whsec_/) },
    ]);
  });

  it('has all of the triggers sign with the secret that it shows, also where only one had lost its action', async () => {
    const made = await follow({
      actions: [
        { ...REST, priority: 1 },
        { ...REST, priority: 2 },
      ],
    });
    const [first] = made.actions ?? [];
    const [, lost] = await actionsOf(made.trigger_ids.reputation);
    await expectOk(204, send('DELETE', `/api/v1/triggers/${made.trigger_ids.reputation}/actions/${lost?.id}`));
    const { data } = await expectOk<{ data: Follow }>(
      200,
      send('PUT', pathOf(), {
        actions: [
          { ...REST, priority: 1 },
          { ...REST, priority: 2 },
        ],
      }),
    );
    expect(data.actions).toEqual([
      { action_type: 'rest', priority: 1 },
      { action_type: 'rest', priority: 2, signing_secret: expect.stringMatching(/^whsec_/) },
    ]);
    const [kept, shown] = [first?.signing_secret, data.actions?.[1]?.signing_secret];
    expect(await secretsOf(made)).toEqual([kept, kept, kept, shown, shown, shown]);
  });

  it('shows one secret for all where an action becomes a rest action in one of the triggers only', async () => {
    const made = await follow();
    const [action] = await actionsOf(made.trigger_ids.validation);
    const path = `/api/v1/triggers/${made.trigger_ids.validation}/actions/${action?.id}`;
    const mcp = { server_url: 'https://example.com/mcp', tool_name: 'notify', arguments: {} };
    await expectOk(200, send('PUT', path, { action_type: 'mcp', config: mcp }));
    const { data } = await expectOk<{ data: Follow }>(200, send('PUT', pathOf(), { actions: [REST] }));
    const shown = data.actions?.[0]?.signing_secret;
    expect(shown).toMatch(/^whsec_/);
    expect(await secretsOf(made)).toEqual([shown, shown, shown]);
  });

  it('changes nothing at all when one of the actions is at fault', async () => {
    const made = await follow();
    const answer = await send('PUT', pathOf(), {
      enabled: false,
      actions: [REST, { ...REST, config: { method: 'POST', url: 'nowhere' } }],
    });
    expect(answer).toMatchObject({ status: 400, body: { details: [{ path: 'actions.1.config.url' }] } });
    expect((await triggersOf(made)).map(({ enabled, version }) => [enabled, version > 0])).toEqual([
      [true, true],
      [true, true],
      [true, true],
    ]);
    expect(await list()).toMatchObject([{ enabled: true }]);
  });

  it('asks for the chain where the agent is followed on several', async () => {
    await follow();
    await follow({ chain_id: 1 });
    expect(await send('PUT', pathOf(), { enabled: false })).toMatchObject({
      status: 400,
      body: { details: [{ path: 'chain_id', message: `must be one of 1, ${CHAIN_ID}` }] },
    });
    expect(await send('PUT', pathOf(agent, '?chain_id=1'), { enabled: false })).toMatchObject({
      body: { data: { chain_id: 1, enabled: false } },
    });
  });

  it('and changes to the triggers themselves, all at once, neither fail nor block each other', async () => {
    const made = await follow();
    const own = idsOf(made).flatMap((id) => [
      send('PUT', `/api/v1/triggers/${id}`, { name: 'Renamed' }),
      send('POST', `/api/v1/triggers/${id}/actions`, REST),
    ]);
    const answers = await Promise.all([
      send('PUT', pathOf(), { enabled: false, actions: [REST] }),
      ...own,
      send('PUT', pathOf(), { enabled: true, actions: [REST, REST] }),
    ]);
    expect(answers.map(({ status }) => status).filter((status) => status >= 300)).toEqual([]);
  });
});

describe('DELETE /api/v1/agents/{agent_id}/follow', () => {
  it('removes the triggers, and the agent can be followed again', async () => {
    const made = await follow();
    expect((await send('DELETE', pathOf())).status).toBe(204);
    expect([await triggersOf(made), await list()]).toEqual([[], []]);
    expect(await send('DELETE', pathOf())).toMatchObject({
      status: 404,
      body: { message: 'Followed agent not found' },
    });
    expect((await send('GET', pathOf())).status).toBe(404);
    await follow();
  });

  it('leaves a row of the trail for the follow and for each trigger', async () => {
    const made = await follow();
    await send('DELETE', pathOf());
    const rows = await query
      .select({ action: auditLogs.action, n: sql<number>`count(*)::int` })
      .from(auditLogs)
      .where(
        and(
          eq(auditLogs.organizationId, made.organization_id),
          inArray(auditLogs.action, ['follow.create', 'follow.delete', 'trigger.create', 'trigger.delete']),
        ),
      )
      .groupBy(auditLogs.action);
    expect(Object.fromEntries(rows.map(({ action, n }) => [action, n]))).toEqual({
      'follow.create': 1,
      'follow.delete': 1,
      'trigger.create': 3,
      'trigger.delete': 3,
    });
  });
});

describe('a trigger of a follow that is deleted by itself', () => {
  const remove = (id: string | null) => send('DELETE', `/api/v1/triggers/${id}`);

  it('leaves the follow to the others, and takes it along when it is the last', async () => {
    const made = await follow();
    await remove(made.trigger_ids.identity);
    await remove(made.trigger_ids.validation);
    expect((await send('GET', pathOf())).body).toMatchObject({
      data: { trigger_ids: { identity: null, reputation: made.trigger_ids.reputation, validation: null } },
    });
    await remove(made.trigger_ids.reputation);
    expect((await send('GET', pathOf())).status).toBe(404);
    await follow();
  });

  it('takes it along also when the last ones go at the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      const made = await follow();
      const answers = await Promise.all(idsOf(made).map(remove));
      expect(answers.map(({ status }) => status)).toEqual([204, 204, 204]);
      expect(await query.$count(agentFollows, eq(agentFollows.id, made.id))).toBe(0);
    }
  });

  it('and the follow itself, at the same moment, go both', async () => {
    for (let round = 0; round < 5; round += 1) {
      const made = await follow();
      const [whole, one] = await Promise.all([send('DELETE', pathOf()), remove(made.trigger_ids.validation)]);
      expect(whole.status).toBe(204);
      expect([204, 404]).toContain(one.status);
      expect(await triggersOf(made)).toEqual([]);
    }
  });
});
