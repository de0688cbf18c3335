import { describe, expect, it } from 'vitest';
import { DAY, later, rfc3339 } from '../../src/kernel/clock.ts';
import { call, expectOk, type Person, signUp } from '../support/api.ts';
import { rowCounts } from '../support/database.ts';
import { manyKeys, type NewKey, newKey, newMember, newOrganization } from './api-keys-fixture.ts';

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const ID = /^key_[0-9a-f]{32}$/;
const NEXT_YEAR = rfc3339(later(new Date(), 365 * DAY));

const post = (person: Person, path: string, body?: unknown) => call('POST', path, { token: person.token, body });
const get = (person: Person, path: string) => call('GET', path, { token: person.token });
const remove = (person: Person, path: string, body?: unknown) => call('DELETE', path, { token: person.token, body });

const DOCUMENTED = {
  name: 'Production API Key',
  environment: 'live',
  key_type: 'standard',
  permissions: ['read', 'write'],
  rate_limit_override: 500,
  expires_at: NEXT_YEAR,
};

const masked = (key: NewKey, person: Person) => ({
  id: key.id,
  name: 'Production API Key',
  prefix: key.key.slice(0, 15),
  environment: 'live',
  key_type: 'standard',
  permissions: ['read', 'write'],
  rate_limit_override: 500,
  last_used_at: null,
  expires_at: NEXT_YEAR,
  created_at: expect.stringMatching(TIMESTAMP),
  created_by: person.id,
  is_revoked: false,
  revoked_at: null,
});

describe.each(['/api/v1/api-keys', '/api/v1/keys'])('%s', (base) => {
  it('makes a key as the document shows, and shows it this once.', async () => {
    const person = await signUp();
    const organizationId = await newOrganization(person);
    const answer = await post(person, `${base}?organization_id=${organizationId}`, DOCUMENTED);
    expect(answer.status).toBe(201);
    const { rate_limit_override: _, ...shown } = DOCUMENTED;
    expect(answer.body).toEqual({
      data: {
        ...shown,
        id: expect.stringMatching(ID),
        key: expect.stringMatching(/^sk_live_[0-9A-Za-z]{60}$/),
        prefix: expect.stringMatching(/^sk_live_[0-9A-Za-z]{7}$/),
        created_at: expect.stringMatching(TIMESTAMP),
      },
    });
    const { id, key, prefix } = (answer.body as { data: NewKey & { prefix: string } }).data;
    expect(prefix).toBe(key.slice(0, 15));
    for (const path of [`${base}/${id}`, `${base}?organization_id=${organizationId}&include_revoked=true`]) {
      expect(JSON.stringify((await get(person, path)).body)).not.toContain(key.slice(15));
    }
  });

  it('lists, shows, rotates and revokes keys as the document shows.', async () => {
    const person = await signUp();
    const key = await newKey(person, DOCUMENTED);
    expect((await get(person, base)).body).toEqual({
      items: [masked(key, person)],
      ...{ total: 1, page: 1, page_size: 20, total_pages: 1 },
    });
    expect(await get(person, `${base}/${key.id}`)).toMatchObject({ status: 200, body: { data: masked(key, person) } });
    const rotated = await post(person, `${base}/${key.id}/rotate`, { name: 'New Key Name', expires_at: NEXT_YEAR });
    expect(rotated.status).toBe(200);
    expect(rotated.body).toEqual({
      data: {
        id: expect.stringMatching(ID),
        key: expect.stringMatching(/^sk_live_[0-9A-Za-z]{60}$/),
        prefix: expect.stringMatching(/^sk_live_[0-9A-Za-z]{7}$/),
        old_key_id: key.id,
        old_key_revoked_at: expect.stringMatching(TIMESTAMP),
      },
    });
    const next = (rotated.body as { data: NewKey }).data;
    expect((await get(person, `${base}/${next.id}`)).body).toEqual({
      data: { ...masked(next, person), name: 'New Key Name' },
    });
    const revoked = await remove(person, `${base}/${next.id}`, { reason: 'Compromised key' });
    expect(revoked.status).toBe(200);
    expect(revoked.body).toEqual({
      data: {
        ...masked(next, person),
        name: 'New Key Name',
        is_revoked: true,
        revoked_at: expect.stringMatching(TIMESTAMP),
        revoked_reason: 'Compromised key',
      },
    });
    expect((await get(person, base)).body).toMatchObject({ items: [], total: 0, page: 1, total_pages: 0 });
  });

  it('has no body where the document calls it optional: none, an empty one and {} are the same.', async () => {
    const person = await signUp();
    const headers = { 'Content-Type': 'application/json' };
    for (const body of [undefined, '', '{}']) {
      const { id } = await newKey(person);
      const rotated = await call('POST', `${base}/${id}/rotate`, { token: person.token, body, headers });
      const next = await expectOk<{ data: NewKey }>(200, Promise.resolve(rotated));
      const revoked = await call('DELETE', `${base}/${next.data.id}`, { token: person.token, body, headers });
      expect(revoked).toMatchObject({ status: 200, body: { data: { name: 'Key', is_revoked: true } } });
    }
  });
});

describe('making a key', () => {
  it('takes limits by address, path and method, and shows them in canonical form.', async () => {
    const person = await signUp();
    const limits = {
      ip_allowlist: ['10.1.2.3/8', '2001:DB8::1', '10.0.0.0/8'],
      endpoints: ['/api/v1/triggers/**'],
      methods: ['GET', 'POST'],
    };
    const { id } = await newKey(person, limits);
    const { body } = await get(person, `/api/v1/api-keys/${id}`);
    expect(body).toMatchObject({ data: { ...limits, ip_allowlist: ['10.0.0.0/8', '2001:db8::1/128'] } });
  });

  it.each([
    ['ip_allowlist', ['10.0.0.0/33']],
    ['ip_allowlist', []],
    ['endpoints', ['triggers']],
    ['methods', ['BREW']],
    ['permissions', []],
    ['permissions', ['read', 'nonsense']],
    ['permissions', ['admin']],
    ['permissions', ['members:write']],
    ['permissions', ['organizations:delete']],
    ['expires_at', '2020-01-01T00:00:00Z'],
    ['expires_at', 'tomorrow'],
    ['expires_at', '9999-12-31T23:59:59-01:00'],
    ['expires_at', '0000-01-01T00:00:00Z'],
    ['rate_limit_override', 0],
    ['environment', 'prod'],
    ['key_type', 'owner'],
    ['name', ''],
  ])('refuses %s %j and writes nothing.', async (field, value) => {
    const person = await signUp();
    const before = await rowCounts();
    const answer = await post(person, '/api/v1/api-keys', { ...DOCUMENTED, [field]: value });
    expect(answer).toMatchObject({ status: 400, body: { error: 'validation_failed' } });
    const [fault] = (answer.body as { details: { path: string }[] }).details;
    expect(fault?.path.split('.')[0]).toBe(field);
    expect(await rowCounts()).toEqual(before);
  });

  it('takes an expiry with an offset from UTC.', async () => {
    const person = await signUp();
    const { id } = await newKey(person, { expires_at: NEXT_YEAR.replace('Z', '+00:00') });
    expect((await get(person, `/api/v1/api-keys/${id}`)).body).toMatchObject({ data: { expires_at: NEXT_YEAR } });
  });

  it('is refused to viewers and members with 403, and to strangers with 404.', async () => {
    const owner = await signUp();
    const organizationId = await newOrganization(owner);
    const path = `/api/v1/api-keys?organization_id=${organizationId}`;
    for (const role of ['viewer', 'member'] as const) {
      const person = await newMember(owner, organizationId, role);
      expect(await post(person, path, DOCUMENTED)).toMatchObject({ status: 403, body: { error: 'forbidden' } });
      expect((await get(person, path)).status).toBe(403);
    }
    const admin = await newMember(owner, organizationId, 'admin');
    expect((await post(admin, path, DOCUMENTED)).status).toBe(201);
    const stranger = await signUp();
    expect(await post(stranger, path, DOCUMENTED)).toMatchObject({ status: 404, body: { error: 'not_found' } });
    expect((await get(stranger, path)).status).toBe(404);
  });

  it('ends at 500 keys that are not revoked.', async () => {
    const person = await signUp();
    await manyKeys(person, 499);
    const answers = await Promise.all([1, 2, 3].map(() => post(person, '/api/v1/api-keys', DOCUMENTED)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400]);
    expect(answers.find(({ status }) => status === 400)?.body).toMatchObject({
      error: 'bad_request',
      message: 'An organization has at most 500 keys; revoke some first',
    });
  });
});

describe('a key that makes keys', () => {
  it('gives away no permission that it does not have, neither by making nor by rotating.', async () => {
    const person = await signUp();
    const admin = await newKey(person, { key_type: 'admin', permissions: ['admin'] });
    const { key } = await newKey(person, { key_type: 'restricted', permissions: ['keys:read', 'keys:write'] });
    const headers = { 'X-API-Key': key };
    const asked = await call('POST', '/api/v1/api-keys', { headers, body: { ...DOCUMENTED, permissions: ['read'] } });
    expect(asked).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    const rotated = await call('POST', `/api/v1/api-keys/${admin.id}/rotate`, { headers });
    expect(rotated).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    expect((await call('GET', '/api/v1/triggers', { headers: { 'X-API-Key': admin.key } })).status).toBe(200);
    const own = { ...DOCUMENTED, key_type: 'restricted', permissions: ['keys:read'] };
    expect((await call('POST', '/api/v1/api-keys', { headers, body: own })).status).toBe(201);
  });

  it('makes no key at all when it is a test key.', async () => {
    const person = await signUp();
    const { key } = await newKey(person, { environment: 'test', key_type: 'admin', permissions: ['admin'] });
    const headers = { 'X-API-Key': key };
    expect(await call('POST', '/api/v1/api-keys', { headers, body: DOCUMENTED })).toMatchObject({ status: 403 });
    const test = { ...DOCUMENTED, environment: 'test' };
    expect(await call('POST', '/api/v1/api-keys', { headers, body: test })).toMatchObject({ status: 403 });
  });
});

describe('the list of keys', () => {
  it('is paged, newest first, and shows revoked ones when asked.', async () => {
    const person = await signUp();
    const made: NewKey[] = [];
    for (let count = 0; count < 5; count += 1) made.unshift(await newKey(person));
    await expectOk(200, remove(person, `/api/v1/api-keys/${made[0]?.id}`));
    const ids = async (query: string) => {
      const { body } = await get(person, `/api/v1/api-keys?${query}`);
      const { items, ...rest } = body as { items: NewKey[] };
      return [items.map(({ id }) => made.findIndex((key) => key.id === id)), rest];
    };
    expect(await ids('limit=3')).toEqual([[1, 2, 3], { total: 4, page: 1, page_size: 3, total_pages: 2 }]);
    expect(await ids('limit=3&offset=3')).toEqual([[4], { total: 4, page: 2, page_size: 3, total_pages: 2 }]);
    expect(await ids('include_revoked=true&limit=2')).toEqual([
      [0, 1],
      { total: 5, page: 1, page_size: 2, total_pages: 3 },
    ]);
  });

  it('spans the organizations whose keys one may see when none is named.', async () => {
    const [person, other] = [await signUp(), await signUp()];
    const own = await newOrganization(person);
    const administered = await newOrganization(other);
    const watched = await newOrganization(other);
    await newMember(other, administered, 'admin', person);
    await newMember(other, watched, 'member', person);
    const keys: string[] = [];
    for (const [maker, organizationId] of [
      [person, person.personalOrganizationId],
      [person, own],
      [other, administered],
      [other, watched],
    ] as const) {
      keys.unshift((await newKey(maker, {}, organizationId)).id);
    }
    const list = await expectOk<{ items: NewKey[] }>(200, get(person, '/api/v1/api-keys'));
    expect(list.items.map(({ id }) => id)).toEqual(keys.slice(1));
    const one = await expectOk<{ items: NewKey[] }>(200, get(person, `/api/v1/api-keys?organization_id=${own}`));
    expect(one.items.map(({ id }) => id)).toEqual([keys[2]]);
  });

  it.each(['limit=0', 'limit=101', 'offset=-1', 'include_revoked=maybe', 'organization_id=x'])(
    'refuses %s.',
    async (query) => {
      const person = await signUp();
      const answer = await get(person, `/api/v1/api-keys?${query}`);
      expect(answer).toMatchObject({ status: 400, body: { details: [{ path: query.split('=')[0] }] } });
    },
  );
});

describe('a key of another organization', () => {
  it('answers 404 to everything, the same as one that does not exist.', async () => {
    const [owner, stranger] = [await signUp(), await signUp()];
    const { id } = await newKey(owner);
    for (const keyId of [id, `key_${'0'.repeat(32)}`, 'nonsense']) {
      const path = `/api/v1/api-keys/${keyId}`;
      const answers = [await get(stranger, path), await remove(stranger, path), await post(stranger, `${path}/rotate`)];
      for (const answer of answers) expect(answer).toMatchObject({ status: 404, body: { error: 'not_found' } });
    }
    expect((await get(owner, `/api/v1/api-keys/${id}`)).body).toMatchObject({ data: { is_revoked: false } });
  });
});
