import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type Entry, plainAddress, startEntry } from '../../scripts/stack/entry.ts';
import { freePort } from '../../scripts/stack/ports.ts';

const FAKED = '203.0.113.9';

let worker: Server;
let workerPort: number;
let answer: (request: IncomingMessage, response: ServerResponse) => unknown;
let entry: Entry;
let errors: string[];

beforeEach(async () => {
  answer = (_request, response) => response.end('ok');
  worker = createServer((request, response) => answer(request, response));
  worker.listen(0, '127.0.0.1');
  await once(worker, 'listening');
  const bound = worker.address();
  workerPort = typeof bound === 'object' && bound ? bound.port : 0;
  errors = [];
  const onError = ({ message }: Error) => errors.push(message);
  entry = await startEntry({ target: `http://127.0.0.1:${workerPort}`, onError });
});

afterEach(async () => {
  await entry.stop();
  worker.close();
  worker.closeAllConnections();
});

interface Asking {
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
}

const open = (asking: Asking = {}) => request({ host: '127.0.0.1', port: entry.port, agent: false, ...asking });

async function responseOf(call: ReturnType<typeof open>): Promise<IncomingMessage> {
  const [response] = await once(call, 'response');
  return response;
}

/** The body apart from the head: in one write Node encodes both alike. */
async function ask(asking: Asking = {}, body?: string) {
  const response = await responseOf(open(asking).end(body && Buffer.from(body)));
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

/** The Worker tells what reached it. */
function tellWhatArrives() {
  answer = async (request, response) => {
    const { method, url, headers } = request;
    response.end(JSON.stringify({ method, url, headers, body: await text(request) }));
  };
}

/** Settles with the next call of the Worker. */
const nextCall = () =>
  new Promise<{ request: IncomingMessage; response: ServerResponse }>((resolve) => {
    answer = (request, response) => resolve({ request, response });
  });

const untilClosed = (call: { once(event: 'close', done: () => void): unknown }) =>
  new Promise<void>((resolve) => call.once('close', resolve));

describe('a request', () => {
  it('leaves behind what it names in Connection, and its Trailer, which goes nowhere.', async () => {
    tellWhatArrives();
    const socket = connect(entry.port, '127.0.0.1');
    socket.write(
      'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close, X-Hop, Host\r\nX-Hop: 1\r\nX-Kept: 2\r\nTrailer: X-Sum\r\n\r\n',
    );
    const answered = await text(socket);
    expect(answered).toMatch(/^HTTP\/1\.1 200 /);
    const arrived = JSON.parse(/\{.*\}/.exec(answered)?.[0] ?? '').headers;
    expect(arrived).toMatchObject({ 'x-kept': '2', host: 'a.test' });
    expect(arrived['x-hop']).toBeUndefined();
    expect(arrived['trailer']).toBeUndefined();
  });

  it('is refused with two hosts.', async () => {
    const socket = connect(entry.port, '127.0.0.1');
    socket.end('GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\nConnection: close\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('carries the address of its socket, whatever the caller wrote there.', async () => {
    tellWhatArrives();
    for (const headers of [{}, { 'CF-Connecting-IP': FAKED }, { 'cf-connecting-ip': [FAKED, FAKED] }]) {
      const { body } = await ask({ headers });
      expect(JSON.parse(body).headers['cf-connecting-ip']).toBe('127.0.0.1');
    }
  });

  it('is otherwise what the caller sent: method, path, host, headers and body.', async () => {
    tellWhatArrives();
    const headers = { Host: 'api.example:1234', Origin: 'http://localhost:1234', 'X-Own': 'ä', 'CF-IPCountry': 'CH' };
    const { body } = await ask({ method: 'PATCH', path: '//a/%2e%2E/b?c=%20d', headers }, 'a body');
    expect(JSON.parse(body)).toMatchObject({
      method: 'PATCH',
      url: '//a/%2e%2E/b?c=%20d',
      headers: { host: 'api.example:1234', origin: 'http://localhost:1234', 'x-own': 'ä', 'cf-ipcountry': 'CH' },
      body: 'a body',
    });
  });

  it('gets the answer as the Worker gave it: status, headers and body.', async () => {
    answer = (_request, response) => {
      response.writeHead(418, { 'Set-Cookie': ['a=1', 'b=2'], Location: 'http://127.0.0.1:1/elsewhere' }).end('tea');
    };
    const { status, headers, body } = await ask();
    expect({ status, body }).toEqual({ status: 418, body: 'tea' });
    expect(headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], location: 'http://127.0.0.1:1/elsewhere' });
  });

  it('shares a connection to the Worker with the one before it.', async () => {
    const ports = new Set<number | undefined>();
    answer = ({ socket }, response) => {
      ports.add(socket.remotePort);
      response.end();
    };
    for (let call = 0; call < 3; call++) await ask({ headers: { Connection: 'keep-alive' } });
    expect(ports.size).toBe(1);
  });

  it('that asks for another protocol than WebSocket is answered as a plain one.', async () => {
    tellWhatArrives();
    const { status, headers, body } = await ask({ headers: { Connection: 'Upgrade', Upgrade: 'h2c' } });
    expect(status).toBe(200);
    expect(headers.connection).toBe('keep-alive');
    expect(JSON.parse(body).headers).not.toHaveProperty('upgrade');
  });
});

describe('a stream', () => {
  it('reaches the caller while the Worker is still writing it.', async () => {
    answer = (_request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('first');
    const called = once(worker, 'request');
    const response = await responseOf(open().end());
    const [first] = await once(response, 'data');
    expect(String(first)).toBe('first');
    const [, writing] = await called;
    writing.end('second');
    const [second] = await once(response, 'data');
    expect(String(second)).toBe('second');
  });

  it('reaches the Worker while the caller is still writing it.', async () => {
    const called = nextCall();
    const call = open({ method: 'POST' });
    call.write('first');
    const { request, response } = await called;
    const [first] = await once(request, 'data');
    expect(String(first)).toBe('first');
    call.end('second');
    const [second] = await once(request, 'data');
    expect(String(second)).toBe('second');
    response.end();
    expect((await responseOf(call)).statusCode).toBe(200);
  });
});

describe('a caller that goes away', () => {
  it('before the answer is missed by the Worker.', async () => {
    const called = nextCall();
    const call = open().end();
    const { response } = await called;
    call.once('error', () => undefined);
    call.destroy();
    await untilClosed(response);
    expect(response.writableFinished).toBe(false);
    expect(errors).toEqual([]);
  });

  it('in the middle of the answer is missed by the Worker.', async () => {
    const called = nextCall();
    const call = open().end();
    const { response } = await called;
    response.write('first');
    const received = await responseOf(call);
    received.once('error', () => undefined);
    received.destroy();
    await untilClosed(response);
    expect(response.writableFinished).toBe(false);
  });
});

describe('a WebSocket', () => {
  it('carries messages both ways, and the address of its socket.', async () => {
    const sockets = new WebSocketServer({ server: worker });
    const opened = once(sockets, 'connection');
    const near = new WebSocket(`ws://127.0.0.1:${entry.port}/ws?a=b`, { headers: { 'CF-Connecting-IP': FAKED } });
    await once(near, 'open');
    const [far, upgrade] = await opened;
    expect(upgrade.url).toBe('/ws?a=b');
    expect(upgrade.headers['cf-connecting-ip']).toBe('127.0.0.1');
    far.send('down');
    expect(String(await once(near, 'message'))).toBe('down,false');
    near.send('up');
    expect(String(await once(far, 'message'))).toBe('up,false');
    const gone = untilClosed(far);
    near.terminate();
    await gone;
  });

  it('ends when the entry is stopped.', async () => {
    const sockets = new WebSocketServer({ server: worker });
    const opened = once(sockets, 'connection');
    const near = new WebSocket(`ws://127.0.0.1:${entry.port}/`);
    const [[far]] = await Promise.all([opened, once(near, 'open')]);
    const gone = Promise.all([untilClosed(near), untilClosed(far)]);
    await entry.stop();
    await gone;
  });

  it('that the Worker refuses is refused with its answer.', async () => {
    worker.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\ngone');
    });
    const socket = new WebSocket(`ws://127.0.0.1:${entry.port}/`);
    const [, response] = await once(socket, 'unexpected-response');
    expect({ status: response.statusCode, body: await text(response) }).toEqual({ status: 404, body: 'gone' });
  });
});

describe('a Worker that is down', () => {
  it('is told of with 502, to a request and to a WebSocket.', async () => {
    worker.close();
    const refusal = 'The Worker does not answer.\n';
    expect(await ask()).toMatchObject({ status: 502, body: refusal });
    const socket = new WebSocket(`ws://127.0.0.1:${entry.port}/`);
    const [, response] = await once(socket, 'unexpected-response');
    expect({ status: response.statusCode, body: await text(response) }).toEqual({ status: 502, body: refusal });
    expect(errors).toEqual(Array(2).fill(`connect ECONNREFUSED 127.0.0.1:${workerPort}`));
  });

  it('in the middle of its answer breaks the answer off.', async () => {
    const called = nextCall();
    const call = open().end();
    const { response } = await called;
    response.write('first');
    const received = await responseOf(call);
    worker.closeAllConnections();
    await expect(text(received)).rejects.toThrow('aborted');
  });

  it('in the middle of a WebSocket breaks it off, with nothing of ours in it.', async () => {
    const upgraded = once(worker, 'upgrade');
    const near = connect(entry.port, '127.0.0.1');
    near.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    const [, far] = await upgraded;
    far.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nframes');
    const [head] = await once(near, 'data');
    far.resetAndDestroy();
    expect(String(head) + (await text(near))).toMatch(/^HTTP\/1.1 101 .*\r\n\r\nframes$/s);
  });
});

it('does not start on a port that is taken.', async () => {
  await expect(startEntry({ target: 'http://127.0.0.1:1', port: entry.port })).rejects.toThrow('EADDRINUSE');
  const port = await freePort();
  const other = await startEntry({ target: 'http://127.0.0.1:1', port });
  expect(other.port).toBe(port);
  await other.stop();
});

it.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8::1', '2001:db8::1'],
])('writes the address %s of a socket as %s.', (address, written) => {
  expect(plainAddress(address)).toBe(written);
});
