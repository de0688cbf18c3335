import { env } from 'cloudflare:workers';
import { sql } from 'drizzle-orm';
import { beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { type AppDeps, appDeps } from '../../src/context.ts';
import { buildWorld, type World } from '../contract/world.ts';
import { call, expectOk, newTrigger, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';

/**
 * Requests whose credential ends after it was checked and before the write: the end is made to happen exactly there, by
 * doing it where the route asks what the caller may do in the organization.
 */
let world: World;

beforeAll(async () => {
  world = await buildWorld();
}, 60_000);

type Headers = Record<string, string>;

async function sendAnd(end: () => Promise<unknown>, method: string, path: string, headers: Headers, body: object) {
  const deps = appDeps(env);
  const grantIn: AppDeps['grantIn'] = async (ctx, organizationId) => {
    const grant = await deps.grantIn(ctx, organizationId);
    await end();
    return grant;
  };
  const init = { method, headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await createApp({ ...deps, grantIn }).request(`https://weir.test${path}`, init, env);
  return { status: answer.status, body: await answer.json().catch(() => undefined) };
}

const bearer = (token: string): Headers => ({ Authorization: `Bearer ${token}` });
const TRIGGER = () => ({ name: 'T', chain_id: 1, registry: 'identity', organization_id: world.organizationId });
const KEY = { name: 'K', environment: 'live', key_type: 'standard', permissions: ['read'] };
const ADMIN = { name: 'K', environment: 'live', key_type: 'admin', permissions: ['admin'] };

const asOwner = (method: string, path: string, body?: object) => call(method, path, { token: world.owner.token, body });
const keysPath = () => `/api/v1/api-keys?organization_id=${world.organizationId}`;

async function newKey(fields: object = ADMIN): Promise<{ id: string; key: string }> {
  const made = await expectOk<{ data: { id: string; key: string } }>(201, asOwner('POST', keysPath(), fields));
  return made.data;
}

async function newAdmin(): Promise<Person> {
  const person = await signUp();
  const path = `/api/v1/organizations/${world.organizationId}/members`;
  await expectOk(201, asOwner('POST', path, { user_id: person.id, role: 'admin' }));
  return person;
}

const triggers = async () => {
  const result = await database().query.execute(sql`select count(*)::int as n from triggers`);
  return (result as unknown as { rows: [{ n: number }] }).rows[0].n;
};

describe('a request whose credential ends before it writes', () => {
  it('writes nothing with a key that was revoked meanwhile', async () => {
    for (const [path, body] of [
      ['/api/v1/triggers', TRIGGER()],
      [keysPath(), KEY],
    ] as const) {
      const { id, key } = await newKey();
      const before = await triggers();
      const revoke = () => expectOk(200, asOwner('DELETE', `/api/v1/api-keys/${id}`));
      const answer = await sendAnd(revoke, 'POST', path, { 'X-API-Key': key }, body);
      expect(answer).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
      expect(await triggers()).toBe(before);
    }
  });

  it('writes nothing in a session that was ended meanwhile', async () => {
    for (const [path, body] of [
      ['/api/v1/triggers', TRIGGER()],
      [keysPath(), KEY],
    ] as const) {
      const admin = await newAdmin();
      const logOut = () => expectOk(204, call('POST', '/api/v1/auth/logout', { token: admin.token }));
      const answer = await sendAnd(logOut, 'POST', path, bearer(admin.token), body);
      expect(answer).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
    }
  });

  it('writes nothing for a member who was removed or demoted meanwhile', async () => {
    const path = `/api/v1/organizations/${world.organizationId}/members`;
    const removed = await newAdmin();
    const remove = () => expectOk(204, asOwner('DELETE', `${path}/${removed.id}`));
    const gone = await sendAnd(remove, 'POST', '/api/v1/triggers', bearer(removed.token), TRIGGER());
    expect(gone).toMatchObject({ status: 404, body: { message: 'Organization not found' } });
    const demoted = await newAdmin();
    const demote = () => expectOk(200, asOwner('PUT', `${path}/${demoted.id}`, { role: 'viewer' }));
    const lower = await sendAnd(demote, 'POST', '/api/v1/triggers', bearer(demoted.token), TRIGGER());
    expect(lower).toMatchObject({ status: 403, body: { error: 'forbidden' } });
  });

  it('holds its credential while it writes, so that the end waits for it', async () => {
    const admin = await newAdmin();
    const id = await newTrigger(admin, { organization_id: world.organizationId });
    const put = (n: number) => call('PUT', `/api/v1/triggers/${id}`, { token: admin.token, body: { name: `N${n}` } });
    const logOut = call('POST', '/api/v1/auth/logout', { token: admin.token });
    const answers = await Promise.all([put(1), put(2), put(3), logOut, put(4), put(5)]);
    for (const { status } of answers) expect([200, 204, 401]).toContain(status);
    expect((await put(6)).status).toBe(401);
  });
});

describe('a key', () => {
  it('that is limited cannot shed its limits by making or rotating keys', async () => {
    const limits = [
      { expires_at: new Date(Date.now() + 3_600_000).toISOString() },
      { methods: ['POST'] },
      { endpoints: ['/api/v1/**'] },
    ];
    for (const limit of limits) {
      const { id, key } = await newKey({ ...ADMIN, ...limit });
      const headers = { 'X-API-Key': key };
      expect((await call('POST', keysPath(), { headers, body: ADMIN })).status).toBe(403);
      expect(
        (await call('POST', `/api/v1/api-keys/${id}/rotate`, { headers, body: { expires_at: null } })).status,
      ).toBe(403);
    }
  });

  it('cannot revoke a key or remove a member that may do more than itself', async () => {
    const { key } = await newKey({ ...ADMIN, key_type: 'restricted', permissions: ['keys:write', 'members:write'] });
    const admin = await newKey();
    const headers = { 'X-API-Key': key };
    expect((await call('DELETE', `/api/v1/api-keys/${admin.id}`, { headers })).status).toBe(403);
    const path = `/api/v1/organizations/${world.organizationId}/members/${world.members.admin.id}`;
    expect((await call('DELETE', path, { headers })).status).toBe(403);
  });

  it('for tests manages neither keys nor members nor the organization', async () => {
    const { key } = await newKey({ ...ADMIN, environment: 'test' });
    const headers = { 'X-API-Key': key };
    const organization = `/api/v1/organizations/${world.organizationId}`;
    expect((await call('POST', keysPath(), { headers, body: KEY })).status).toBe(403);
    expect((await call('DELETE', `/api/v1/api-keys/${world.keyId}`, { headers })).status).toBe(403);
    expect((await call('PUT', organization, { headers, body: { name: 'New' } })).status).toBe(403);
    expect(
      (await call('POST', `${organization}/members`, { headers, body: { user_id: world.stranger.id, role: 'viewer' } }))
        .status,
    ).toBe(403);
    expect((await call('POST', '/api/v1/triggers', { headers, body: TRIGGER() })).status).toBe(201);
  });
});

describe('a replayed answer', () => {
  const once = { 'Idempotency-Key': 'once' };

  it('is not told to somebody who has lost their place', async () => {
    const admin = await newAdmin();
    const make = () => call('POST', keysPath(), { token: admin.token, body: KEY, headers: once });
    expect((await make()).status).toBe(201);
    expect((await make()).status).toBe(201);
    const member = `/api/v1/organizations/${world.organizationId}/members/${admin.id}`;
    await expectOk(200, asOwner('PUT', member, { role: 'viewer' }));
    expect((await make()).status).toBe(403);
    await expectOk(204, asOwner('DELETE', member));
    expect((await make()).status).toBe(404);
  });

  it('is kept of signing in too: the same request gets the same tokens', async () => {
    const person = await signUp();
    const body = { username_or_email: person.username, password: person.password };
    const login = () => call('POST', '/api/v1/auth/login', { body, headers: once });
    const [first, second] = [await login(), await login()];
    expect(second.status).toBe(200);
    expect(second.headers.get('Idempotent-Replayed')).toBe('true');
    expect(second.body).toEqual(first.body);
  });
});
