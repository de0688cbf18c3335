import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { keccak256 } from 'viem';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Anvil, startAnvil } from '../../scripts/stack/anvil.ts';
import { emit, installRegistries, REGISTRIES } from '../../scripts/stack/registries.ts';
import { callRpc } from '../../scripts/stack/rpc.ts';
import { openRpc } from '../../src/chain/rpc.ts';
import { RpcError, type RpcFault } from '../../src/chain/rpc-error.ts';

const KEY = 'key-0123456789';
const servers: Server[] = [];

/** An endpoint that gives one answer to whatever is asked; its URL holds a key. */
async function endpoint(status: number, body: unknown, delayed = false) {
  const server = createServer((_, response) => {
    if (delayed) return;
    response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify({ jsonrpc: '2.0', id: 0, ...(body as object) }));
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/${KEY}`;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function faultOf(call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RpcError)) throw new Error(`expected an RpcError, got ${String(error)}`);
  expect(JSON.stringify([error.message, error.stack, error.cause, { ...error }])).not.toContain(KEY);
  return error;
}

describe('an endpoint’s failure', () => {
  const refusal = (code: number, message: string) => ({ error: { code, message } });
  const cases: [string, number, unknown, RpcFault, string][] = [
    ['rate limits over HTTP', 429, 'slow down', 'retryable', 'eth_getLogs: HTTP 429: "slow down"'],
    [
      'rate limits in JSON',
      200,
      refusal(-32_007, '50/second request limit reached'),
      'retryable',
      'eth_getLogs: error -32007: 50/second request limit reached',
    ],
    ['an error of the server', 503, '<html>busy</html>', 'retryable', 'eth_getLogs: HTTP 503: "<html>busy</html>"'],
    ['a refused key', 401, `bad ${KEY}`, 'other', 'eth_getLogs: HTTP 401: "bad [redacted]"'],
    [
      'a method that is not served',
      200,
      refusal(-32_601, 'no such method'),
      'other',
      'eth_getLogs: error -32601: no such method',
    ],
    [
      'a range that is refused',
      400,
      refusal(-32_602, 'block range too large'),
      'range_too_large',
      'eth_getLogs: error -32602: block range too large',
    ],
    ['an answer over the node’s limit', 413, 'too large', 'range_too_large', 'eth_getLogs: HTTP 413'],
    [
      'old state that is gone',
      200,
      refusal(-32_000, 'missing trie node 12'),
      'other',
      'eth_getLogs: error -32000: missing trie node 12',
    ],
    [
      'a block that is not there',
      200,
      refusal(-32_000, 'unknown block'),
      'retryable',
      'eth_getLogs: error -32000: unknown block',
    ],
    [
      'an answer of another form',
      200,
      { result: [{ topics: [] }] },
      'other',
      'eth_getLogs: the answer does not have the expected form',
    ],
    [
      'logs of removed blocks',
      200,
      { result: [{ removed: true, topics: [] }] },
      'other',
      'eth_getLogs: the answer does not have the expected form',
    ],
  ];

  it.each(cases)('%s is classified', async (_, status, body, fault, message) => {
    const rpc = openRpc(await endpoint(status, body));
    const error = await faultOf(rpc.logsInRange(1, 2, [REGISTRIES.identity]));
    expect([error.fault, error.message]).toEqual([fault, message]);
  });

  it('by silence is a timeout', async () => {
    const error = await faultOf(openRpc(await endpoint(200, {}, true), { timeoutMs: 50 }).head());
    expect([error.fault, error.message]).toEqual(['timeout', 'eth_getBlockByNumber: no answer in time']);
  });

  it('by an answer that is too long to read is about the range', async () => {
    const rpc = openRpc(await endpoint(200, { result: ['x'.repeat(5_000)] }), { maxBytes: 1_000 });
    expect((await faultOf(rpc.logsInRange(1, 2, []))).fault).toBe('range_too_large');
  });

  it('by a closed port is retryable and names no address', async () => {
    const url = await endpoint(200, {});
    for (const server of servers.splice(0)) server.close();
    const error = await faultOf(openRpc(url).chainId());
    expect(error.fault).toBe('retryable');
    expect(error.message).not.toContain('127.0.0.1');
  });
});

describe('a real node', () => {
  let anvil: Anvil;
  beforeAll(async () => {
    anvil = await startAnvil({ chainId: 31_337 });
    await installRegistries(anvil.url);
  });
  afterAll(() => anvil.stop());

  it('gives headers, logs by block hash and by range, code and its chain id', async () => {
    const rpc = openRpc(anvil.url);
    const addresses = Object.values(REGISTRIES).map((address) => address.toLowerCase());
    const topic = keccak256('0x01');
    await callRpc(anvil.url, 'evm_setAutomine', [false]);
    await emit(anvil.url, REGISTRIES.identity, [topic], '0xabcd');
    await callRpc(anvil.url, 'evm_mine', []);
    const head = await rpc.head();
    expect(await rpc.chainId()).toBe(31_337);
    expect(await rpc.header(head.number)).toEqual(head);
    expect(await rpc.header(head.number + 10)).toBeNull();
    expect((await rpc.header(head.number - 1))?.hash).toBe(head.parentHash);
    const logs = await rpc.logsOfBlock(head.hash, addresses);
    expect(logs).toMatchObject([
      { blockNumber: head.number, logIndex: 0, address: addresses[0], topics: [topic], data: '0xabcd' },
    ]);
    expect(await rpc.logsInRange(0, head.number, addresses)).toEqual(logs);
    expect(await rpc.hasCode(REGISTRIES.identity, head.number)).toBe(true);
    expect(await rpc.hasCode(head.parentHash.slice(0, 42), head.number)).toBe(false);
  });

  it('says so when it does not know a block hash', async () => {
    const error = await faultOf(openRpc(anvil.url).logsOfBlock(keccak256('0x02'), []));
    expect(error.fault).not.toBe('range_too_large');
  });

  it('shows the new head after a rollback', async () => {
    const rpc = openRpc(anvil.url);
    await callRpc(anvil.url, 'anvil_mine', ['0x5']);
    const { number } = await rpc.head();
    await callRpc(anvil.url, 'anvil_rollback', [3]);
    expect((await rpc.head()).number).toBe(number - 3);
  });
});
