import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, type Gateway, type Key, type Person, startGateway } from './support/gateway.ts';
import { startUpstream, type Upstream } from './support/upstream.ts';
import { type Answer, type Sending, send } from './support/wire.ts';

/** Who may call, and what is charged for it. */

const MISSING_KEY = `sk_live_${'0'.repeat(60)}`;

let gateway: Gateway;
let upstream: Upstream;
let owner: Person;
let key: Key;
let apis: Record<'public' | 'keyed' | 'private', Api>;
/** What the upstream answers with from now on. */
let status = 200;

const call = (path: string, text?: string, sending: Sending = {}) =>
  send(gateway.port, path, {
    ...sending,
    headers: { ...(text !== undefined && { 'X-API-Key': text }), ...sending.headers },
  });

const errorOf = ({ text }: Answer) => {
  const { error } = JSON.parse(text) as { error: string | { code: string } };
  return typeof error === 'string' ? error : error.code;
};

const remaining = ({ headers }: Answer) => Number(headers['x-ratelimit-remaining']);

beforeAll(async () => {
  gateway = await startGateway();
  owner = gateway.owner;
  upstream = await startUpstream((_request, response) => response.writeHead(status).end('reached'));
  const upstreams = [{ url: upstream.url }];
  key = await owner.newKey();
  apis = {
    public: await owner.newApi({ visibility: 'public', upstreams, address_limit: { units: 3, window: 'hour' } }),
    keyed: await owner.newApi({ visibility: 'keyed', upstreams }),
    private: await owner.newApi({ visibility: 'private', upstreams }),
  };
});

afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

describe('who reaches an API', () => {
  it('with a key of the organization: each at its addresses, a private one by credential alone', async () => {
    for (const api of [apis.public, apis.keyed]) {
      expect(await call(`${api.path}/x`, key.text)).toMatchObject({ status: 200, text: 'reached' });
      expect(await call(`${api.keyedPath}/x`, key.text)).toMatchObject({ status: 200, text: 'reached' });
    }
    expect(await call(`${apis.private.keyedPath}/x`, key.text)).toMatchObject({ status: 200, text: 'reached' });
    const hidden = await call(`${apis.private.path}/x`, key.text);
    expect([hidden.status, errorOf(hidden)]).toEqual([404, 'not_found']);
  });

  it('the key may also be a bearer’s, and a person’s token does as well', async () => {
    const bearer = await call(`${apis.keyed.path}/x`, undefined, { headers: { Authorization: `Bearer ${key.text}` } });
    expect(bearer.status).toBe(200);
    const person = { headers: { Authorization: `Bearer ${owner.token}` } };
    expect((await call(`${apis.keyed.path}/x`, undefined, person)).status).toBe(200);
    expect((await call(`${apis.private.keyedPath}/x`, undefined, person)).status).toBe(200);
  });

  it('without a credential: public ones, and 401 at the others; where only a credential says whose it is, 401 too', async () => {
    const before = upstream.received.length;
    expect((await call(`${apis.public.path}/x`)).status).toBe(200);
    for (const path of [apis.keyed.path, apis.keyed.keyedPath, apis.public.keyedPath, apis.private.keyedPath]) {
      const answer = await call(`${path}/x`);
      expect([answer.status, errorOf(answer)], path).toEqual([401, 'unauthorized']);
    }
    expect((await call(`${apis.private.path}/x`)).status).toBe(404);
    expect(upstream.received.length - before).toBe(1);
  });

  it('with a key that was never made, or with one letter changed, is 401', async () => {
    const changed = key.text.slice(0, -1) + (key.text.endsWith('a') ? 'b' : 'a');
    for (const text of [MISSING_KEY, changed, `${key.text}x`, 'sk_live_', '']) {
      const answer = await call(`${apis.keyed.keyedPath}/x`, text);
      expect([answer.status, errorOf(answer)], text).toEqual([401, 'unauthorized']);
    }
  });

  it('a key of another organization finds nothing there, and is charged for asking', async () => {
    const stranger = await gateway.signUp();
    const other = (await stranger.newKey()).text;
    const first = await call(`${apis.keyed.path}/x`, other);
    expect([first.status, errorOf(first)]).toEqual([404, 'not_found']);
    const missing = await call(`${owner.base}/no-such-service/x`, other);
    expect(JSON.parse(missing.text)).toMatchObject({ error: 'not_found', message: JSON.parse(first.text).message });
    expect(remaining(missing)).toBe(remaining(first) - 1);
    expect((await call(`${apis.keyed.keyedPath}/x`, other)).status).toBe(404);
    const asPerson = { headers: { Authorization: `Bearer ${stranger.token}` } };
    expect((await call(`${apis.keyed.path}/x`, undefined, asPerson)).status).toBe(404);
  });

  it('a revoked key is refused from the next request on', async () => {
    const short = await owner.newKey();
    expect((await call(`${apis.keyed.path}/x`, short.text)).status).toBe(200);
    const revoked = await owner.ask('DELETE', `/api/v1/api-keys/${short.id}`);
    expect(revoked.status).toBeLessThan(300);
    const before = upstream.received.length;
    const answer = await call(`${apis.keyed.path}/x`, short.text);
    expect([answer.status, errorOf(answer)]).toEqual([401, 'unauthorized']);
    expect(upstream.received.length).toBe(before);
  });

  it('a key that may only read does not write, and one without a scope that the API asks for does neither', async () => {
    const reader = (await owner.newKey({ permissions: ['read'] })).text;
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      expect((await call(`${apis.keyed.path}/x`, reader, { method })).status, method).toBe(200);
    }
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await call(`${apis.keyed.path}/x`, reader, { method });
      expect([answer.status, errorOf(answer)], method).toEqual([403, 'forbidden']);
    }
    const scoped = await owner.newApi({ upstreams: [{ url: upstream.url }], scopes: ['triggers:write'] });
    const refused = await call(`${scoped.path}/x`, reader);
    expect([refused.status, errorOf(refused)]).toEqual([403, 'forbidden']);
    expect((await call(`${scoped.path}/x`, key.text)).status).toBe(200);
    const exact = await owner.newKey({ key_type: 'restricted', permissions: ['gateway:read', 'triggers:write'] });
    expect((await call(`${scoped.path}/x`, exact.text)).status).toBe(200);
  });

  it('a key that is limited to paths, methods or addresses holds to them', async () => {
    const narrow = await owner.newKey({ endpoints: [`${apis.keyed.keyedPath}/a/**`], methods: ['GET'] });
    expect((await call(`${apis.keyed.keyedPath}/a/b`, narrow.text)).status).toBe(200);
    expect((await call(`${apis.keyed.path}/a/b`, narrow.text)).status).toBe(200);
    expect((await call(`${apis.keyed.keyedPath}/b`, narrow.text)).status).toBe(403);
    expect((await call(`${apis.keyed.path}/b`, narrow.text)).status).toBe(403);
    expect((await call(`${apis.keyed.keyedPath}/%61/b`, narrow.text)).status).toBe(200);
    expect((await call(`${apis.keyed.keyedPath}/a/b`, narrow.text, { method: 'POST' })).status).toBe(403);
    const elsewhere = await owner.newKey({ ip_allowlist: ['203.0.113.0/24'] });
    const answer = await call(`${apis.keyed.keyedPath}/a`, elsewhere.text, {
      headers: { 'X-Forwarded-For': '203.0.113.1', 'CF-Connecting-IP': '203.0.113.1', 'X-Real-IP': '203.0.113.1' },
    });
    expect(answer.status).toBe(403);
  });
});

describe('what a call costs', () => {
  it('the units of its endpoint, told on every answer; given back when the upstream fails, and not when it refuses', async () => {
    const endpoints = [
      { path: '/cheap', methods: ['GET'] },
      { path: '/dear', methods: ['GET'], cost: 50 },
    ];
    const api = await owner.newApi({ upstreams: [{ url: upstream.url }], endpoints });
    const first = remaining(await call(`${api.path}/cheap`, key.text));
    expect(first - remaining(await call(`${api.path}/dear`, key.text))).toBe(50);
    status = 404;
    expect(first - remaining(await call(`${api.path}/dear`, key.text))).toBe(100);
    status = 503;
    await call(`${api.path}/dear`, key.text);
    status = 401;
    await call(`${api.path}/dear`, key.text);
    status = 200;
    // What is given back is so after the answer.
    await expect.poll(async () => first - remaining(await call(`${api.path}/cheap`, key.text))).toBeLessThan(150);
    const wrong = await call(`${api.path}/cheap`, key.text, { method: 'POST' });
    expect(wrong.status).toBe(405);
    expect(wrong.headers['x-ratelimit-limit']).toBeDefined();
  });

  it('beyond the quota is 429 with its fields, and the upstream is not called', async () => {
    const poor = await gateway.signUp({ units: 5 });
    const api = await poor.newApi({ upstreams: [{ url: upstream.url }], cost: 2 });
    const own = (await poor.newKey()).text;
    let last = await call(`${api.path}/x`, own);
    for (let calls = 0; last.status === 200 && calls < 10; calls++) last = await call(`${api.path}/x`, own);
    const before = upstream.received.length;
    const refused = await call(`${api.path}/x`, own);
    expect(refused.status).toBe(429);
    expect(JSON.parse(refused.text)).toMatchObject({
      error: { code: 'RATE_LIMITED', limit: 5, window: 3600, retry_after: expect.any(Number) },
    });
    expect(refused.headers).toMatchObject({
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-window': '3600',
      'ratelimit-policy': expect.stringContaining('q=5;w=3600'),
    });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(upstream.received.length).toBe(before);
  });

  it('callers without a credential are limited by their address, whatever they say it is', async () => {
    const api = await owner.newApi({
      visibility: 'public',
      upstreams: [{ url: upstream.url }],
      address_limit: { units: 3, window: 'hour' },
    });
    const statuses: number[] = [];
    for (let calls = 0; calls < 5; calls++) {
      const headers = { 'X-Forwarded-For': `203.0.113.${calls}`, 'CF-Connecting-IP': `203.0.113.${calls}` };
      statuses.push((await call(`${api.path}/x`, undefined, { headers })).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    // A caller with a key has a limit of its own.
    expect((await call(`${api.path}/x`, key.text)).status).toBe(200);
    // A key that is no good is nobody's.
    expect((await call(`${api.path}/x`, MISSING_KEY)).status).toBe(429);
  });
});
