import { listDurableObjectIds } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { publisherDeps } from '../../src/context-quota.ts';
import { randomBase62 } from '../../src/identity/api-keys/base62.ts';
import { publishOrganization } from '../../src/identity/edge/publisher.ts';
import { DAY, later } from '../../src/kernel/clock.ts';
import { sha256Hex } from '../../src/kernel/crypto.ts';
import { OrganizationQuota } from '../../src/worker.ts';
import { call, expectOk, newTrigger, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import { admission, admitOne } from '../support/quota.ts';
import { manyKeys, newKey } from './api-keys-fixture.ts';

const withKey = (key: string, path = '/api/v1/triggers', headers: Record<string, string> = {}) =>
  call('GET', path, { headers: { 'X-API-Key': key, ...headers } });

const NO_GOOD = { error: 'unauthorized', message: 'The API key is unknown, revoked or expired' };

const publish = (organizationId: string) => publishOrganization(publisherDeps(env), organizationId);

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('an API key', () => {
  it('is taken as X-API-Key and as a bearer’s, and acts in its organization alone.', async () => {
    const [person, other] = [await signUp(), await signUp()];
    const { key } = await newKey(person);
    const [own, foreign] = [await newTrigger(person), await newTrigger(other)];
    for (const headers of [
      { 'X-API-Key': key },
      { Authorization: `Bearer ${key}` },
      { Authorization: `bearer ${key}` },
    ]) {
      const list = await call('GET', '/api/v1/triggers', { headers });
      expect(list).toMatchObject({ status: 200, body: { data: [{ id: own }], pagination: { total: 1 } } });
      expect((await call('GET', `/api/v1/triggers/${own}`, { headers })).status).toBe(200);
      expect((await call('GET', `/api/v1/triggers/${foreign}`, { headers })).status).toBe(404);
    }
  });

  it('comes after the token of a person who sends both.', async () => {
    const [person, other] = [await signUp(), await signUp()];
    const { key } = await newKey(person);
    await newTrigger(person);
    const answer = await call('GET', '/api/v1/triggers', { token: other.token, headers: { 'X-API-Key': key } });
    expect(answer).toMatchObject({ status: 200, body: { data: [] } });
  });

  it('is not taken from the address of a request.', async () => {
    const { key } = await newKey(await signUp());
    for (const name of ['api_key', 'key', 'X-API-Key', 'access_token']) {
      expect((await call('GET', `/api/v1/triggers?${name}=${key}`)).status).toBe(401);
    }
  });

  it('does no more than its permissions say.', async () => {
    const person = await signUp();
    const reader = await newKey(person, { permissions: ['read'] });
    const body = { name: 'T', chain_id: 1, registry: 'identity' };
    const refused = await call('POST', '/api/v1/triggers', { headers: { 'X-API-Key': reader.key }, body });
    expect(refused).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    const writer = await newKey(person, { key_type: 'restricted', permissions: ['triggers:write'] });
    expect((await call('POST', '/api/v1/triggers', { headers: { 'X-API-Key': writer.key }, body })).status).toBe(201);
    expect((await withKey(writer.key, `/api/v1/triggers/${await newTrigger(person)}`)).status).toBe(403);
  });

  it('is refused outside its addresses, methods and paths with 403.', async () => {
    const person = await signUp();
    const limits = {
      ip_allowlist: ['203.0.113.0/24', '2001:db8::/32'],
      endpoints: ['/api/v1/triggers/**'],
      methods: ['GET'],
    };
    const { key } = await newKey(person, { ...limits, permissions: ['read', 'write'] });
    const from = (address: string) => ({ 'CF-Connecting-IP': address });
    for (const address of ['203.0.113.9', '::ffff:203.0.113.9', '2001:db8:7::1']) {
      expect(await withKey(key, '/api/v1/triggers', from(address))).toMatchObject({ status: 200 });
    }
    for (const address of ['203.0.114.9', '::ffff:203.0.114.9', '2001:db9::1']) {
      expect(
        await withKey(key, '/api/v1/triggers', { ...from(address), 'X-Forwarded-For': '203.0.113.9' }),
      ).toMatchObject({
        status: 403,
        body: { error: 'forbidden', message: 'This API key may not be used from this address' },
      });
    }
    expect(await withKey(key, '/api/v1/events', from('203.0.113.9'))).toMatchObject({
      status: 403,
      body: { message: 'This API key may not be used on this path' },
    });
    const body = { name: 'T', chain_id: 1, registry: 'identity' };
    const headers = { 'X-API-Key': key, ...from('203.0.113.9') };
    expect(await call('POST', '/api/v1/triggers', { headers, body })).toMatchObject({
      status: 403,
      body: { message: 'This API key may not be used with this method' },
    });
  });

  it('is refused with the same words whether it is unknown, revoked, expired or no key at all.', async () => {
    const person = await signUp();
    const [unpublished] = await manyKeys(person, 1);
    const [expired] = await manyKeys(person, 1, { expiresAt: later(new Date(), -DAY) });
    const [revoked] = await manyKeys(person, 1, { revokedAt: new Date() });
    expect(await withKey(unpublished?.key ?? '')).toMatchObject({ status: 401, body: NO_GOOD });
    await publish(person.personalOrganizationId);
    // An isolate asks again about a key that was no good when two seconds have passed.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2_000 });
    expect((await withKey(unpublished?.key ?? '')).status).toBe(200);
    for (const key of [expired?.key, revoked?.key, 'sk_live_nonsense', 'nonsense', `${unpublished?.key}x`]) {
      const answer = await withKey(key ?? '');
      expect(answer).toMatchObject({ status: 401, body: NO_GOOD });
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer');
    }
  });

  it('is checked without the database.', async () => {
    const { key } = await newKey(await signUp());
    const tables = ['api_keys', 'organization_edges', 'members', 'sessions'];
    for (const name of tables) await database().query.execute(`alter table ${name} rename to ${name}_away`);
    const answer = await withKey(key, '/api/v1/events');
    for (const name of tables) await database().query.execute(`alter table ${name}_away rename to ${name}`);
    expect(answer.status).toBe(200);
  });

  it('answers 503 when its organization’s object cannot be reached and the key was not seen before.', async () => {
    const { key } = await newKey(await signUp());
    vi.spyOn(OrganizationQuota.prototype, 'admit').mockRejectedValue(new Error('no such machine'));
    const answer = await withKey(key);
    expect(answer).toMatchObject({ status: 503, body: { error: 'service_unavailable' } });
    expect(answer.headers.get('Retry-After')).toBe('2');
    expect(JSON.stringify(answer.body)).not.toContain('no such machine');
  });

  it('is in no log line, whatever becomes of its request.', async () => {
    const lines: string[] = [];
    for (const level of ['info', 'warn', 'error', 'log'] as const) {
      vi.spyOn(console, level).mockImplementation((...parts) => void lines.push(parts.join(' ')));
    }
    const person = await signUp();
    const { id, key } = await newKey(person);
    await withKey(key);
    await withKey(`${key}x`);
    await call('GET', `/api/v1/triggers?key=${key}`, { headers: { Authorization: `Bearer ${key}` } });
    vi.spyOn(OrganizationQuota.prototype, 'admit').mockRejectedValue(new Error(`failed for ${sha256Hex(key)}`));
    await withKey(key);
    await call('DELETE', `/api/v1/api-keys/${id}`, { token: person.token });
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.join('\n')).not.toContain(key.slice(15));
  });
});

describe('made-up keys', () => {
  it('make no object and no call to one, a thousand of them.', async () => {
    const person = await signUp();
    const { key } = await newKey(person);
    const admit = vi.spyOn(OrganizationQuota.prototype, 'admit');
    const before = (await listDurableObjectIds(env.ORGANIZATION_QUOTA)).length;
    const body = key.slice(0, -6);
    const madeUp = Array.from({ length: 1_000 }, (_, index) =>
      index % 2 === 0 ? `sk_live_${randomBase62(60)}` : `${body}${randomBase62(6)}`,
    );
    for (const text of madeUp) {
      if (text !== key) expect((await withKey(text)).status).toBe(401);
    }
    expect((await listDurableObjectIds(env.ORGANIZATION_QUOTA)).length).toBe(before);
    expect(admit).not.toHaveBeenCalled();
  });
});

describe('a revocation', () => {
  const PEOPLE = 10;
  /** A hundred in the slow suites: a thousand tries in all. */
  const KEYS_EACH = Number((env as unknown as { REVOCATIONS: string }).REVOCATIONS);

  async function revokeEach(person: Person): Promise<number> {
    const keys = await manyKeys(person, KEYS_EACH);
    await publish(person.personalOrganizationId);
    let refused = 0;
    for (const { id, key } of keys) {
      const use = admission({ kind: 'key', hash: sha256Hex(key) }, { charge: { units: 0, tier: 0 } });
      const verdict = await admitOne(env.ORGANIZATION_QUOTA.getByName(person.personalOrganizationId), use);
      expect(verdict.ok).toBe(true);
      await expectOk(200, call('DELETE', `/api/v1/api-keys/${id}`, { token: person.token }));
      if ((await withKey(key)).status === 401) refused += 1;
    }
    return refused;
  }

  it('holds on the very next request, every time.', { timeout: 300_000 }, async () => {
    const people = await Promise.all(Array.from({ length: PEOPLE }, () => signUp()));
    const refused = await Promise.all(people.map(revokeEach));
    expect(refused).toEqual(Array(PEOPLE).fill(KEYS_EACH));
  });

  it('holds for the old key of a rotation, and the new one is good at once.', async () => {
    const person = await signUp();
    const old = await newKey(person);
    const path = `/api/v1/api-keys/${old.id}/rotate`;
    const { data } = await expectOk<{ data: { key: string } }>(200, call('POST', path, { token: person.token }));
    expect((await withKey(old.key)).status).toBe(401);
    expect((await withKey(data.key)).status).toBe(200);
  });

  it('ends the keys of an organization that is deleted.', async () => {
    const person = await signUp();
    const body = { name: 'A', slug: `a-${crypto.randomUUID().slice(0, 8)}` };
    const made = await expectOk<{ data: { id: string } }>(
      201,
      call('POST', '/api/v1/organizations', { token: person.token, body }),
    );
    const { key } = await newKey(person, {}, made.data.id);
    expect((await withKey(key)).status).toBe(200);
    await expectOk(204, call('DELETE', `/api/v1/organizations/${made.data.id}`, { token: person.token }));
    expect((await withKey(key)).status).toBe(401);
  });
});
