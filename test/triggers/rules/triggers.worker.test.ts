import { describe, expect, it } from 'vitest';
import { call, expectOk, MINTED, newAction, newCondition, newTrigger, type Person, signUp } from '../../support/api.ts';
import { rowCounts } from '../../support/database.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const REST = { method: 'POST', url: 'https://example.com/hook' };

const get = (person: Person, path: string) => call('GET', path, { token: person.token });
const put = (person: Person, path: string, body: unknown) => call('PUT', path, { token: person.token, body });
const post = (person: Person, path: string, body: unknown) => call('POST', path, { token: person.token, body });
const remove = (person: Person, path: string) => call('DELETE', path, { token: person.token });

async function newOrganization(person: Person): Promise<string> {
  const body = { name: 'Company', slug: `c-${crypto.randomUUID().slice(0, 8)}` };
  const made = await expectOk<{ data: { id: string } }>(201, post(person, '/api/v1/organizations', body));
  return made.data.id;
}

describe('POST /api/v1/triggers', () => {
  it('answers as the document shows', async () => {
    const person = await signUp();
    const organization_id = await newOrganization(person);
    const body = {
      name: 'High Value Identity Mints',
      description: 'Alert when identity NFTs are minted',
      organization_id,
      chain_id: 1,
      registry: 'identity',
      enabled: true,
      is_stateful: false,
    };
    const answer = await post(person, '/api/v1/triggers', body);
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      data: {
        ...body,
        id: expect.stringMatching(UUID),
        user_id: person.id,
        match_all: false,
        confirmations: null,
        created_at: expect.stringMatching(TIMESTAMP),
        updated_at: expect.stringMatching(TIMESTAMP),
      },
    });
  });

  it('goes to the personal organization when none is named, enabled and for every chain if that is said', async () => {
    const person = await signUp();
    const answer = await post(person, '/api/v1/triggers', { name: 'T', chain_id: null, registry: 'reputation' });
    expect(answer.body).toMatchObject({
      data: { organization_id: person.personalOrganizationId, chain_id: null, enabled: true, description: null },
    });
  });

  it('refuses a chain that is not in the table, and says which are', async () => {
    const person = await signUp();
    const answer = await post(person, '/api/v1/triggers', { name: 'T', chain_id: 5, registry: 'identity' });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      details: [{ path: 'chain_id', message: expect.stringContaining('11155111 (Ethereum Sepolia)') }],
    });
  });

  it('answers 404 for an organization that one is not in, the same as for none', async () => {
    const [person, other] = [await signUp(), await signUp()];
    for (const organization_id of [other.personalOrganizationId, crypto.randomUUID()]) {
      const answer = await post(person, '/api/v1/triggers', {
        name: 'T',
        chain_id: 1,
        registry: 'identity',
        organization_id,
      });
      expect(answer).toMatchObject({ status: 404, body: { error: 'not_found', message: 'Organization not found' } });
    }
  });
});

describe('GET /api/v1/triggers', () => {
  it('pages through the triggers of all one’s organizations, newest first', async () => {
    const person = await signUp();
    const organization_id = await newOrganization(person);
    const ids = [];
    for (let n = 0; n < 5; n += 1) ids.unshift(await newTrigger(person, n % 2 ? { organization_id } : {}));
    const first = await get(person, '/api/v1/triggers?limit=2');
    expect(first.body).toMatchObject({
      data: [{ id: ids[0] }, { id: ids[1] }],
      pagination: { total: 5, limit: 2, offset: 0, has_more: true },
    });
    const last = await get(person, '/api/v1/triggers?limit=2&offset=4');
    expect(last.body).toMatchObject({
      data: [{ id: ids[4] }],
      pagination: { total: 5, limit: 2, offset: 4, has_more: false },
    });
    const one = await get(person, `/api/v1/triggers?organization_id=${organization_id}`);
    expect(one.body).toMatchObject({ data: [{ id: ids[1] }, { id: ids[3] }], pagination: { total: 2 } });
  });

  it('shows nothing of others, and finds no organization of theirs when it is named', async () => {
    const [person, other] = [await signUp(), await signUp()];
    await newTrigger(other);
    expect((await get(person, '/api/v1/triggers')).body).toMatchObject({ data: [], pagination: { total: 0 } });
    for (const id of [other.personalOrganizationId, crypto.randomUUID()]) {
      const answer = await get(person, `/api/v1/triggers?organization_id=${id}`);
      expect(answer).toMatchObject({ status: 404, body: { message: 'Organization not found' } });
    }
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'limit=', 'limit=1.5', 'offset=-1', 'offset=x', 'limit=1&limit=2'])(
    'refuses %s',
    async (query) => {
      const person = await signUp();
      const answer = await get(person, `/api/v1/triggers?${query}`);
      expect(answer).toMatchObject({ status: 400, body: { details: [{ path: query.split('=')[0] }] } });
    },
  );

  it('ignores query parameters that it does not know', async () => {
    const person = await signUp();
    expect((await get(person, '/api/v1/triggers?utm_source=x')).status).toBe(200);
  });
});

describe('a trigger', () => {
  it('is shown with its conditions, and its actions by priority and then id', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const condition = await newCondition(person, id, { config: { case_sensitive: false } });
    const late = await newAction(person, id, REST, { priority: 5 });
    const early = await newAction(person, id, REST, { priority: -1 });
    const middle = await newAction(person, id, REST, { priority: 5 });
    const answer = await get(person, `/api/v1/triggers/${id}`);
    expect(answer.body).toMatchObject({
      data: {
        id,
        conditions: [{ id: condition, trigger_id: id, ...MINTED, config: { case_sensitive: false } }],
        actions: [
          { id: early.id, priority: -1, trigger_id: id, action_type: 'rest', config: REST },
          { id: late.id, priority: 5 },
          { id: middle.id, priority: 5 },
        ],
      },
    });
  });

  it('changes only in the fields that are sent', async () => {
    const person = await signUp();
    const id = await newTrigger(person, { description: 'before' });
    const answer = await put(person, `/api/v1/triggers/${id}`, { name: 'Updated Trigger Name', enabled: false });
    expect(answer).toMatchObject({
      status: 200,
      body: { data: { id, name: 'Updated Trigger Name', enabled: false, description: 'before', registry: 'identity' } },
    });
    expect((await put(person, `/api/v1/triggers/${id}`, { description: null })).body).toMatchObject({
      data: { description: null },
    });
  });

  it('keeps every one of many changes to different fields at once', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const path = `/api/v1/triggers/${id}`;
    const patches = [
      { name: 'New' },
      { description: 'd' },
      { enabled: false },
      { chain_id: null },
      { match_all: true },
    ];
    const answers = await Promise.all(patches.map((patch) => put(person, path, patch)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await get(person, path)).body).toMatchObject({ data: Object.assign({}, ...patches) });
  });

  it('does not move to a registry in which its conditions mean nothing', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    await newCondition(person, id);
    const answer = await put(person, `/api/v1/triggers/${id}`, { registry: 'reputation' });
    expect(answer).toMatchObject({ status: 400, body: { details: [{ path: 'registry' }] } });
    expect((await get(person, `/api/v1/triggers/${id}`)).body).toMatchObject({ data: { registry: 'identity' } });
  });

  it('goes with its conditions and actions when it is deleted', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const before = await rowCounts();
    const condition = await newCondition(person, id);
    const action = await newAction(person, id, REST);
    const answer = await remove(person, `/api/v1/triggers/${id}`);
    expect(answer).toMatchObject({ status: 204, body: undefined });
    const after = await rowCounts();
    expect(after['triggers']).toBe((before['triggers'] ?? 0) - 1);
    expect(after['trigger_conditions']).toBe(before['trigger_conditions']);
    expect(after['trigger_actions']).toBe(before['trigger_actions']);
    for (const path of ['', `/conditions/${condition}`, `/actions/${action.id}`]) {
      expect((await remove(person, `/api/v1/triggers/${id}${path}`)).status).toBe(404);
    }
  });

  it('is deleted once of many times at once', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const answers = await Promise.all([1, 2, 3, 4].map(() => remove(person, `/api/v1/triggers/${id}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404, 404, 404]);
  });
});

describe('conditions', () => {
  it('are made, listed, changed and deleted as the document shows', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const path = `/api/v1/triggers/${id}/conditions`;
    const made = await post(person, path, { ...MINTED, config: { case_sensitive: false } });
    expect(made.status).toBe(201);
    const condition = {
      id: expect.any(Number),
      trigger_id: id,
      ...MINTED,
      config: { case_sensitive: false },
      created_at: expect.stringMatching(TIMESTAMP),
    };
    expect(made.body).toEqual({ data: condition });
    expect((await get(person, path)).body).toEqual({ data: [condition] });
    const { id: number } = (made.body as { data: { id: number } }).data;
    const changed = await put(person, `${path}/${number}`, { value: 'AgentBurned', config: { case_sensitive: true } });
    expect(changed).toMatchObject({
      status: 200,
      body: { data: { ...MINTED, id: number, value: 'AgentBurned', config: { case_sensitive: true } } },
    });
    expect((await remove(person, `${path}/${number}`)).status).toBe(204);
    expect((await get(person, path)).body).toEqual({ data: [] });
    expect((await remove(person, `${path}/${number}`)).status).toBe(404);
  });

  it('have a null config when none is sent', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const made = await post(person, `/api/v1/triggers/${id}/conditions`, MINTED);
    expect(made.body).toMatchObject({ data: { config: null } });
  });

  it.each<[object, string, string]>([
    [{ field: 'nonsense' }, 'field', 'not a field of an event'],
    [{ operator: 'resembles' }, 'operator', 'must be one of'],
    [{ value: 'AgentEaten' }, 'value', 'Registered'],
    [{ value: 'NewFeedback' }, 'value', 'Registered'],
    [{ field: 'score', operator: '<', value: 'four' }, 'value', ''],
    [{ field: 'owner', value: '0x12' }, 'value', ''],
    [{ condition_type: 'telepathy' }, 'condition_type', 'must be one of'],
    [{ config: { sensitive: true } }, 'config.sensitive', ''],
  ])('are refused as %j with the reason', async (fields, path, reason) => {
    const person = await signUp();
    const id = await newTrigger(person);
    const answer = await post(person, `/api/v1/triggers/${id}/conditions`, { ...MINTED, ...fields });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      error: 'validation_failed',
      details: [{ path, message: expect.stringContaining(reason) }],
    });
  });

  it('are refused when a change makes no sense together with what stays', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const condition = await newCondition(person, id);
    const answer = await put(person, `/api/v1/triggers/${id}/conditions/${condition}`, { operator: 'gt' });
    expect(answer).toMatchObject({ status: 400, body: { details: [{ path: 'operator' }] } });
  });

  it('are bounded in number, also when many come at once', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const path = `/api/v1/triggers/${id}/conditions`;
    for (let n = 0; n < 48; n += 1) await newCondition(person, id);
    const answers = await Promise.all([1, 2, 3, 4].map(() => post(person, path, MINTED)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 400, 400]);
    expect((await get(person, path)).body).toMatchObject({ data: { length: 50 } });
  });
});

describe('actions', () => {
  it('are made, listed, changed and deleted as the document shows', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const path = `/api/v1/triggers/${id}/actions`;
    const config = { chat_id: '123456789', message_template: 'New agent minted: {{agent_id}}' };
    const made = await post(person, path, { action_type: 'telegram', config });
    expect(made.status).toBe(201);
    const action = {
      id: expect.any(Number),
      trigger_id: id,
      action_type: 'telegram',
      priority: 0,
      config,
      created_at: expect.stringMatching(TIMESTAMP),
    };
    expect(made.body).toEqual({ data: action });
    const circuit = { state: 'closed', failures: 0, opened_at: null, retry_at: null, reason: null };
    expect((await get(person, path)).body).toEqual({ data: [{ ...action, circuit }] });
    const { id: number } = (made.body as { data: { id: number } }).data;
    const next = { chat_id: '987654321', message_template: 'Agent minted: {{agent_id}} on chain {{chain_id}}' };
    const changed = await put(person, `${path}/${number}`, { priority: 1, config: next });
    expect(changed).toMatchObject({ status: 200, body: { data: { id: number, priority: 1, config: next } } });
    expect((await remove(person, `${path}/${number}`)).status).toBe(204);
    expect((await remove(person, `${path}/${number}`)).status).toBe(404);
  });

  it('tell the signing secret of a REST action once', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const made = await newAction(person, id, REST);
    expect(made.signing_secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const listed = await get(person, `/api/v1/triggers/${id}/actions`);
    expect(JSON.stringify(listed.body)).not.toContain('whsec_');
  });

  it('tell the signing secret of an action that becomes a REST action', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const telegram = { chat_id: '1', message_template: 'hello' };
    const made = await newAction(person, id, telegram, { action_type: 'telegram' });
    const path = `/api/v1/triggers/${id}/actions/${made.id}`;
    const changed = await put(person, path, { action_type: 'rest', config: REST });
    expect(changed.body).toMatchObject({
      data: { action_type: 'rest', signing_secret: expect.stringMatching(/^whsec_/) },
    });
    expect(JSON.stringify(await put(person, path, { action_type: 'rest', config: REST }))).not.toContain('whsec_');
  });

  it('show secrets as a mask, and keep them when the mask comes back', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const config = { ...REST, headers: { Authorization: 'Bearer s3cret-token' } };
    const made = await newAction(person, id, config);
    const path = `/api/v1/triggers/${id}/actions/${made.id}`;
    const masked = { ...REST, headers: { Authorization: '********' } };
    const shown = await get(person, `/api/v1/triggers/${id}`);
    expect(shown.body).toMatchObject({ data: { actions: [{ config: masked }] } });
    expect(JSON.stringify(shown.body)).not.toContain('s3cret');
    expect(await put(person, path, { config: masked })).toMatchObject({
      status: 200,
      body: { data: { config: masked } },
    });
    const elsewhere = await put(person, path, { config: { ...masked, url: 'https://elsewhere.example/' } });
    expect(elsewhere).toMatchObject({ status: 400, body: { details: [{ path: 'config.headers.Authorization' }] } });
  });

  it.each([
    'http://169.254.169.254/',
    'http://2852039166/',
    'http://0xa.1/',
    'http://[::ffff:10.0.0.1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://10.0.0.1/',
    'https://user:password@example.com/',
    'http://example.com/',
    'https://weir.test/api/v1/health',
    'ftp://example.com/',
    'not an address',
  ])('to %s are refused when they are written', async (url) => {
    const person = await signUp();
    const id = await newTrigger(person);
    const path = `/api/v1/triggers/${id}/actions`;
    const answer = await post(person, path, { action_type: 'rest', config: { ...REST, url } });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'validation_failed', details: [{ path: 'config.url' }] },
    });
    const { id: good } = await newAction(person, id, REST);
    expect((await put(person, `${path}/${good}`, { config: { ...REST, url } })).status).toBe(400);
  });
});

describe('the config of a condition or an action', () => {
  const nested = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;

  it.each([17, 5_000, 50_000, 150_000])('is refused with %d levels, as objects and as lists', async (levels) => {
    const person = await signUp();
    const id = await newTrigger(person);
    const lists = `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    for (const config of [nested(levels), lists]) {
      const action = `{"action_type":"rest","config":${config}}`;
      const condition = `${JSON.stringify(MINTED).slice(0, -1)},"config":${config}}`;
      for (const [path, body] of [
        ['actions', action],
        ['conditions', condition],
      ] as const) {
        const answer = await post(person, `/api/v1/triggers/${id}/${path}`, body);
        expect(answer).toMatchObject({
          status: 400,
          body: { details: [{ path: 'config', message: 'must nest at most 16 levels' }] },
        });
      }
    }
  });

  it('is bounded by its size in UTF-8, not in characters', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const path = `/api/v1/triggers/${id}/actions`;
    const config = { ...REST, body: '漢'.repeat(22_000) };
    expect(await post(person, path, { action_type: 'rest', config })).toMatchObject({
      status: 400,
      body: { details: [{ path: 'config', message: 'must be at most 64 KiB as JSON' }] },
    });
  });
});

describe('what belongs to another organization', () => {
  it('answers 404 on every path, the same as what does not exist', async () => {
    const [owner, stranger] = [await signUp(), await signUp()];
    const id = await newTrigger(owner);
    const condition = await newCondition(owner, id);
    const action = await newAction(owner, id, REST);
    const before = await rowCounts();
    const at = (trigger: string) =>
      [
        ['GET', `/api/v1/triggers/${trigger}`],
        ['PUT', `/api/v1/triggers/${trigger}`, { name: 'mine now' }],
        ['DELETE', `/api/v1/triggers/${trigger}`],
        ['GET', `/api/v1/triggers/${trigger}/deliveries`],
        ['GET', `/api/v1/triggers/${trigger}/conditions`],
        ['POST', `/api/v1/triggers/${trigger}/conditions`, MINTED],
        ['PUT', `/api/v1/triggers/${trigger}/conditions/${condition}`, { value: 'Transfer' }],
        ['DELETE', `/api/v1/triggers/${trigger}/conditions/${condition}`],
        ['GET', `/api/v1/triggers/${trigger}/actions`],
        ['POST', `/api/v1/triggers/${trigger}/actions`, { action_type: 'rest', config: REST }],
        ['PUT', `/api/v1/triggers/${trigger}/actions/${action.id}`, { priority: 9 }],
        ['DELETE', `/api/v1/triggers/${trigger}/actions/${action.id}`],
      ] as const;
    const unknown = crypto.randomUUID();
    for (const [index, [method, path, body]] of at(id).entries()) {
      const theirs = await call(method, path, { token: stranger.token, body });
      const nobodys = await call(method, at(unknown)[index]?.[1] ?? '', { token: stranger.token, body });
      const strip = ({ request_id: _, ...rest }: Record<string, unknown>) => rest;
      expect({ method, path, status: theirs.status }).toEqual({ method, path, status: 404 });
      expect(strip(theirs.body as Record<string, unknown>)).toEqual(strip(nobodys.body as Record<string, unknown>));
    }
    const organization = await get(stranger, `/api/v1/organizations/${owner.personalOrganizationId}`);
    expect(organization).toMatchObject({
      status: 404,
      body: { error: 'not_found', message: 'Organization not found' },
    });
    expect(await rowCounts()).toEqual(before);
  });

  it('cannot be reached through a trigger of one’s own', async () => {
    const [owner, stranger] = [await signUp(), await signUp()];
    const theirs = await newTrigger(owner);
    const condition = await newCondition(owner, theirs);
    const action = await newAction(owner, theirs, REST);
    const mine = await newTrigger(stranger);
    for (const path of [`conditions/${condition}`, `actions/${action.id}`]) {
      expect((await remove(stranger, `/api/v1/triggers/${mine}/${path}`)).status).toBe(404);
    }
    expect((await get(owner, `/api/v1/triggers/${theirs}`)).body).toMatchObject({
      data: { conditions: [{ id: condition }], actions: [{ id: action.id }] },
    });
  });

  it.each(['not-a-uuid', '1', '..%2f', "' or 1=1"])('is not found under the id %s either', async (id) => {
    const person = await signUp();
    expect((await get(person, `/api/v1/triggers/${encodeURIComponent(id)}`)).status).toBe(404);
  });
});
