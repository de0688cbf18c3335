import { exports } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { call, expectOk, type Person, signUp } from '../support/api.ts';
import { newReceiver } from '../support/lab/client.ts';

let person: Person;
let slug: string;
let key: string;

async function newApi(fields: Record<string, unknown>) {
  const name = `api-${crypto.randomUUID().slice(0, 8)}`;
  const body = { name, slug: name, visibility: 'keyed', ...fields };
  const api = await expectOk<{ data: { id: string; slug: string } }>(
    201,
    call('POST', '/api/v1/apis', { token: person.token, body }),
  );
  return api.data;
}

async function newKey(fields: object): Promise<string> {
  const path = `/api/v1/api-keys?organization_id=${person.personalOrganizationId}`;
  const body = { name: 'Key', environment: 'live', key_type: 'standard', ...fields };
  const made = await expectOk<{ data: { key: string } }>(201, call('POST', path, { token: person.token, body }));
  return made.data.key;
}

const send = (path: string, init: RequestInit = {}) =>
  exports.default.fetch(new Request(`https://weir.test${path}`, init));

beforeAll(async () => {
  person = await signUp();
  slug = `personal-${person.id}`;
  key = await newKey({ permissions: ['read', 'write'] });
});

describe('a call with a key', () => {
  it('reaches the upstream with its path, query and body, and comes back with the quota told', async () => {
    const upstream = await newReceiver([{ status: 201, headers: { 'x-own': 'yes' }, body: 'made' }]);
    const api = await newApi({ upstreams: [{ url: upstream.url }] });
    const answer = await send(`/api/v1/${api.slug}/orders/1?b=2&a=1`, {
      method: 'POST',
      headers: { 'X-API-Key': key, 'Content-Type': 'text/plain' },
      body: 'hello',
    });
    expect(await answer.text()).toBe('made');
    expect(answer.status).toBe(201);
    expect(answer.headers.get('x-own')).toBe('yes');
    expect(answer.headers.get('X-RateLimit-Limit')).toBe('2000');
    const [received] = await upstream.received();
    expect(received).toMatchObject({ method: 'POST', body: 'hello' });
    expect(received?.path.endsWith('/orders/1?b=2&a=1')).toBe(true);
    expect(received?.headers['x-api-key']).toBeUndefined();
    expect(received?.headers['via']).toBe('1.1 weir');
  });

  it('also reaches it by the organization’s slug', async () => {
    const upstream = await newReceiver([]);
    const api = await newApi({ upstreams: [{ url: upstream.url }] });
    const answer = await send(`/g/${slug}/${api.slug}/x`, { headers: { 'X-API-Key': key } });
    expect({ status: answer.status, body: await answer.text() }).toEqual({ status: 200, body: 'ok' });
  });

  it('is refused without a key', async () => {
    const upstream = await newReceiver([]);
    const api = await newApi({ upstreams: [{ url: upstream.url }] });
    expect((await send(`/g/${slug}/${api.slug}/x`)).status).toBe(401);
    expect(await upstream.received()).toEqual([]);
  });
});

describe('a limit of an endpoint', () => {
  const limited = (limit: number) => ({
    endpoints: [
      { id: 'list', path: '/orders', limits: [{ limit, window: 'hour' }] },
      { id: 'get', path: '/orders/{id}' },
    ],
  });

  it('holds for the endpoint’s callers together, is named by a 429, and lets the other endpoints be', async () => {
    const upstream = await newReceiver([]);
    const api = await newApi({ upstreams: [{ url: upstream.url }], ...limited(2) });
    const other = await newKey({ permissions: ['read'] });
    const list = (by: string) => send(`/api/v1/${api.slug}/orders`, { headers: { 'X-API-Key': by } });
    expect([(await list(key)).status, (await list(other)).status]).toEqual([200, 200]);
    const refused = await list(key);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({
      error: { code: 'RATE_LIMITED', limit: 2, window: 3_600, message: expect.stringContaining(`"${api.slug}/list"`) },
    });
    expect(refused.headers.get('RateLimit')).toContain(`"${api.slug}/list";r=0`);
    expect((await send(`/api/v1/${api.slug}/orders/1`, { headers: { 'X-API-Key': key } })).status).toBe(200);
    expect(await upstream.received()).toHaveLength(3);
  });

  it('is another one as soon as a change of it has been answered', async () => {
    const upstream = await newReceiver([]);
    const api = await newApi({ upstreams: [{ url: upstream.url }], ...limited(1) });
    const list = async () => (await send(`/api/v1/${api.slug}/orders`, { headers: { 'X-API-Key': key } })).status;
    expect([await list(), await list()]).toEqual([200, 429]);
    const body = { name: 'Orders', slug: api.slug, upstreams: [{ url: upstream.url }], ...limited(3) };
    await expectOk(200, call('PUT', `/api/v1/apis/${api.slug}`, { token: person.token, body }));
    expect([await list(), await list(), await list()]).toEqual([200, 200, 429]);
  });

  it.each([
    [{ limit: 0, window: 'hour' }, 'endpoints.0.limits.0.limit'],
    [{ limit: 1, window: 'year' }, 'endpoints.0.limits.0.window'],
    [{ limit: 1, window: 'hour', burst: 2 }, 'endpoints.0.limits.0.burst'],
    [{ limit: 1, window: 'hour', algorithm: 'token_bucket', burst: 1_001 }, 'endpoints.0.limits.0.burst'],
  ])('is refused as %j', async (limit, path) => {
    const body = { name: 'A', slug: 'refused', upstreams: [{ url: 'https://example.com' }] };
    const endpoints = [{ path: '/orders', limits: [limit] }];
    const answer = await call('POST', '/api/v1/apis', { token: person.token, body: { ...body, endpoints } });
    expect(answer).toMatchObject({ status: 400, body: { details: [{ path }] } });
  });
});
