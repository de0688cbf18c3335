import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, type Gateway, startGateway } from './support/gateway.ts';
import { startRawUpstream, startUpstream, type Upstream } from './support/upstream.ts';
import { begin, read, type Sending, send, talk } from './support/wire.ts';

/** Requests whose bodies take their time, or must not be there: what callers do says nothing of the upstream. */

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

/** A breaker that a handful of failures or slow calls opens. */
const TOUCHY = { circuit_breaker: { minimum_calls: 5, error_rate: 0.2, slow_call_ms: 400, slow_call_rate: 0.2 } };

async function newApi(upstream: Upstream, fields: object): Promise<Api> {
  started.push(upstream);
  return gateway.owner.newApi({ upstreams: [{ url: upstream.url }], ...TOUCHY, ...fields });
}

const withKey = ({ headers, ...sending }: Sending = {}): Sending => ({
  ...sending,
  headers: { 'X-API-Key': key, ...headers },
});

/** An upstream that answers what it was sent, and a call to it. */
async function echoing(fields: object = {}) {
  const upstream = await startUpstream(({ body }, response) => response.end(body));
  const { path } = await newApi(upstream, fields);
  const call = (sending?: Sending) => send(gateway.port, `${path}/echo`, withKey(sending));
  return { upstream, path, call };
}

describe('content of a GET', () => {
  it.each(['GET', 'HEAD'])('is refused, and a %s with it opens no breaker', async (method) => {
    const { upstream, path, call } = await echoing();
    // What stands before the runtime in development drops such content.
    const port = await gateway.runtimePort();
    for (let turn = 0; turn < 10; turn += 1) {
      const fields =
        turn % 2 === 0 ? 'Content-Length: 5\r\n\r\nhello' : 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
      const bytes = `${method} ${path}/a HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\nConnection: close\r\n${fields}`;
      expect((await talk(port, bytes)).statuses, fields).toEqual([400]);
    }
    expect(upstream.received).toEqual([]);
    expect(await call({ method, headers: { 'Content-Length': '0' } })).toMatchObject({ status: 200 });
  });
});

describe('a caller that sends slowly', () => {
  it('is waited for beyond the time of the call, which is for the answer, and its call is not a slow one', async () => {
    const { call } = await echoing({ timeout_ms: 500 });
    const length = 60_000;
    for (const headers of [{}, { 'Content-Length': String(length) }]) {
      const uploads = Array.from({ length: 6 }, async () => {
        const body = new PassThrough();
        const answer = call({ method: 'POST', headers, body });
        for (let piece = 0; piece < 10; piece += 1) {
          body.write(Buffer.alloc(length / 10, piece));
          await pause(120);
        }
        body.end();
        return answer;
      });
      for (const { status, body } of await Promise.all(uploads)) expect([status, body.length]).toEqual([200, length]);
    }
    expect(await call()).toMatchObject({ status: 200 });
  });

  it.each([50, 100_000])('and stalls after a few of %i bytes opens no breaker', async (length) => {
    const { upstream, path, call } = await echoing({ timeout_ms: 300 });
    const stalled = Array.from({ length: 12 }, () => {
      const body = new PassThrough();
      body.write('hello');
      const sending = withKey({ method: 'POST', headers: { 'Content-Length': String(length) }, body });
      return begin(gateway.port, `${path}/echo`, sending);
    });
    const answers = stalled.map((request) => once(request, 'response').then(() => 'answered'));
    expect(await Promise.race([...answers, pause(1_000, 'none')])).toBe('none');
    for (let turn = 0; turn < 6; turn += 1) {
      expect(await call({ method: 'POST', body: 'whole' })).toMatchObject({ status: 200, text: 'whole' });
    }
    for (const request of stalled) request.destroy();
    await pause(200);
    expect(await call({ method: 'POST', body: 'whole' })).toMatchObject({ status: 200, text: 'whole' });
    expect(upstream.received.every(({ body }) => String(body) === 'whole')).toBe(true);
  });
});

describe('an upstream that has the whole body', () => {
  it('has as long as the call for its answer', async () => {
    const upstream = await startRawUpstream((request) => void request.resume());
    const { path } = await newApi(upstream, { timeout_ms: 500 });
    const body = new PassThrough();
    const request = begin(gateway.port, path, withKey({ method: 'POST', body }));
    body.write('some');
    await pause(700);
    body.end('more');
    const sentAt = Date.now();
    const [response] = await once(request, 'response');
    expect(await read(response)).toMatchObject({ status: 504 });
    expect(Date.now() - sentAt).toBeGreaterThan(400);
  });

  it('has it too while it takes none of it', async () => {
    const upstream = await startRawUpstream(() => undefined);
    const { path } = await newApi(upstream, { timeout_ms: 500 });
    const body = Buffer.alloc(50 << 20);
    // The entry, cut off in the middle of the body, may not come to read the answer.
    expect(await send(await gateway.runtimePort(), path, withKey({ method: 'POST', body }))).toMatchObject({
      status: 504,
    });
  });
});

describe('an idempotent method', () => {
  it.each([
    ['DELETE', undefined],
    ['OPTIONS', undefined],
    ['PUT', undefined],
    ['PUT', 'all of it'],
  ])('%s is repeated, with its content: %s', async (method, body) => {
    let calls = 0;
    const upstream = await startUpstream((request, response) => {
      calls += 1;
      response.writeHead(calls % 2 === 1 ? 503 : 200).end(request.body);
    });
    const { path } = await newApi(upstream, { retries: 1 });
    const headers = body === undefined ? { 'Content-Length': '0' } : {};
    const answer = await send(gateway.port, path, withKey({ method, headers, ...(body !== undefined && { body }) }));
    expect(answer).toMatchObject({ status: 200, text: body ?? '' });
    expect(upstream.received.map((one) => String(one.body))).toEqual([body ?? '', body ?? '']);
  });
});
