import { describe, expect, it } from 'vitest';
import { newKey } from '../identity/api-keys-fixture.ts';
import { get, newCompany, newStaff, post, put, remove, statuses } from '../identity/company.ts';
import { type Answer, call, signUp } from '../support/api.ts';
import { LIMIT, messageOf, namesIn, newLimit, PATH, type Shown } from './rate-limits-fixture.ts';

/** Fields that make no limit, the field that is named for it, and what is said of it. */
type Refused = [fields: object, path: string, message: unknown];

const REFUSED: Refused[] = [
  [{ scope: 'organization', target: 'x' }, 'target', 'must be left out for the scope organization'],
  [{ scope: 'endpoint' }, 'target', expect.stringMatching(/^is needed for the scope endpoint, and must be a path/)],
  [{ scope: 'endpoint', target: 'triggers' }, 'target', expect.stringMatching(/^must be a path/)],
  [{ scope: 'endpoint', target: 'FETCH /a' }, 'target', expect.stringMatching(/^must be a path/)],
  [{ scope: 'endpoint', target: 'GET  /a' }, 'target', expect.stringMatching(/^must be a path/)],
  [{ scope: 'endpoint', target: 'GET POST /a' }, 'target', expect.stringMatching(/^must be a path/)],
  [{ scope: 'endpoint', target: '/**/a' }, 'target', expect.stringMatching(/^must be a path/)],
  [{ scope: 'api', target: 'My API' }, 'target', expect.stringMatching(/^must be the slug of an API/)],
  [{ scope: 'key', target: 'key_1' }, 'target', 'must be the id of an API key'],
  [{ scope: 'user', target: 'someone' }, 'target', 'must be the id of a user'],
  [{ scope: 'address', target: '10.0.0.0/33' }, 'target', 'must be an IPv4 or IPv6 address or CIDR block'],
  [{ burst: 5 }, 'burst', 'is only for the algorithm token_bucket'],
  [{ algorithm: 'sliding_window', burst: 5 }, 'burst', 'is only for the algorithm token_bucket'],
  [{ algorithm: 'token_bucket', limit: 5, burst: 5_001 }, 'burst', 'must be at most 1000 times the limit'],
  [{ name: 'hour' }, 'name', 'must not be "hour", which is what answers call the plan’s own limit'],
  ...['a"b', 'a\\b', 'ä', ' a', 'a ', '', 'a\tb', 'a\nb'].map(
    (name): Refused => [{ name }, 'name', expect.stringMatching(/^must be printable ASCII/)],
  ),
];

describe('a limit that is made', () => {
  it('is shown with what was sent and what was left out, in the personal organization by default.', async () => {
    const person = await signUp();
    const answer = await post(person, PATH, LIMIT);
    expect(answer.status).toBe(201);
    const data = {
      ...{ id: expect.stringMatching(/^limit_[0-9a-f]{32}$/), organization_id: person.personalOrganizationId },
      ...{ ...LIMIT, target: null, algorithm: 'fixed_window', burst: null },
      ...{ created_at: expect.stringMatching(/Z$/), updated_at: expect.stringMatching(/Z$/) },
    };
    expect(answer.body).toEqual({ data });
    const { id } = (answer.body as { data: Shown }).data;
    expect((await get(person, `${PATH}/${id}`)).body).toEqual(answer.body);
    const page = { total: 1, limit: 20, offset: 0, has_more: false };
    expect((await get(person, PATH)).body).toEqual({ data: [data], pagination: page });
  });

  it('belongs to the organization that is named, whose list shows the newest first, page by page.', async () => {
    const person = await signUp();
    const { id } = await newCompany(person);
    for (const name of ['first', 'second', 'third']) await newLimit(person, { organization_id: id, name });
    const list = await get(person, `${PATH}?organization_id=${id}&limit=2`);
    expect(list.body).toMatchObject({
      data: [{ name: 'third' }, { name: 'second' }],
      pagination: { total: 3, limit: 2, offset: 0, has_more: true },
    });
    const rest = await get(person, `${PATH}?organization_id=${id}&limit=2&offset=2`);
    expect(rest.body).toMatchObject({ data: [{ name: 'first' }], pagination: { has_more: false } });
    expect((await get(person, PATH)).body).toMatchObject({ data: [] });
  });

  it.each([
    ['endpoint', '/api/v1/triggers/*', '/api/v1/triggers/*'],
    ['endpoint', 'POST /api/v1/triggers/**', 'POST /api/v1/triggers/**'],
    ['api', 'shop-2', 'shop-2'],
    ['key', `key_${'0a'.repeat(16)}`, `key_${'0a'.repeat(16)}`],
    ['user', '550E8400-E29B-41D4-A716-446655440002', '550e8400-e29b-41d4-a716-446655440002'],
    ['address', '10.1.2.3/8', '10.0.0.0/8'],
    ['address', '2001:DB8::1', '2001:db8::1/128'],
    ['address', null, null],
  ])('of scope %s and target %s keeps the target as %s.', async (scope, target, kept) => {
    const made = await newLimit(await signUp(), { scope, target });
    expect(made).toMatchObject({ scope, target: kept });
  });

  it.each(REFUSED)('with %j is refused, naming %s.', async (fields, path, message) => {
    const person = await signUp();
    const answer = await post(person, PATH, { ...LIMIT, ...fields });
    expect(answer).toMatchObject({ status: 400, body: { error: 'validation_failed' } });
    expect((answer.body as { details: object[] }).details).toEqual([{ path, message }]);
    expect(await namesIn(person.personalOrganizationId)).toEqual([]);
  });

  it('may be as large and be called as oddly as the contract says.', async () => {
    const person = await signUp();
    const large = { limit: 1_000_000_000, window: 'day', algorithm: 'token_bucket', burst: 1_000_000_000 };
    expect(await newLimit(person, { ...large, name: 'x'.repeat(64) })).toMatchObject(large);
    expect((await post(person, PATH, { ...LIMIT, name: 'x'.repeat(65) })).status).toBe(400);
    expect(await newLimit(person, { name: "!#[]~ it's {odd}" })).toMatchObject({ name: "!#[]~ it's {odd}" });
  });
});

describe('a limit that is changed', () => {
  it('keeps what is not sent.', async () => {
    const person = await signUp();
    const made = await newLimit(person, { algorithm: 'token_bucket', burst: 5 });
    const answer = await put(person, `${PATH}/${made.id}`, { limit: 30 });
    expect(answer).toMatchObject({
      status: 200,
      body: { data: { ...made, limit: 30, updated_at: expect.any(String) } },
    });
    expect((await get(person, `${PATH}/${made.id}`)).body).toEqual(answer.body);
  });

  it('loses its target with its scope and its burst with its algorithm, unless they are sent too.', async () => {
    const person = await signUp();
    const { id } = await newLimit(person, {
      ...{ scope: 'address', target: '10.0.0.0/8', algorithm: 'token_bucket', burst: 5 },
    });
    const change = async (patch: object) => (await put(person, `${PATH}/${id}`, patch)).body;
    const same = { scope: 'address', algorithm: 'token_bucket' };
    expect(await change(same)).toMatchObject({ data: { target: '10.0.0.0/8', burst: 5 } });
    const endpoint = { scope: 'endpoint', target: '/a/**' };
    expect(await change(endpoint)).toMatchObject({ data: { ...endpoint, burst: 5 } });
    expect(await change({ scope: 'organization' })).toMatchObject({ data: { target: null, burst: 5 } });
    expect(await change({ algorithm: 'sliding_window' })).toMatchObject({ data: { target: null, burst: null } });
  });

  it('is refused as a whole when the outcome is no limit.', async () => {
    const person = await signUp();
    const made = await newLimit(person, { algorithm: 'token_bucket', limit: 10, burst: 10_000 });
    const path = `${PATH}/${made.id}`;
    const refusals: [object, string, string][] = [
      [{ limit: 9 }, 'burst', 'must be at most 1000 times the limit'],
      [{ algorithm: 'fixed_window', burst: 7 }, 'burst', 'is only for the algorithm token_bucket'],
      [{ name: 'other', target: 'x' }, 'target', 'must be left out for the scope organization'],
      [{ scope: 'user', target: 'x' }, 'target', 'must be the id of a user'],
    ];
    for (const [patch, field, message] of refusals) {
      const answer = await put(person, path, patch);
      expect(answer).toMatchObject({ status: 400, body: { details: [{ path: field, message }] } });
    }
    expect((await put(person, path, { scope: 'endpoint' })).status).toBe(400);
    expect((await get(person, path)).body).toEqual({ data: made });
  });

  it('is gone after it was deleted, for every verb.', async () => {
    const person = await signUp();
    const path = `${PATH}/${(await newLimit(person)).id}`;
    expect((await remove(person, path)).status).toBe(204);
    const answers = [await get(person, path), await put(person, path, { limit: 1 }), await remove(person, path)];
    expect(statuses(answers)).toEqual([404, 404, 404]);
    expect(answers.map(messageOf)).toEqual(Array(3).fill('Rate limit not found'));
  });
});

describe('the name of a limit', () => {
  it('is taken once in an organization, when made and when changed, and free in another and after deletion.', async () => {
    const person = await signUp();
    const company = await newCompany(person);
    const first = await newLimit(person);
    const second = await newLimit(person, { name: 'reads' });
    const taken = { status: 409, body: { error: 'conflict', message: 'Rate limit name already exists' } };
    expect(await post(person, PATH, LIMIT)).toMatchObject(taken);
    expect(await put(person, `${PATH}/${second.id}`, { name: LIMIT.name })).toMatchObject(taken);
    expect((await put(person, `${PATH}/${first.id}`, { name: LIMIT.name })).status).toBe(200);
    await newLimit(person, { organization_id: company.id });
    expect((await remove(person, `${PATH}/${first.id}`)).status).toBe(204);
    expect((await put(person, `${PATH}/${second.id}`, { name: LIMIT.name })).status).toBe(200);
  });
});

describe('who may', () => {
  it('read limits is every member, and write them an admin.', async () => {
    const { company, people } = await newStaff();
    const { id } = await newLimit(people.admin, { organization_id: company.id });
    for (const reader of [people.viewer, people.member]) {
      expect((await get(reader, `${PATH}/${id}`)).status).toBe(200);
      expect((await get(reader, `${PATH}?organization_id=${company.id}`)).status).toBe(200);
      const answers = [
        await post(reader, PATH, { ...LIMIT, organization_id: company.id }),
        await put(reader, `${PATH}/${id}`, { limit: 1 }),
        await remove(reader, `${PATH}/${id}`),
      ];
      expect(statuses(answers)).toEqual([403, 403, 403]);
      expect(messageOf(answers[0] as Answer)).toMatch(/^This needs the permission limits:write, which the role/);
    }
  });

  it('see a limit of another organization is nobody: it does not exist.', async () => {
    const [owner, stranger] = [await signUp(), await signUp()];
    const { id } = await newLimit(owner);
    const own = await newLimit(stranger);
    const path = `${PATH}/${id}`;
    const organization_id = owner.personalOrganizationId;
    const answers = [
      await get(stranger, path),
      await put(stranger, path, { limit: 1 }),
      await remove(stranger, path),
      await get(stranger, `${PATH}?organization_id=${organization_id}`),
      await post(stranger, PATH, { ...LIMIT, name: 'theirs', organization_id }),
    ];
    expect(statuses(answers)).toEqual([404, 404, 404, 404, 404]);
    expect((await get(stranger, PATH)).body).toMatchObject({ data: [{ id: own.id }], pagination: { total: 1 } });
    expect(await namesIn(organization_id)).toEqual([LIMIT.name]);
  });

  it('write limits with a key is one that was given it, and no key for trying things out.', async () => {
    const owner = await signUp();
    const fields = { key_type: 'admin', permissions: ['admin'] };
    const [live, test] = [await newKey(owner, fields), await newKey(owner, { ...fields, environment: 'test' })];
    const make = ({ key }: { key: string }, name: string) =>
      call('POST', PATH, { headers: { 'X-API-Key': key }, body: { ...LIMIT, name } });
    expect((await make(live, 'live')).status).toBe(201);
    expect((await make(test, 'test')).status).toBe(403);
    expect(await namesIn(owner.personalOrganizationId)).toEqual(['live']);
  });
});
