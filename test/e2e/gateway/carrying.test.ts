import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, type Gateway, startGateway } from './support/gateway.ts';
import { startRawUpstream, startTalker, startUpstream, type Upstream } from './support/upstream.ts';
import { begin, open, read, type Sending, send, talk } from './support/wire.ts';

/** What a caller sees of an upstream through the gateway, and an upstream of a caller. */

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

async function newApi(upstream: Upstream, fields: object = {}): Promise<Api> {
  started.push(upstream);
  return gateway.owner.newApi({ upstreams: [{ url: `${upstream.url}/base` }], ...fields });
}

const withKey = ({ headers, ...sending }: Sending = {}): Sending => ({
  ...sending,
  headers: { 'X-API-Key': key, ...headers },
});

/** An upstream that answers every request in the same way, and the path of its API. */
async function answering(answer: (response: ServerResponse) => unknown, fields: object = {}) {
  const upstream = await startUpstream((_request, response) => answer(response));
  const { path, keyedPath } = await newApi(upstream, fields);
  const call = (rest: string, sending?: Sending) => send(gateway.port, `${path}${rest}`, withKey(sending));
  return { upstream, path, keyedPath, call };
}

describe('methods', () => {
  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])('a %s reaches the upstream as it is', async (method) => {
    const { upstream, call } = await answering((response) => response.writeHead(207, { 'x-own': 'yes' }).end('answer'));
    const body = method === 'GET' ? undefined : 'sent';
    const answer = await call('/things/1?b=2&a=%20x', { method, ...(body !== undefined && { body }) });
    expect(answer).toMatchObject({ status: 207, text: 'answer', complete: true, headers: { 'x-own': 'yes' } });
    const [received] = upstream.received;
    expect(received).toMatchObject({ method, path: '/base/things/1?b=2&a=%20x' });
    expect(received?.body.toString()).toBe(body ?? '');
  });

  it('a HEAD is a HEAD for the upstream, and its answer has the length and no body', async () => {
    const { upstream, call } = await answering((response) => response.writeHead(200, { 'content-length': '12' }).end());
    const answer = await call('/thing', { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, text: '', complete: true, headers: { 'content-length': '12' } });
    expect(upstream.received).toMatchObject([{ method: 'HEAD' }]);
  });

  it('an OPTIONS is the upstream’s to answer where the API has neither endpoints nor rules for other origins', async () => {
    const { upstream, call } = await answering((response) => response.writeHead(204, { allow: 'GET, PATCH' }).end());
    expect(await call('/thing', { method: 'OPTIONS' })).toMatchObject({
      status: 204,
      headers: { allow: 'GET, PATCH' },
    });
    expect(upstream.received).toMatchObject([{ method: 'OPTIONS' }]);
  });

  it('an OPTIONS is answered by the gateway where the API lists its endpoints', async () => {
    const endpoints = [{ path: '/thing', methods: ['GET', 'PUT'] }];
    const { upstream, call } = await answering((response) => response.end(), { endpoints });
    const answer = await call('/thing', { method: 'OPTIONS' });
    expect(answer.status).toBe(204);
    expect(answer.headers.allow?.split(', ').sort()).toEqual(['GET', 'HEAD', 'OPTIONS', 'PUT']);
    const refused = await call('/thing', { method: 'DELETE' });
    expect(refused.status).toBe(405);
    expect(refused.headers.allow).toBe(answer.headers.allow);
    expect(upstream.received).toEqual([]);
  });

  it('a method that there is not, and CONNECT and TRACE, reach no upstream', async () => {
    const { upstream, path } = await answering((response) => response.end());
    for (const method of ['TRACE', 'FROBNICATE', 'CONNECT']) {
      const bytes = `${method} ${path}/x HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\nConnection: close\r\n\r\n`;
      const { statuses } = await talk(gateway.port, bytes);
      expect(
        statuses.every((status) => status >= 400),
        `${method}: ${statuses}`,
      ).toBe(true);
    }
    expect(upstream.received).toEqual([]);
  });
});

describe('fields', () => {
  it('ranges and conditions go up, and their answers come down as they are', async () => {
    const { upstream, call } = await answering((response) =>
      response
        .writeHead(206, {
          'content-range': 'bytes 2-4/9',
          'content-length': '3',
          etag: '"v1"',
          'accept-ranges': 'bytes',
        })
        .end('cde'),
    );
    const answer = await call('/file', { headers: { Range: 'bytes=2-4', 'If-Range': '"v1"' } });
    expect(answer).toMatchObject({
      status: 206,
      text: 'cde',
      headers: { 'content-range': 'bytes 2-4/9', 'content-length': '3', etag: '"v1"', 'accept-ranges': 'bytes' },
    });
    expect(upstream.received[0]?.headers).toMatchObject({ range: 'bytes=2-4', 'if-range': '"v1"' });
  });

  it('a 304 and a 204 have no body, and keep their fields', async () => {
    const { upstream, call } = await answering((response) => {
      const status = upstream.received.at(-1)?.headers['if-none-match'] === '"v1"' ? 304 : 204;
      response.writeHead(status, { etag: '"v1"', 'x-own': 'yes' }).end();
    });
    const headers = { 'If-None-Match': '"v1"', 'If-Modified-Since': 'Sun, 01 Nov 2026 00:00:00 GMT' };
    const unchanged = await call('/thing', { headers });
    expect(unchanged).toMatchObject({
      status: 304,
      text: '',
      complete: true,
      headers: { etag: '"v1"', 'x-own': 'yes' },
    });
    expect(unchanged.headers['content-type']).toBeUndefined();
    expect(upstream.received[0]?.headers).toMatchObject({ 'if-modified-since': headers['If-Modified-Since'] });
    const empty = await call('/thing');
    expect(empty).toMatchObject({ status: 204, text: '', complete: true, headers: { 'x-own': 'yes' } });
    expect(empty.headers['content-length']).toBeUndefined();
  });

  it('redirects are not followed, and those of the upstream to itself lead through the gateway', async () => {
    const locations = ['/base/next?x=1', 'https://elsewhere.example/y', 'relative'];
    const { upstream, path, call } = await answering((response) =>
      response.writeHead(302, { location: locations[upstream.received.length - 1] }).end(),
    );
    expect((await call('/a')).headers.location).toBe(`http://127.0.0.1:${gateway.port}${path}/next?x=1`);
    expect((await call('/a')).headers.location).toBe('https://elsewhere.example/y');
    const [relative] = [await call('/a')];
    expect(new URL(relative?.headers.location ?? '', `http://127.0.0.1:${gateway.port}${path}/a`).pathname).toBe(
      `${path}/relative`,
    );
    expect(upstream.received).toHaveLength(3);
  });

  it('cookies of an upstream come down one by one, bound to the API; the caller’s go up where the API says so', async () => {
    const set = (response: ServerResponse) =>
      response.writeHead(200, { 'set-cookie': ['a=1; Path=/base; HttpOnly', 'b=2; Domain=example.com'] }).end();
    const plain = await answering(set);
    const answer = await plain.call('/a', { headers: { Cookie: 'x=1; y=2' } });
    const shown = answer.headers['set-cookie'] ?? [];
    expect(shown).toHaveLength(2);
    for (const cookie of shown) expect(cookie).toMatch(new RegExp(`Path=${plain.path}`));
    expect(shown.join()).not.toMatch(/domain/i);
    expect(plain.upstream.received[0]?.headers.cookie).toBeUndefined();
    const passing = await answering(set, { credentials: { pass_on: ['Cookie', 'Authorization'] } });
    await passing.call('/a', { headers: { Cookie: 'x=1; y=2', Authorization: 'Basic Zm9v' } });
    expect(passing.upstream.received[0]?.headers).toMatchObject({ cookie: 'x=1; y=2', authorization: 'Basic Zm9v' });
  });

  it('fields that occur several times do so at the other end', async () => {
    const { upstream, call } = await answering((response) =>
      response.writeHead(200, { link: ['<a>; rel=x', '<b>; rel=y'], 'www-authenticate': 'Basic' }).end(),
    );
    const answer = await call('/a', { headers: { Accept: ['text/html', 'application/json;q=0.5'] } });
    expect(answer.headers['link']).toBe('<a>; rel=x, <b>; rel=y');
    expect(upstream.received[0]?.headers.accept).toBe('text/html, application/json;q=0.5');
  });
});

describe('codings', () => {
  const text = 'a'.repeat(10_000);

  it.each(['text/plain', 'application/octet-stream'])('a coded answer of %s comes down as it is', async (type) => {
    const coded = gzipSync(text);
    const headers = { 'content-encoding': 'gzip', 'content-length': String(coded.length), 'content-type': type };
    const { call } = await answering((response) => response.writeHead(200, headers).end(coded));
    const answer = await call('/a', { headers: { 'Accept-Encoding': 'gzip' } });
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(answer.body.equals(coded)).toBe(true);
    // Of the types that it compresses, Cloudflare's edge, and its stand-in here, undoes the coding for who wants none.
    const plain = await call('/a', { headers: { 'Accept-Encoding': 'identity' } });
    const isDecoded = plain.headers['content-encoding'] === undefined;
    expect(isDecoded).toBe(type === 'text/plain');
    expect((isDecoded ? plain.body : gunzipSync(plain.body)).toString()).toBe(text);
  });

  it('an answer in a coding that the platform does not know comes down byte for byte', async () => {
    const coded = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 1, 2, 3]);
    const { call } = await answering((response) => response.writeHead(200, { 'content-encoding': 'zstd' }).end(coded));
    const answer = await call('/a', { headers: { 'Accept-Encoding': 'zstd' } });
    expect(answer.headers['content-encoding']).toBe('zstd');
    expect(answer.body.equals(coded)).toBe(true);
  });

  it('a coded request goes up byte for byte', async () => {
    const { upstream, call } = await answering((response) => response.end('ok'));
    await call('/a', { method: 'POST', headers: { 'Content-Encoding': 'gzip' }, body: gzipSync(text) });
    expect(upstream.received[0]?.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(upstream.received[0]?.body ?? '').toString()).toBe(text);
  });

  it('an answer without a coding says the same to callers who want one and who do not', async () => {
    const answers: Record<string, string> = { 'text/plain': text, 'application/octet-stream': text };
    for (const [type, body] of Object.entries(answers)) {
      const headers = { 'content-type': type, 'content-length': String(body.length) };
      const { call } = await answering((response) => response.writeHead(200, headers).end(body));
      const plain = await call('/a', { headers: { 'Accept-Encoding': 'identity' } });
      expect(plain.headers).toMatchObject({ 'content-length': String(body.length) });
      expect(plain.text).toBe(body);
      const coded = await call('/a', { headers: { 'Accept-Encoding': 'gzip' } });
      expect((coded.headers['content-encoding'] === 'gzip' ? gunzipSync(coded.body) : coded.body).toString()).toBe(
        body,
      );
    }
  });
});

describe('bodies', () => {
  it('twenty megabytes go up and come down unchanged', async () => {
    const bytes = Buffer.alloc(20 << 20, 'weir');
    const upstream = await startUpstream(({ body }, response) => response.end(body));
    const { path } = await newApi(upstream);
    const answer = await send(gateway.port, `${path}/echo`, withKey({ method: 'PUT', body: bytes }));
    expect(answer).toMatchObject({ status: 200, complete: true });
    expect(answer.body.equals(bytes)).toBe(true);
    expect(upstream.received[0]?.body.equals(bytes)).toBe(true);
  });

  it('a body of known length keeps its Content-Length at the upstream', async () => {
    const { upstream, call } = await answering((response) => response.end());
    await call('/a', { method: 'POST', body: 'hello', headers: { 'Content-Length': '5' } });
    expect(upstream.received[0]?.headers).toMatchObject({ 'content-length': '5' });
    await call('/a', { method: 'POST' });
    expect(upstream.received[1]?.headers['content-length']).toBe('0');
    expect(upstream.received[1]?.headers['transfer-encoding']).toBeUndefined();
  });

  it('a streamed body reaches the upstream piece by piece, before the caller has sent all of it', async () => {
    const pieces: string[] = [];
    const first = Promise.withResolvers<void>();
    const upstream = await startRawUpstream(async (request, response) => {
      for await (const piece of request) {
        pieces.push(String(piece));
        first.resolve();
      }
      response.end(pieces.join('|'));
    });
    const { path } = await newApi(upstream);
    const body = new PassThrough();
    const answer = send(gateway.port, `${path}/up`, withKey({ method: 'POST', body }));
    body.write('one');
    await first.promise;
    body.end('two');
    expect(await answer).toMatchObject({ status: 200, text: 'one|two' });
  });

  it('server-sent events come down one by one: the first one is there before the second one is sent', async () => {
    const second = Promise.withResolvers<void>();
    const { call: _, path } = await answering(async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      response.write('data: 1\n\n');
      await second.promise;
      response.end('data: 2\n\n');
    });
    const response = await open(gateway.port, `${path}/events`, withKey());
    expect(response.headers['content-type']).toBe('text/event-stream');
    expect(String(await once(response, 'data'))).toBe('data: 1\n\n');
    second.resolve();
    expect(await read(response)).toMatchObject({ text: 'data: 2\n\n', complete: true });
  });

  it('an answer can begin while the request is still being sent, and both go on together', async () => {
    const upstream = await startRawUpstream((request, response) => {
      response.writeHead(200);
      request.pipe(response);
    });
    const { path } = await newApi(upstream);
    const body = new PassThrough();
    body.write('ping');
    const response = await open(gateway.port, `${path}/echo`, withKey({ method: 'POST', body }));
    expect(String(await once(response, 'data'))).toBe('ping');
    body.end('pong');
    expect(await read(response)).toMatchObject({ text: 'pong', complete: true });
  });

  it('a body that is too long for the API is refused, announced or not, and never reaches the upstream whole', async () => {
    const { upstream, call } = await answering((response) => response.end(), { max_request_bytes: 10 });
    expect(
      (await call('/a', { method: 'POST', body: 'x'.repeat(11), headers: { 'Content-Length': '11' } })).status,
    ).toBe(413);
    const body = new PassThrough();
    body.end(Buffer.alloc(100_000));
    expect((await call('/a', { method: 'POST', body })).status).toBe(413);
    const slow = new PassThrough();
    const answer = call('/a', { method: 'POST', body: slow });
    slow.write('x'.repeat(8));
    await expect.poll(() => upstream.connections).toBeGreaterThan(0);
    slow.end('x'.repeat(8));
    expect((await answer).status).toBe(413);
    expect((await call('/a', { method: 'POST', body: 'x'.repeat(10) })).status).toBe(200);
    expect(upstream.received).toHaveLength(1);
  });
});

describe('an end in the middle', () => {
  // A half-closed connection is no end for workerd, and so is no sign of one while nothing is written: at the runtime
  // itself the caller resets it. Cloudflare's edge tells the runtime at once, however the caller went.
  it('a caller that goes away while it waits ends the upstream’s request', async () => {
    const [arrived, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const upstream = await startRawUpstream((_request, response) => {
      response.once('close', gone.resolve);
      arrived.resolve();
    });
    const { path } = await newApi(upstream);
    const request = begin(await gateway.runtimePort(), `${path}/slow`, withKey());
    await arrived.promise;
    request.socket?.resetAndDestroy();
    await gone.promise;
  });

  it('a caller that goes away in mid-answer ends the upstream’s answer when that goes on', async () => {
    const gone = Promise.withResolvers<void>();
    const upstream = await startRawUpstream((_request, response) => {
      const timer = setInterval(() => response.write('data: tick\n\n'), 20);
      response.once('close', () => {
        clearInterval(timer);
        gone.resolve();
      });
      response.writeHead(200, { 'content-type': 'text/event-stream' });
    });
    const { path } = await newApi(upstream);
    const response = await open(gateway.port, `${path}/endless`, withKey());
    await once(response, 'data');
    response.destroy();
    await gone.promise;
  });

  it('a caller that goes away in mid-body ends the upstream’s request, which never looks whole', async () => {
    const [first, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<boolean>()];
    const upstream = await startRawUpstream((request) => {
      request.on('data', () => first.resolve());
      request.on('error', () => undefined);
      request.once('close', () => ended.resolve(request.complete));
    });
    const { path } = await newApi(upstream);
    const body = new PassThrough();
    const request = begin(gateway.port, `${path}/up`, withKey({ method: 'POST', body }));
    body.write('part');
    await first.promise;
    request.destroy();
    expect(await ended.promise).toBe(false);
  });

  it('the same holds where the gateway counts the body', async () => {
    const [first, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<boolean>()];
    const upstream = await startRawUpstream((request) => {
      request.on('data', () => first.resolve());
      request.on('error', () => undefined);
      request.once('close', () => ended.resolve(request.complete));
    });
    const { path } = await newApi(upstream, { max_request_bytes: 1_000 });
    const body = new PassThrough();
    const request = begin(gateway.port, `${path}/up`, withKey({ method: 'POST', body }));
    body.write('part');
    await first.promise;
    request.destroy();
    expect(await ended.promise).toBe(false);
  });

  const cut = {
    'of a stated length': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly a part',
    'in pieces': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nonly a part\r\n',
  };

  it.each(Object.entries(cut))(
    'an upstream that ends in the middle of an answer %s leaves a broken one',
    async (_, text) => {
      const upstream = await startTalker((socket) => socket.write(text, () => setImmediate(() => socket.destroy())));
      const { path } = await newApi(upstream);
      const response = await open(gateway.port, `${path}/cut`, withKey()).catch(() => undefined);
      // The end may overtake the beginning: then there is no answer at all, or an error in its place.
      if (response === undefined) return;
      const answer = await read(response);
      expect(answer.complete && answer.status < 500, `${answer.status} ${answer.text}`).toBe(false);
    },
  );

  it('an upstream that resets the connection in the middle leaves a broken answer', async () => {
    const seen = Promise.withResolvers<void>();
    const upstream = await startTalker((socket) => {
      socket.write(cut['in pieces']);
      void seen.promise.then(() => socket.resetAndDestroy());
    });
    const { path } = await newApi(upstream);
    const response = await open(gateway.port, `${path}/cut`, withKey());
    await once(response, 'data');
    seen.resolve();
    expect(await read(response)).toMatchObject({ status: 200, complete: false });
  });
});

describe('what the platform does not carry', () => {
  it('an informational answer of the upstream stays behind, and the final one comes', async () => {
    const { call } = await answering((response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.end('final');
    });
    expect(await call('/a')).toMatchObject({ status: 200, text: 'final' });
  });

  it('trailers of the upstream stay behind, and the body before them comes whole', async () => {
    const { call } = await answering((response) => {
      response.writeHead(200, { trailer: 'x-sum' });
      response.write('body');
      response.addTrailers({ 'x-sum': '1' });
      response.end();
    });
    const answer = await call('/a');
    expect(answer).toMatchObject({ status: 200, text: 'body', complete: true, trailers: {} });
    expect(answer.headers.trailer).toBeUndefined();
  });

  it('a caller that waits for 100 (Continue) gets it, and its body arrives', async () => {
    const { upstream, path } = await answering((response) => response.end('ok'));
    const request = `POST ${path}/a HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\nExpect: 100-continue\r\n`;
    const { statuses } = await talk(
      gateway.port,
      `${request}Content-Length: 5\r\nConnection: close\r\n\r\nhello`,
      (text) => text.includes(' 200 '),
    );
    expect(statuses).toEqual([100, 200]);
    expect(upstream.received[0]?.body.toString()).toBe('hello');
    expect(upstream.received[0]?.headers.expect).toBeUndefined();
  });
});
