import { describe, expect, it } from 'vitest';
import type { CompiledApi, CompiledLifecycle, Policy } from '../../src/gateway/compiled.ts';
import { newWorld, OWN } from './pipeline-world.ts';
import { endpoint } from './routing/samples.ts';
import { apiOf, poolOf, upstreamOf } from './watch/fixture.ts';

const BASE = apiOf([poolOf([upstreamOf('a')])], { organizationId: OWN });

const api = (fields: Partial<CompiledApi> = {}): CompiledApi => ({ ...BASE, ...fields });

const withPolicy = (policy: Partial<Policy>): Partial<CompiledApi> => ({ policy: { ...BASE.policy, ...policy } });

const lifecycle = (fields: Partial<CompiledLifecycle>): CompiledLifecycle => ({ ...BASE.lifecycle, ...fields });

const AT = '/g/acme/orders/x';

const KEY = { 'x-api-key': 'sk_own' };
const FAR_KEY = { 'x-api-key': 'sk_far' };
const TOKEN = { authorization: 'Bearer go.o.d' };

describe('a refusal by what an isolate knows', () => {
  it('ends for callers without a key when the API has become public, though nobody else calls.', async () => {
    const { send, publish } = newWorld(api());
    expect((await send(AT)).status).toBe(401);
    publish(api({ visibility: 'public' }));
    expect((await send(AT)).status).toBe(200);
  });

  it('ends for callers from another organization, who are charged once for each answer.', async () => {
    const { world, send, publish } = newWorld(api());
    expect((await send(AT, FAR_KEY)).status).toBe(404);
    expect(world.charged).toEqual([{ organizationId: 'organization-2', kind: 'key' }]);
    world.permissions = undefined;
    expect((await send(AT, TOKEN)).status).toBe(404);
    expect(world.charged.slice(1)).toEqual([{ organizationId: 'organization-2', kind: 'user' }]);
    publish(api({ visibility: 'public' }));
    expect([(await send(AT, FAR_KEY)).status, (await send(AT, TOKEN)).status]).toEqual([200, 200]);
    expect(world.charged.slice(2).map(({ kind }) => kind)).toEqual(['anonymous', 'anonymous']);
  });

  it('ends for people when a scope that they do not have is no longer asked for.', async () => {
    const { send, publish } = newWorld(api(withPolicy({ scopes: ['apis:write'] })));
    expect((await send(AT, TOKEN)).status).toBe(403);
    publish(api());
    expect((await send(AT, TOKEN)).status).toBe(200);
  });

  it('asks the object of the organization no more than twenty times a second.', async () => {
    const { world, send } = newWorld(api());
    for (let call = 0; call < 100; call += 1) expect((await send(AT)).status).toBe(401);
    expect(world.asked).toBeLessThanOrEqual(22);
  });
});

describe('an answer that tells of the end', () => {
  it('has the fields of it also when the API is gone.', async () => {
    const sunsetAt = Date.UTC(2026, 4, 31);
    const documentationUrl = 'https://docs.test/';
    const { send } = newWorld(api({ lifecycle: lifecycle({ deprecatedAt: 1_000, sunsetAt, documentationUrl }) }));
    const { status, headers } = await send(AT, KEY);
    const told = ['sunset', 'deprecation', 'link'].map((name) => headers.get(name));
    const links = '<https://docs.test/>; rel="deprecation", <https://docs.test/>; rel="sunset"';
    expect([status, ...told]).toEqual([410, 'Sun, 31 May 2026 00:00:00 GMT', '@1', links]);
  });
});

describe('a page of another origin', () => {
  const ORIGIN = 'https://app.test';
  const cors = {
    ...{ origins: [ORIGIN], methods: ['GET'], headers: [], expose: ['X-A'], credentials: false, maxAgeSeconds: 5 },
  };
  const origin = { origin: ORIGIN };
  const endpoints = [endpoint('get', 'GET /x'), endpoint('scoped', 'GET /s', { policy: { scopes: ['orders:read'] } })];
  const figures = { limit: 1, remaining: 0, windowSeconds: 1, resetAt: 0, name: 'hour' } as const;
  const LIMITED = { ok: false, refused: 'quota', refusedBy: 0, retryIn: 1_000, retryAt: 0 } as const;

  it('may read every answer of the API, also why it is refused.', async () => {
    const { world, send, publish } = newWorld(api({ cors, endpoints }));
    const allowed = async (answer: Promise<Response>) => {
      const { status, headers } = await answer;
      return `${status} ${headers.get('access-control-allow-origin')} ${headers.get('access-control-expose-headers')}`;
    };
    const headers = { ...KEY, ...origin };
    expect([
      await allowed(send(AT, headers)),
      await allowed(send(AT, origin)),
      await allowed(send('/g/acme/orders/s', headers)),
      await allowed(send('/g/acme/orders/nothing', headers)),
      await allowed(send(AT, headers, { method: 'DELETE' })),
    ]).toEqual([200, 401, 403, 404, 405].map((status) => `${status} ${ORIGIN} X-A`));
    world.verdict = { ...LIMITED, status: { limits: [figures], degraded: false } };
    expect(await allowed(send(AT, headers))).toBe(`429 ${ORIGIN} X-A`);
    world.verdict = undefined;
    world.upstream = () => Promise.reject(new Error('away'));
    expect(await allowed(send(AT, headers))).toBe(`500 ${ORIGIN} X-A`);
    publish(api({ cors, endpoints, lifecycle: lifecycle({ status: 'retired' }) }));
    expect(await allowed(send(AT, headers))).toBe(`410 ${ORIGIN} X-A`);
    expect(await allowed(send(AT, { ...KEY, origin: 'https://other.test' }))).toBe('410 null null');
  });

  it('is told nothing of a private API by its address.', async () => {
    const { send } = newWorld(api({ cors, endpoints, visibility: 'private' }));
    const { status, headers } = await send(AT, { ...KEY, ...origin });
    expect([status, headers.get('access-control-allow-origin'), headers.get('vary')]).toEqual([404, null, 'Accept']);
  });

  it('has its preflight answered with what it may send.', async () => {
    const { send } = newWorld(api({ cors, endpoints, lifecycle: lifecycle({ deprecatedAt: 1_000 }) }));
    const preflight = { ...origin, 'access-control-request-method': 'GET' };
    const { status, headers } = await send(AT, preflight, { method: 'OPTIONS' });
    expect([status, Object.fromEntries(headers)]).toEqual([
      204,
      expect.objectContaining({
        ...{ 'access-control-allow-origin': ORIGIN, 'access-control-allow-methods': 'GET' },
        ...{ 'access-control-max-age': '5', vary: 'Origin' },
      }),
    ]);
  });
});

describe('an answer that was chosen by fields of its request', () => {
  const varyOf = async (fields: Partial<CompiledApi>, path = AT, headers: Record<string, string> = KEY) => {
    const { world, send } = newWorld(api(fields));
    world.upstream = async () => new Response('ok', { headers: { vary: 'accept-language, x-api-version' } });
    return (await send(path, headers)).headers.get('vary');
  };
  const UPSTREAM = 'accept-language, x-api-version';
  const open = { visibility: 'public' } as const;

  it('varies by the credential, unless anybody may call and the address says whose API it is.', async () => {
    expect(await varyOf({})).toBe(`${UPSTREAM}, X-API-Key, Authorization`);
    expect(await varyOf(open)).toBe(UPSTREAM);
    expect(await varyOf(open, '/api/v1/orders/x')).toBe(`${UPSTREAM}, X-API-Key, Authorization`);
    expect(await varyOf({}, AT, {})).toBe('X-API-Key, Authorization, Accept');
  });

  it('varies by where a version is named, by predicates, and by what the cache is keyed with, each once.', async () => {
    const versions = [{ name: 'v1', lifecycle: BASE.lifecycle, policy: {} }];
    const versioning = { by: ['path', 'header', 'accept'], default: 'v1' } as const;
    expect(await varyOf({ ...open, versions, versioning })).toBe(`${UPSTREAM}, Accept`);
    expect(await varyOf({ ...open, versions, versioning }, '/g/acme/orders/v9')).toBe('X-API-Version, Accept');
    expect(await varyOf({ ...open, versions, versioning: { by: ['path'], default: 'v1' } })).toBe(UPSTREAM);
    const when = [{ in: 'header', name: 'x-beta', test: { exists: false } }] as const;
    const cache = { ...BASE.policy.cache, mode: 'origin', varyHeaders: ['x-beta', 'x-tenant'] } as const;
    const endpoints = [endpoint('get', 'GET /x', { when })];
    expect(await varyOf({ ...open, endpoints, ...withPolicy({ cache }) })).toBe(`${UPSTREAM}, x-beta, x-tenant`);
  });

  it('that varies by everything says no more.', async () => {
    const { world, send } = newWorld(api());
    world.upstream = async () => new Response('ok', { headers: { vary: '*' } });
    expect((await send(AT, KEY)).headers.get('vary')).toBe('*');
  });
});

describe('what a call was charged', () => {
  it('is given back when the upstream fails or cannot be called, and not when the caller brought the failure about.', async () => {
    const { world, send } = newWorld(api());
    world.upstream = async () => new Response('', { status: 503 });
    await send(AT, KEY);
    expect(world.givenBack).toBe(1);
    const looped = { ...KEY, via: Array.from({ length: 5 }, () => '1.1 weir').join(', ') };
    expect((await send(AT, looped)).status).toBe(508);
    const fault = { 'x-api-key': 'sk_test', 'x-sandbox-fault': '503' };
    expect((await send(AT, fault)).status).toBe(503);
    expect([world.givenBack, world.charged.length]).toEqual([1, 3]);
  });
});

describe('a credential that is no good', () => {
  it.each([
    ['made up', { 'x-api-key': 'sk_made_up' }],
    ['revoked', { 'x-api-key': 'sk_revoked' }],
    ['a made-up bearer', { authorization: 'Bearer sk_made_up' }],
  ])('is told as such: %s.', async (_, headers) => {
    const answer = await newWorld(api()).send(AT, headers);
    const { message } = (await answer.json()) as { message: string };
    const challenge = answer.headers.get('www-authenticate');
    const told = 'The API key is unknown, revoked or expired';
    expect([answer.status, challenge, message]).toEqual([401, 'Bearer error="invalid_token"', told]);
  });

  it('is told apart from none.', async () => {
    const { send } = newWorld(api());
    const answer = await send(AT);
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await answer.json()).toMatchObject({ message: 'This API needs a key of its organization' });
    const token = await send(AT, { authorization: 'Bearer b.a.d' });
    expect(token.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(await token.json()).toMatchObject({ message: 'The token is no good' });
  });
});
