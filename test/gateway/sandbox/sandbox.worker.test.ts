import { exports } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { newKey } from '../../identity/api-keys-fixture.ts';
import { type Person, signUp } from '../../support/api.ts';
import { newReceiver } from '../../support/lab/client.ts';
import { newApi } from '../registry/fixture.ts';

let person: Person;
let testKey: string;
let liveKey: string;

const ORDER = { type: 'object', properties: { id: { type: 'integer' }, email: { type: 'string', format: 'email' } } };

const send = (path: string, key: string, headers: Record<string, string> = {}) =>
  exports.default.fetch(new Request(`https://weir.test/api/v1${path}`, { headers: { 'X-API-Key': key, ...headers } }));

async function newMocked() {
  const upstream = await newReceiver([{ body: 'real' }]);
  const endpoints = [
    { path: '/orders/{id}', mock: [{ schema: ORDER }, { status: 404, example: { error: 'none' } }] },
    { path: '/free', cost: 3, cache: { mode: 'ttl', ttl_seconds: 60 } },
    { path: '/refunds', scopes: ['orders:refund'], mock: [{ status: 204 }] },
  ];
  const slug = `shop-${crypto.randomUUID().slice(0, 8)}`;
  await newApi(person, { slug, upstreams: [{ url: upstream.url }], endpoints });
  return { slug, upstream };
}

beforeAll(async () => {
  person = await signUp();
  testKey = (await newKey(person, { environment: 'test' })).key;
  liveKey = (await newKey(person)).key;
});

describe('a call with a test key', () => {
  it('is answered from schema and examples, is measured, and reaches no upstream.', async () => {
    const { slug, upstream } = await newMocked();
    const answer = await send(`/${slug}/orders/42`, testKey);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ id: 42, email: expect.stringContaining('@') });
    expect(answer.headers.get('x-sandbox')).toBe('true');
    expect(Number(answer.headers.get('x-ratelimit-remaining'))).toBeGreaterThan(0);
    const missing = await send(`/${slug}/orders/42`, testKey, { Prefer: 'code=404' });
    expect([missing.status, await missing.json()]).toEqual([404, { error: 'none' }]);
    expect(await upstream.received()).toEqual([]);
  });

  it('is told of a fault that was asked for, and that it is one of the sandbox.', async () => {
    const { slug } = await newMocked();
    const answer = await send(`/${slug}/orders/1`, testKey, { 'X-Sandbox-Fault': '503' });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(answer.headers.get('x-sandbox')).toBe('true');
  });

  it('is answered with 501 where there is nothing to answer with, whatever the cache holds, and charged nothing.', async () => {
    const { slug, upstream } = await newMocked();
    const real = await send(`/${slug}/free`, liveKey);
    expect(await real.text()).toBe('real');
    expect(real.headers.get('x-sandbox')).toBeNull();
    const answer = await send(`/${slug}/free`, testKey);
    expect(answer.status).toBe(501);
    expect(await answer.json()).toMatchObject({ error: 'not_implemented' });
    expect((await upstream.received()).length).toBe(1);
  });
});

describe('an endpoint that asks for a scope of the organization’s own', () => {
  it('is open to a key that holds it, and to no other.', async () => {
    const { slug } = await newMocked();
    const permissions = ['read', 'orders:refund'];
    const holder = await newKey(person, { environment: 'test', key_type: 'restricted', permissions });
    expect((await send(`/${slug}/refunds`, holder.key)).status).toBe(204);
    const refused = await send(`/${slug}/refunds`, testKey);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ message: expect.stringContaining('orders:refund') });
  });
});
