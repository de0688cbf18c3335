import { once } from 'node:events';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { startTalker, startUpstream, type Upstream } from '../support/upstream.ts';
import { open, read, send } from '../support/wire.ts';

/** Upstreams that do what no upstream should: the caller gets an error or a broken answer, the gateway keeps its memory. */

const MIB = 1 << 20;

let gateway: Gateway;
let key: string;
const started: Upstream[] = [];

beforeAll(async () => {
  gateway = await startGateway();
  key = (await gateway.owner.newKey()).text;
});

afterAll(async () => {
  await gateway.stop();
  for (const upstream of started) await upstream.stop();
});

async function apiOf(upstream: Upstream, fields: object = {}) {
  started.push(upstream);
  const { path } = await gateway.owner.newApi({ upstreams: [{ url: upstream.url }], ...fields });
  const call = (headers: Record<string, string> = {}) =>
    send(gateway.port, `${path}/x`, { headers: { 'X-API-Key': key, ...headers } });
  const begin = () => open(gateway.port, `${path}/x`, { headers: { 'X-API-Key': key } });
  return { call, begin };
}

const talking = async (text: string | ((socket: Socket) => unknown), fields: object = {}) =>
  apiOf(await startTalker((socket) => (typeof text === 'string' ? socket.end(text) : text(socket))), fields);

const mask = { response: { mask: ['/secret'] } };

const JSON_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

describe('time', () => {
  it('header fields that do not come are waited for as long as the API says, and then it is 504', async () => {
    const closed = Promise.withResolvers<void>();
    const { call } = await talking((socket) => socket.once('close', closed.resolve), { timeout_ms: 300 });
    const answer = await call();
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([504, 'gateway_timeout']);
    await closed.promise;
  });

  it('header fields that come a byte at a time are no reason to wait longer', async () => {
    const { call } = await talking(
      (socket) => {
        const bytes = [...`${JSON_HEAD}X-Slow: ${'a'.repeat(1_000)}`];
        const timer = setInterval(() => socket.write(bytes.shift() ?? 'a'), 20);
        socket.once('close', () => clearInterval(timer));
      },
      { timeout_ms: 300 },
    );
    expect((await call()).status).toBe(504);
  });

  it('a body that comes a byte at a time comes down as it comes, beyond the time for its beginning', async () => {
    const { call } = await talking(
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n');
        let sent = 0;
        const timer = setInterval(() => {
          socket.write('x');
          sent += 1;
          if (sent === 10) clearInterval(timer);
        }, 60);
        socket.once('close', () => clearInterval(timer));
      },
      { timeout_ms: 300 },
    );
    expect(await call()).toMatchObject({ status: 200, text: 'x'.repeat(10), complete: true });
  });

  it('a body that is to be changed is waited for no longer than that', async () => {
    const { call } = await talking((socket) => socket.write(`${JSON_HEAD}Content-Length: 100\r\n\r\n{"a":`), {
      ...mask,
      timeout_ms: 300,
    });
    const answer = await call();
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([504, 'gateway_timeout']);
  });
});

describe('size', () => {
  it('a body without end goes on for as long as the caller reads, and stays out of memory', async () => {
    const closed = Promise.withResolvers<void>();
    const { begin } = await talking((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
      const bytes = Buffer.alloc(MIB);
      const more = () => {
        while (!socket.destroyed && socket.write(bytes));
      };
      socket.on('drain', more);
      socket.once('close', closed.resolve);
      more();
    });
    const response = await begin();
    let length = 0;
    for await (const chunk of response) {
      length += (chunk as Buffer).length;
      if (length > 20 * MIB) break;
    }
    response.destroy();
    await closed.promise;
    expect(length).toBeGreaterThan(20 * MIB);
  });

  it('a gzip bomb goes down as it came, and costs the gateway its coded length', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * MIB), { level: 9 });
    const headers = { 'content-type': 'application/octet-stream', 'content-encoding': 'gzip' };
    const { call } = await apiOf(await startUpstream((_, response) => response.writeHead(200, headers).end(bomb)));
    const before = await gateway.runtimeMemory();
    const answer = await call({ 'Accept-Encoding': 'gzip' });
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(answer.body.equals(bomb)).toBe(true);
    expect((await gateway.runtimeMemory()) - before).toBeLessThan(100 * MIB);
  });

  it('a gzip bomb where the gateway has to read is refused at the bound, counted after decoding', async () => {
    const bomb = gzipSync(Buffer.concat([Buffer.from('{"a":"'), Buffer.alloc(200 * MIB, 'a'), Buffer.from('"}')]));
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const upstream = await startUpstream((_, response) => response.writeHead(200, headers).end(bomb));
    const body = { response: { body: { expression: '@', max_bytes: MIB } } };
    const { call } = await apiOf(upstream, body);
    const before = await gateway.runtimeMemory();
    const answer = await call();
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([502, 'bad_gateway']);
    expect((await gateway.runtimeMemory()) - before).toBeLessThan(100 * MIB);
  });

  it.each([
    ['one field of 100 KB', [`X-Large: ${'a'.repeat(100_000)}`]],
    ['200 fields', Array.from({ length: 200 }, (_, index) => `X-${index}: a`)],
    ['a megabyte of fields', Array.from({ length: 100 }, (_, index) => `X-${index}: ${'a'.repeat(10_000)}`)],
  ])('%s are 502', async (_, fields) => {
    const { call } = await talking(`HTTP/1.1 200 OK\r\n${fields.join('\r\n')}\r\nContent-Length: 2\r\n\r\nok`);
    const answer = await call();
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([502, 'bad_gateway']);
  });
});

describe('breaking off', () => {
  it.each([
    ['resets the connection', (socket: Socket) => socket.resetAndDestroy()],
    ['hangs up', (socket: Socket) => socket.destroy()],
    ['ends in the middle of its fields', (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nX-A: b')],
    ['speaks no HTTP', (socket: Socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n\r\n')],
    [
      'answers with two lengths',
      (socket: Socket) => socket.end(`${JSON_HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`),
    ],
    ['answers with a status that there is not', (socket: Socket) => socket.end('HTTP/1.1 99999 X\r\n\r\n')],
  ])('an upstream that %s is 502, and its words stay behind', async (_, end) => {
    const { call } = await talking(end);
    const answer = await call();
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([502, 'bad_gateway']);
    expect(answer.text).not.toMatch(/SSH|127\.0\.0\.1|ECONN/);
  });

  it('an upstream that is not there is 502', async () => {
    const upstream = await startUpstream(() => undefined);
    const { call } = await apiOf(upstream);
    await upstream.stop();
    expect((await call()).status).toBe(502);
  });

  it('an answer that was to be changed and breaks off is 502, and nothing of it is shown', async () => {
    const { call } = await talking(
      (socket) =>
        socket.write(`${JSON_HEAD}Content-Length: 100\r\n\r\n{"secret":"1`, () =>
          setTimeout(() => socket.destroy(), 50),
        ),
      mask,
    );
    const answer = await call();
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([502, 'bad_gateway']);
  });

  it('a coded answer that was to be changed and is none is 502', async () => {
    const { call } = await talking(`${JSON_HEAD}Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope`, mask);
    expect((await call()).status).toBe(502);
  });

  it('an answer that the cache takes in and that breaks off is broken for the caller, and is not stored', async () => {
    let times = 0;
    const { begin, call } = await talking(
      (socket) => {
        times += 1;
        if (times > 1) return socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwhole');
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly a part');
        return setTimeout(() => socket.destroy(), 100);
      },
      { cache: { mode: 'ttl', ttl_seconds: 60 } },
    );
    const response = await begin();
    const answer = await read(response);
    expect(answer.complete && answer.status === 200).toBe(false);
    expect(await call()).toMatchObject({ status: 200, text: 'whole' });
  });

  it('an answer before the body has been read ends the upload', async () => {
    const upstream = await startTalker((socket) =>
      socket.end('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig'),
    );
    started.push(upstream);
    const { path } = await gateway.owner.newApi({ upstreams: [{ url: upstream.url }] });
    const sending = { method: 'POST', headers: { 'X-API-Key': key }, body: Buffer.alloc(MIB) };
    const answer = await Promise.race([
      send(gateway.port, `${path}/x`, sending),
      once(AbortSignal.timeout(10_000), 'abort').then(() => undefined),
    ]);
    expect([413, 502]).toContain(answer?.status);
  });
});

it('what an answer says of the host, of itself and of others stays behind, and line breaks in fields do not go on', async () => {
  const { call } = await talking(
    'HTTP/1.1 200 OK\r\nServer: secret/1\r\nX-Powered-By: x\r\nStrict-Transport-Security: max-age=1\r\nClear-Site-Data: "*"\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-RateLimit-Limit: 7\r\nX-Request-Id: theirs\r\nContent-Length: 2\r\n\r\nok',
  );
  const { headers } = await call();
  for (const name of ['x-powered-by', 'strict-transport-security', 'clear-site-data', 'x-hop']) {
    expect(headers[name], name).toBeUndefined();
  }
  expect(headers['server'] ?? '').not.toContain('secret');
  expect(headers['x-ratelimit-limit']).not.toBe('7');
  expect(headers['x-upstream-ratelimit-limit']).toBe('7');
  expect(headers['x-request-id']).not.toBe('theirs');
});
