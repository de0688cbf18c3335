import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../support/gateway.ts';
import { startRawUpstream, type Upstream } from '../support/upstream.ts';
import { open, send } from '../support/wire.ts';

/** A gigabyte each way: what goes through leaves nothing behind in memory. The figures are printed. */

const MIB = 1 << 20;
const PIECE = Buffer.alloc(256 * 1024, 'weir');
const PIECES = 4 * 1024;
const LENGTH = PIECE.length * PIECES;

/** Far below what is carried, above what the runtime's own housekeeping takes and gives back. */
const SLACK = 150 * MIB;

let gateway: Gateway;
let upstream: Upstream;
let path: string;
let key: string;

function* pieces() {
  for (let index = 0; index < PIECES; index++) yield PIECE;
}

beforeAll(async () => {
  gateway = await startGateway();
  upstream = await startRawUpstream(async (request, response) => {
    if (request.method === 'GET') return Readable.from(pieces()).pipe(response);
    let length = 0;
    const hash = createHash('sha1');
    for await (const chunk of request) {
      length += (chunk as Buffer).length;
      hash.update(chunk as Buffer);
    }
    return response.end(`${length} ${hash.digest('hex')}`);
  });
  key = (await gateway.owner.newKey()).text;
  ({ path } = await gateway.owner.newApi({ upstreams: [{ url: upstream.url }] }));
});

afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

async function watchMemory<T>(name: string, work: () => Promise<T>): Promise<T> {
  // The first calls load what every call needs.
  for (let calls = 0; calls < 5; calls++)
    await send(gateway.port, `${path}/x`, { method: 'PUT', headers: { 'X-API-Key': key } });
  const before = await gateway.runtimeMemory();
  const begunAt = performance.now();
  let highest = before;
  let running = true;
  const watching = (async () => {
    while (running) {
      highest = Math.max(highest, await gateway.runtimeMemory());
      await delay(100);
    }
  })();
  const result = await work();
  running = false;
  await watching;
  const seconds = (performance.now() - begunAt) / 1_000;
  const inMib = (bytes: number) => Math.round(bytes / MIB);
  console.log(
    `${name}: ${inMib(LENGTH)} MiB in ${seconds.toFixed(1)} s, runtime ${inMib(before)} MiB before, ${inMib(highest)} MiB at most`,
  );
  expect(highest - before).toBeLessThan(SLACK);
  return result;
}

it('a gigabyte comes down whole, and the memory stays as it is', async () => {
  const length = await watchMemory('down', async () => {
    const response = await open(gateway.port, `${path}/x`, { headers: { 'X-API-Key': key } });
    let bytes = 0;
    for await (const chunk of response) bytes += (chunk as Buffer).length;
    expect(response.complete).toBe(true);
    return bytes;
  });
  expect(length).toBe(LENGTH);
});

it('a gigabyte goes up whole, and the memory stays as it is', async () => {
  const answer = await watchMemory('up', () =>
    send(gateway.port, `${path}/x`, { method: 'PUT', headers: { 'X-API-Key': key }, body: Readable.from(pieces()) }),
  );
  const hash = createHash('sha1');
  for (const piece of pieces()) hash.update(piece);
  expect(answer.text).toBe(`${LENGTH} ${hash.digest('hex')}`);
});
