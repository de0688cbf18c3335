import { beforeAll, describe, expect, it, vi } from 'vitest';
import { isWebSocketRequest } from '../../../src/gateway/websocket/proxy.ts';
import { call, expectOk, type Person, signUp } from '../../support/api.ts';
import { newSocketServer } from '../../support/lab/client.ts';
import { opened, openSocket } from '../../support/sockets.ts';

let person: Person;
let key: string;

async function newApi(url: string, fields: object = {}): Promise<string> {
  const name = `api-${crypto.randomUUID().slice(0, 8)}`;
  const body = { name, slug: name, visibility: 'keyed', upstreams: [{ url }], ...fields };
  await expectOk(201, call('POST', '/api/v1/apis', { token: person.token, body }));
  return `/api/v1/${name}`;
}

async function newKey(fields: object = {}): Promise<{ id: string; key: string }> {
  const path = `/api/v1/api-keys?organization_id=${person.personalOrganizationId}`;
  const body = { name: 'Key', environment: 'live', key_type: 'standard', permissions: ['read', 'write'], ...fields };
  const made = await expectOk<{ data: { id: string; key: string } }>(
    201,
    call('POST', path, { token: person.token, body }),
  );
  return made.data;
}

beforeAll(async () => {
  person = await signUp();
  ({ key } = await newKey());
});

describe('a WebSocket through the gateway', () => {
  it('carries texts and bytes both ways, with the sub-protocol that the upstream chose', async () => {
    const upstream = newSocketServer();
    const path = await newApi(upstream.url);
    const socket = await opened(`${path}/chat/1?room=a`, { 'X-API-Key': key, 'Sec-WebSocket-Protocol': 'soap, wamp' });
    expect(socket.headers.get('Sec-WebSocket-Protocol')).toBe('soap');
    socket.send('hello');
    expect(await socket.next()).toBe('hello');
    socket.send(new Uint8Array([1, 2, 255]).buffer);
    expect(new Uint8Array((await socket.next()) as ArrayBuffer)).toEqual(new Uint8Array([1, 2, 255]));
    socket.close(4000, 'done');
    expect(await socket.closed).toEqual({ code: 4000, reason: 'done' });
    await vi.waitFor(async () => expect((await upstream.seen())[0]?.closed).toEqual({ code: 4000, reason: 'done' }));
    const [seen] = await upstream.seen();
    expect(seen?.path.endsWith('/chat/1?room=a')).toBe(true);
    expect(seen?.headers).toMatchObject({ upgrade: 'websocket', via: '1.1 weir' });
    expect(seen?.headers['x-api-key']).toBeUndefined();
  });

  it('shows the upstream the credentials of the API, as other calls do', async () => {
    const upstream = newSocketServer();
    const inject = [{ in: 'header', name: 'X-Upstream-Token', template: 'Bearer {{secret}}', secret: 'abcdefghij' }];
    const path = await newApi(upstream.url, { credentials: { inject } });
    const socket = await opened(path, { 'X-API-Key': key });
    socket.send('headers');
    expect(JSON.parse((await socket.next()) as string)).toMatchObject({ 'x-upstream-token': 'Bearer abcdefghij' });
    socket.close();
  });

  it.each([
    ['close 1000 bye', { code: 1000, reason: 'bye' }],
    ['close 1012 restart', { code: 1012, reason: 'restart' }],
    ['close 4999 own', { code: 4999, reason: 'own' }],
    ['close', { code: 1005, reason: '' }],
    ['die', { code: 1011, reason: 'The upstream went away' }],
  ])('ends for the caller as it ended at the upstream: %s', async (order, end) => {
    const upstream = newSocketServer();
    const socket = await opened(await newApi(upstream.url), { 'X-API-Key': key });
    socket.send(order);
    expect(await socket.closed).toEqual(end);
  });

  it('is opened by nobody without a key, or with one that may only read', async () => {
    const upstream = newSocketServer();
    const path = await newApi(upstream.url);
    expect((await openSocket(path)).status).toBe(401);
    const reader = await newKey({ permissions: ['read'] });
    expect((await openSocket(path, { 'X-API-Key': reader.key })).status).toBe(403);
    expect(await upstream.seen()).toEqual([]);
  });

  it('passes on the answer of an upstream that declines', async () => {
    const upstream = newSocketServer();
    const answer = await openSocket(`${await newApi(upstream.url)}/refuse`, { 'X-API-Key': key });
    expect({ status: answer.status, own: answer.headers.get('X-Own'), body: await answer.text() }).toEqual({
      status: 403,
      own: 'yes',
      body: 'refused',
    });
  });

  it('ends with 1009 at a message that is too large, whoever sent it', async () => {
    const upstream = newSocketServer();
    const path = await newApi(upstream.url, { websocket: { max_message_bytes: 1_024 } });
    const socket = await opened(path, { 'X-API-Key': key });
    socket.send('x'.repeat(1_024));
    expect(await socket.next()).toHaveLength(1_024);
    socket.send('x'.repeat(1_025));
    expect(await socket.closed).toEqual({ code: 1009, reason: 'The message is too large' });
    await vi.waitFor(async () => expect((await upstream.seen())[0]?.closed?.code).toBe(1001));
  });

  it('ends with 1001 when no message comes either way for as long as the API says', async () => {
    const upstream = newSocketServer();
    const path = await newApi(upstream.url, { websocket: { idle_ms: 1_000 } });
    const socket = await opened(path, { 'X-API-Key': key });
    expect(await socket.closed).toEqual({ code: 1001, reason: 'No message for too long' });
    await vi.waitFor(async () => expect((await upstream.seen())[0]?.closed?.code).toBe(1001));
  });

  it('is one of as many as the API may have, whose places come free', async () => {
    const upstream = newSocketServer();
    const path = await newApi(upstream.url, { websocket: { max_connections: 1 } });
    const first = await opened(path, { 'X-API-Key': key });
    const refused = await openSocket(path, { 'X-API-Key': key });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('Retry-After')).toBe('5');
    expect(await refused.json()).toMatchObject({ message: 'Too many WebSockets of this API are open' });
    expect((await openSocket(`${path}/refuse`, { 'X-API-Key': key })).status).toBe(503);
    first.close(1000, '');
    await first.closed;
    expect((await openSocket(`${path}/refuse`, { 'X-API-Key': key })).status).toBe(403);
    (await opened(path, { 'X-API-Key': key })).close();
  });
});

it('a WebSocket is asked for by GET alone, in whatever case', () => {
  const asks = (method: string, upgrade: string) => isWebSocketRequest(method, new Headers({ Upgrade: upgrade }));
  expect(asks('GET', 'WebSocket')).toBe(true);
  expect(asks('POST', 'websocket')).toBe(false);
  expect(asks('GET', 'h2c')).toBe(false);
});
