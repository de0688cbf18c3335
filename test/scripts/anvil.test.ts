import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Anvil, startAnvil } from '../../scripts/stack/anvil.ts';
import { emit, encodeEmission, installRegistries, REGISTRIES, setOwner } from '../../scripts/stack/registries.ts';
import { callRpc } from '../../scripts/stack/rpc.ts';

type Hex = `0x${string}`;

interface Log {
  address: Hex;
  topics: Hex[];
  data: Hex;
  blockHash: Hex;
}

interface Block {
  number: Hex;
  hash: Hex;
  parentHash: Hex;
}

const topic = (digit: string): Hex => `0x${digit.repeat(64)}`;
const OWNER = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8';

const logsOf = ({ url }: Anvil, blockHash?: Hex) =>
  callRpc<Log[]>(url, 'eth_getLogs', [blockHash ? { blockHash } : { fromBlock: '0x0', toBlock: 'latest' }]);
const blockOf = ({ url }: Anvil, at: Hex | 'latest') => callRpc<Block>(url, 'eth_getBlockByNumber', [at, false]);
/** Emits a log and waits for its block: anvil answers before it has mined. */
const emitMined = async (anvil: Anvil, registry: Hex, topics: Hex[], data?: Hex): Promise<Block> => {
  const hash = await emit(anvil.url, registry, topics, data);
  const receipt = () => callRpc<{ blockNumber: Hex } | null>(anvil.url, 'eth_getTransactionReceipt', [hash]);
  await expect.poll(receipt, { interval: 5 }).not.toBeNull();
  return blockOf(anvil, (await receipt())?.blockNumber ?? 'latest');
};
const ownerOf = ({ url }: Anvil, agentId: bigint) => {
  const data = `0x6352211e${agentId.toString(16).padStart(64, '0')}`;
  return callRpc<Hex>(url, 'eth_call', [{ to: REGISTRIES.identity, data }, 'latest']);
};

describe('the stand-ins for the registries', () => {
  let anvil: Anvil;
  beforeAll(async () => {
    anvil = await startAnvil({ chainId: 11_155_111 });
    expect(await installRegistries(anvil.url)).toEqual(Object.values(REGISTRIES));
  });
  afterAll(() => anvil.stop());

  it('are put only where there is no code', async () => {
    expect(await installRegistries(anvil.url)).toEqual([]);
    expect(Number(await callRpc(anvil.url, 'eth_chainId', []))).toBe(11_155_111);
  });

  it.each([1, 2, 3, 4])('emit a log with %i topics', async (count) => {
    const topics = ['1', '2', '3', '4'].slice(0, count).map(topic);
    const { hash } = await emitMined(anvil, REGISTRIES.reputation, topics, '0xabcdef');
    expect(await logsOf(anvil, hash)).toMatchObject([
      { address: REGISTRIES.reputation.toLowerCase(), topics, data: '0xabcdef' },
    ]);
  });

  it('refuse what is no log', () => {
    expect(() => encodeEmission([])).toThrow(RangeError);
    expect(() => encodeEmission(Array.from({ length: 5 }, () => topic('1')))).toThrow(RangeError);
    expect(() => encodeEmission(['0x12'])).toThrow(RangeError);
  });

  it('know the owner of an agent, or that there is none', async () => {
    const agentId = 2n ** 200n + 7n;
    await expect(ownerOf(anvil, agentId)).rejects.toThrow('revert');
    await setOwner(anvil.url, agentId, OWNER);
    expect(await ownerOf(anvil, agentId)).toBe(`0x${OWNER.slice(2).padStart(64, '0')}`);
    await setOwner(anvil.url, agentId, '0x0000000000000000000000000000000000000000');
    await expect(ownerOf(anvil, agentId)).rejects.toThrow('revert');
  });

  it('are reorganized: the height stays, the hashes change, the log is gone', async () => {
    const before = await emitMined(anvil, REGISTRIES.validation, [topic('a')]);
    await callRpc(anvil.url, 'anvil_reorg', [1, []]);
    const after = await blockOf(anvil, 'latest');
    expect(after.number).toBe(before.number);
    expect(after.hash).not.toBe(before.hash);
    expect(after.parentHash).toBe(before.parentHash);
    expect((await logsOf(anvil)).map(({ topics }) => topics[0])).not.toContain(topic('a'));
  });
});

describe('a chain that is kept', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'weir-anvil-test-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  it('goes on after a stop, and from its last save when there was no stop', async () => {
    const first = await startAnvil({ dir });
    await installRegistries(first.url);
    await setOwner(first.url, 7n, OWNER);
    const atStop = await emitMined(first, REGISTRIES.identity, [topic('1')]);
    await first.stop();

    const second = await startAnvil({ dir });
    expect(await blockOf(second, 'latest')).toMatchObject({ number: atStop.number, hash: atStop.hash });
    expect(await installRegistries(second.url)).toEqual([]);
    expect(await ownerOf(second, 7n)).toContain(OWNER.slice(2));
    const next = await emitMined(second, REGISTRIES.identity, [topic('2')]);
    expect(next.parentHash).toBe(atStop.hash);
    await second.save();

    // Started while the other one still runs: what it finds is what a killed one leaves.
    const third = await startAnvil({ dir });
    expect((await logsOf(third)).map(({ topics }) => topics[0])).toEqual([topic('1'), topic('2')]);
    // Anvil reorganizes only down to a block it has mined itself since it started.
    await callRpc(third.url, 'evm_mine', []);
    await emitMined(third, REGISTRIES.identity, [topic('3')]);
    await callRpc(third.url, 'anvil_reorg', [1, []]);
    expect((await logsOf(third)).map(({ topics }) => topics[0])).toEqual([topic('1'), topic('2')]);
    await Promise.all([second.stop(), third.stop()]);
  });
});
