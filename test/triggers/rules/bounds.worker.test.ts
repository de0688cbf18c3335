import { describe, expect, it } from 'vitest';
import { newUuid } from '../../../src/kernel/id.ts';
import { triggers } from '../../../src/triggers/rules/table.ts';
import { call, MINTED, newCondition, newTrigger, type Person, signUp } from '../../support/api.ts';
import { database } from '../../support/database.ts';

const post = (person: Person, path: string, body: unknown) => call('POST', path, { token: person.token, body });
const put = (person: Person, path: string, body: unknown) => call('PUT', path, { token: person.token, body });

const OWNED = { condition_type: 'field', field: 'owner', operator: 'exists', value: 'x' };
const ABOUT = { condition_type: 'field', field: 'agent_id', operator: 'equals', value: '7' };
const SEARCH = { condition_type: 'field', field: 'agent_uri', operator: 'matches', value: '^ipfs://' };
const BROAD = { name: 'T', chain_id: 31337, registry: 'identity', match_all: true };

const TOO_BROAD = {
  status: 400,
  body: {
    error: 'bad_request',
    message: expect.stringMatching(
      /^An organization can have at most 20 enabled triggers on a chain that have to look at every event of their registry\. Add a condition/,
    ),
  },
};

const path = (triggerId: string, rest = '') => `/api/v1/triggers/${triggerId}${rest}`;
const conditions = (triggerId: string) => path(triggerId, '/conditions');

/** Triggers that were there before, in as many statements as one. */
async function fill(person: Person, count: number, columns: Partial<typeof triggers.$inferInsert>): Promise<string[]> {
  const now = new Date();
  const rows = Array.from({ length: count }, () => ({
    ...{ id: newUuid(), organizationId: person.personalOrganizationId, userId: person.id, name: 'T', chainId: 31337 },
    ...{ registry: 'identity' as const, enabled: true, isStateful: false, createdAt: now, updatedAt: now },
    ...columns,
  }));
  await database().query.insert(triggers).values(rows);
  return rows.map(({ id }) => id);
}

describe('triggers that every event has to be shown to', () => {
  it('are bounded for an organization and a chain, also when many come at once.', async () => {
    const person = await signUp();
    await fill(person, 18, { matchAll: true, broad: true });
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => post(person, '/api/v1/triggers', BROAD)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 400, 400, 400]);
    expect(answers.find(({ status }) => status === 400)).toMatchObject(TOO_BROAD);
    expect((await post(person, '/api/v1/triggers', { ...BROAD, chain_id: 84532 })).status).toBe(201);
    expect(await post(person, '/api/v1/triggers', { ...BROAD, chain_id: null })).toMatchObject(TOO_BROAD);
    expect((await post(person, '/api/v1/triggers', { ...BROAD, enabled: false })).status).toBe(201);
    expect((await post(await signUp(), '/api/v1/triggers', BROAD)).status).toBe(201);
  });

  it('count on every chain where they are about all of them.', async () => {
    const person = await signUp();
    await fill(person, 12, { matchAll: true, broad: true, chainId: null });
    await fill(person, 7, { matchAll: true, broad: true, chainId: 84532 });
    await fill(person, 5, { matchAll: true, broad: true, chainId: 31337 });
    expect((await post(person, '/api/v1/triggers', { ...BROAD, chain_id: null })).status).toBe(201);
    expect(await post(person, '/api/v1/triggers', { ...BROAD, chain_id: null })).toMatchObject(TOO_BROAD);
    expect(await post(person, '/api/v1/triggers', { ...BROAD, chain_id: 84532 })).toMatchObject(TOO_BROAD);
    expect((await post(person, '/api/v1/triggers', BROAD)).status).toBe(201);
  });

  it('are those whose conditions name no value and no bound, as they are now.', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    await fill(person, 20, { matchAll: true, broad: true });
    expect(await post(person, conditions(id), OWNED)).toMatchObject(TOO_BROAD);
    expect(await post(person, conditions(id), { ...ABOUT, operator: 'not_equals' })).toMatchObject(TOO_BROAD);
    const none = { ...ABOUT, condition_type: 'none', config: { conditions: [ABOUT] } };
    expect(await post(person, conditions(id), none)).toMatchObject(TOO_BROAD);
    const about = await newCondition(person, id, ABOUT);
    const owned = await newCondition(person, id, OWNED);
    expect(await call('DELETE', path(id, `/conditions/${about}`), { token: person.token })).toMatchObject(TOO_BROAD);
    expect(await put(person, path(id, `/conditions/${about}`), { operator: 'not_in' })).toMatchObject(TOO_BROAD);
    expect((await put(person, path(id, `/conditions/${about}`), { operator: 'gte' })).status).toBe(200);
    expect((await call('DELETE', path(id, `/conditions/${owned}`), { token: person.token })).status).toBe(204);
    expect((await call('DELETE', path(id, `/conditions/${about}`), { token: person.token })).status).toBe(204);
  });

  it('can be kept and changed where there are more than may be made, but not enabled or moved.', async () => {
    const person = await signUp();
    const [enabled = ''] = await fill(person, 25, { matchAll: true, broad: true });
    const [disabled = ''] = await fill(person, 1, { matchAll: true, broad: true, enabled: false });
    const [elsewhere = ''] = await fill(person, 1, { matchAll: true, broad: true, chainId: 84532 });
    expect((await put(person, path(enabled), { name: 'Another' })).status).toBe(200);
    expect(await put(person, path(disabled), { enabled: true })).toMatchObject(TOO_BROAD);
    expect(await put(person, path(elsewhere), { chain_id: 31337 })).toMatchObject(TOO_BROAD);
    expect((await put(person, path(enabled), { enabled: false })).status).toBe(200);
  });

  it('cannot come to be by many changes at once.', async () => {
    const person = await signUp();
    await fill(person, 19, { matchAll: true, broad: true });
    const ids = await fill(person, 4, { broad: false });
    const answers = await Promise.all(ids.map((id) => post(person, conditions(id), OWNED)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400, 400]);
    const toggled = await fill(person, 1, { matchAll: true, broad: true, enabled: false });
    expect(await put(person, path(toggled[0] ?? ''), { enabled: true })).toMatchObject(TOO_BROAD);
  });
});

describe('an organization', () => {
  it('has at most a thousand triggers, also when many come at once.', async () => {
    const person = await signUp();
    const [first = ''] = await fill(person, 998, { enabled: false });
    const body = { ...BROAD, match_all: false };
    const answers = await Promise.all([1, 2, 3, 4].map(() => post(person, '/api/v1/triggers', body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 400, 400]);
    expect(answers.find(({ status }) => status === 400)).toMatchObject({
      body: { error: 'bad_request', message: 'An organization can have at most 1000 triggers; delete some first' },
    });
    expect((await call('DELETE', path(first), { token: person.token })).status).toBe(204);
    expect((await post(person, '/api/v1/triggers', body)).status).toBe(201);
  });

  it('has at most fifty regular expressions in enabled triggers, also when many come at once.', async () => {
    const person = await signUp();
    await fill(person, 12, { patterns: 4 });
    const ids = await fill(person, 4, {});
    for (const id of ids) await newCondition(person, id, ABOUT);
    const answers = await Promise.all(ids.map((id) => post(person, conditions(id), SEARCH)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 400, 400]);
    expect(answers.find(({ status }) => status === 400)).toMatchObject({
      body: {
        message: 'The enabled triggers of an organization can have at most 50 conditions with the operator matches',
      },
    });
  });
});

describe('conditions that remember', () => {
  const busy = { condition_type: 'count', field: '-', operator: 'gte', value: '3', config: { time_window: '1h' } };

  it('are at most two hundred in the enabled triggers of an organization, also when many come at once.', async () => {
    const person = await signUp();
    await fill(person, 49, { statefulConditions: 4 });
    await fill(person, 9, { statefulConditions: 5, enabled: false });
    const ids = await fill(person, 4, {});
    for (const id of ids) for (const condition of [ABOUT, busy]) await newCondition(person, id, condition);
    const answers = await Promise.all(ids.map((id) => post(person, conditions(id), busy)));
    expect(answers.map(({ status }) => status).sort()).toEqual([400, 400, 400, 400]);
    expect(answers[0]).toMatchObject({
      body: { message: 'The enabled triggers of an organization can have at most 200 stateful conditions' },
    });
    expect((await put(person, path(ids[0] ?? ''), { enabled: false })).status).toBe(200);
    const again = await Promise.all(ids.slice(1).map((id) => post(person, conditions(id), busy)));
    expect(again.map(({ status }) => status).sort()).toEqual([201, 400, 400]);
  });

  it('are at most five in a trigger.', async () => {
    const person = await signUp();
    const id = await newTrigger(person, { enabled: false });
    for (let n = 0; n < 5; n += 1) await newCondition(person, id, busy);
    expect(await post(person, conditions(id), busy)).toMatchObject({
      status: 400,
      body: { error: 'bad_request', message: 'A trigger can have at most 5 stateful conditions' },
    });
  });

  it('count their patterns too.', async () => {
    const person = await signUp();
    const id = await newTrigger(person, { enabled: false });
    const lasting = { ...SEARCH, condition_type: 'sustained', config: { for: '1h' } };
    for (let n = 0; n < 4; n += 1) await newCondition(person, id, SEARCH);
    await newCondition(person, id, lasting);
    expect(await post(person, conditions(id), SEARCH)).toMatchObject({
      status: 400,
      body: { message: 'A trigger can have at most 5 conditions with the operator matches' },
    });
  });

  it('make a trigger one of those that every event is shown to, unless it names more than a type or a bound.', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    await newCondition(person, id, MINTED);
    await newCondition(person, id, { ...ABOUT, operator: 'gte' });
    await fill(person, 20, { matchAll: true, broad: true });
    expect(await post(person, conditions(id), busy)).toMatchObject(TOO_BROAD);
    await newCondition(person, id, ABOUT);
    expect((await post(person, conditions(id), busy)).status).toBe(201);
  });
});

describe('a trigger', () => {
  it('holds at most five regular expressions, and two hundred conditions in its groups together.', async () => {
    const person = await signUp();
    const id = await newTrigger(person, { enabled: false });
    const any = (members: object[]) => ({ ...MINTED, condition_type: 'any', config: { conditions: members } });
    await newCondition(person, id, any(Array.from({ length: 4 }, () => SEARCH)));
    await newCondition(person, id, SEARCH);
    expect(await post(person, conditions(id), SEARCH)).toMatchObject({
      status: 400,
      body: { error: 'bad_request', message: 'A trigger can have at most 5 conditions with the operator matches' },
    });
    await newCondition(person, id, any(Array.from({ length: 196 }, () => ABOUT)));
    expect(await post(person, conditions(id), any([ABOUT]))).toMatchObject({
      status: 400,
      body: { message: 'The groups of a trigger can hold at most 200 conditions; these hold 201' },
    });
  });

  it('is told where a fault in a group is.', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const config = { conditions: [ABOUT, { ...ABOUT, value: '42.5' }] };
    expect(await post(person, conditions(id), { ...MINTED, condition_type: 'any', config })).toMatchObject({
      status: 400,
      body: {
        error: 'validation_failed',
        details: [{ path: 'config.conditions.1.value', message: 'agent_id is a whole number, 0 or more' }],
      },
    });
  });

  it('needs a value for a look for presence too, as the document says, which is ignored.', async () => {
    const person = await signUp();
    const id = await newTrigger(person, { registry: 'reputation' });
    const exists = { condition_type: 'file_uri_exists', field: 'file_uri', operator: 'IS NOT NULL' };
    expect(await post(person, conditions(id), { ...exists, value: '' })).toMatchObject({
      status: 400,
      body: { details: [{ path: 'value', message: 'must have at least 1 character' }] },
    });
    expect((await post(person, conditions(id), { ...exists, value: '-' })).status).toBe(201);
  });
});
