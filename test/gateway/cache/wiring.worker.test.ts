import { exports } from 'cloudflare:workers';
import { beforeAll, expect, it } from 'vitest';
import { call, expectOk, type Person, signUp } from '../../support/api.ts';
import { newReceiver } from '../../support/lab/client.ts';

/** What the cache is told of a call on its way through the gateway. */

let person: Person;
let keys: string[];
let service: string;
let asked: () => Promise<string[]>;

async function newKey(): Promise<string> {
  const path = `/api/v1/api-keys?organization_id=${person.personalOrganizationId}`;
  const body = { name: 'Key', environment: 'live', key_type: 'standard', permissions: ['read', 'write'] };
  const made = await expectOk<{ data: { key: string } }>(201, call('POST', path, { token: person.token, body }));
  return made.data.key;
}

beforeAll(async () => {
  person = await signUp();
  keys = [await newKey(), await newKey()];
  const answers = Array.from({ length: 12 }, (_, index) => ({ status: 200, body: `${index + 1}` }));
  const upstream = await newReceiver(answers);
  const cache = { mode: 'ttl', ttl_seconds: 600 };
  const shared = { ...cache, per_caller: false };
  const byCaller = { headers: [{ do: 'set', name: 'X-Caller', value: '{{caller.key_id}}' }] };
  const lookup = { path: '/lookup', headers: [{ do: 'set', name: 'X-Id', value: '{{params.id}}' }] };
  const slug = `api-${crypto.randomUUID().slice(0, 8)}`;
  const endpoints = [
    { path: '/mine', cache: shared, request: byCaller },
    { path: '/users/{id}', cache: shared, request: lookup },
    { path: '/plain', cache },
    { path: '/items', methods: ['GET'], cache: shared, request: { path: '/db/read-items' } },
    { path: '/items', methods: ['POST'] },
  ];
  const body = { name: slug, slug, visibility: 'keyed', upstreams: [{ url: upstream.url }], endpoints };
  await expectOk(201, call('POST', '/api/v1/apis', { token: person.token, body }));
  service = `https://weir.test/api/v1/${slug}`;
  asked = async () => (await upstream.received()).map(({ path }) => path);
});

const send = (path: string, key = 0, init: { method?: string; headers?: Record<string, string> } = {}) =>
  exports.default.fetch(
    new Request(service + path, { ...init, headers: { 'X-API-Key': keys[key] ?? '', ...init.headers } }),
  );

const text = async (path: string, key = 0) => (await send(path, key)).text();

it('gives nobody the answer of another whom the request transform names', async () => {
  const [first, second] = [await text('/mine', 0), await text('/mine', 1)];
  expect(second).not.toBe(first);
  expect(await text('/mine', 0)).toBe(first);
});

it('gives nothing for another that the request transform names', async () => {
  expect(await text('/users/1')).not.toBe(await text('/users/2'));
});

it('keeps answers for each key unless the definition or the upstream shares them', async () => {
  const [first, second] = [await text('/plain', 0), await text('/plain', 1)];
  expect(second).not.toBe(first);
  expect(await text('/plain', 0)).toBe(first);
});

it('forgets what a write to the same address has changed, whatever the upstream calls it', async () => {
  const before = await text('/items');
  expect(await text('/items', 1)).toBe(before);
  await (await send('/items', 0, { method: 'POST' })).text();
  expect(await text('/items')).not.toBe(before);
});

it('says in our own form that nothing is stored', async () => {
  const count = (await asked()).length;
  const answer = await send('/users/9', 0, { headers: { 'Cache-Control': 'only-if-cached' } });
  expect(answer.status).toBe(504);
  expect(await answer.json()).toMatchObject({ error: 'gateway_timeout', message: expect.any(String) });
  expect(answer.headers.get('Cache-Status')).toBe('weir; fwd=request; detail=only-if-cached');
  expect((await asked()).length).toBe(count);
});
