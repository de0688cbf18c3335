import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChainRpc } from '../../../src/chain/rpc.ts';
import { RpcError } from '../../../src/chain/rpc-error.ts';
import { registered } from './logs.ts';
import { imaginaryChain, rpcOf, startTestChain, type TestChain, Watcher } from './rig.ts';

let chain: TestChain;
let node: ChainRpc;

beforeEach(async () => {
  chain = await startTestChain();
  node = rpcOf(chain);
});

afterEach(() => chain.stop());

/** Counts the calls of a method. */
function counted(rpc: ChainRpc, method: keyof ChainRpc) {
  const calls: unknown[][] = [];
  const wrapped = {
    ...rpc,
    [method]: (...given: never[]) => {
      calls.push(given);
      return (rpc[method] as (...args: never[]) => unknown)(...given);
    },
  } as ChainRpc;
  return { rpc: wrapped, calls };
}

const broken = (rpc: ChainRpc, fault: RpcError): ChainRpc => ({ ...rpc, head: () => Promise.reject(fault) });

/** A node that is `blocks` behind. */
const lagging = (rpc: ChainRpc, blocks: number): ChainRpc => ({
  ...rpc,
  async head() {
    const { number } = await rpc.head();
    const header = await rpc.header(Math.max(number - blocks, 0));
    if (!header) throw new Error('the chain has no such block');
    return header;
  },
});

describe('an endpoint that lags', () => {
  it('never causes a rollback, alone', async () => {
    let rpc = node;
    const watcher = new Watcher({}, new Proxy(node, { get: (_, name: keyof ChainRpc) => rpc[name] }));
    await chain.mine(registered(1));
    await chain.mine(registered(2));
    await watcher.settle();
    const before = watcher.feed.story();
    rpc = lagging(node, 1);
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(before);
    expect(watcher.ledger.cursor()?.number).toBe(2);
    expect(watcher.events()).not.toContain('chain_reorganized');
  });

  it('is passed over for one that does not', async () => {
    let first = node;
    const watcher = new Watcher({}, new Proxy(node, { get: (_, name: keyof ChainRpc) => first[name] }), node);
    await chain.mine(registered(1));
    await watcher.settle();
    first = lagging(node, 2);
    await chain.mine(registered(2));
    await watcher.settle();
    expect(watcher.feed.story().slice(2)).toEqual(['event 2.0', 'confirm 2.0']);
    expect(watcher.memory.endpoints.current).toBe(1);
  });

  it('and shows a shorter branch is not followed while another endpoint is level', async () => {
    const other = await startTestChain();
    try {
      await other.mineEmpty(1);
      let first = node;
      const watcher = new Watcher({}, new Proxy(node, { get: (_, name: keyof ChainRpc) => first[name] }), node);
      await chain.mine(registered(1));
      await chain.mine(registered(2));
      await watcher.settle();
      first = rpcOf(other);
      await watcher.settle();
      expect(watcher.feed.story()).not.toContain('retract 2.0');
    } finally {
      await other.stop();
    }
  });

  it('because it is stuck at the cursor is left for the next one after a while', async () => {
    await chain.mine(registered(1));
    const stuck = await node.head();
    const watcher = new Watcher({}, { ...node, head: async () => stuck }, node);
    await watcher.settle();
    await chain.mine(registered(2));
    await watcher.settle();
    expect(watcher.ledger.cursor()?.number).toBe(1);
    watcher.now += 120_000;
    await watcher.settle();
    await watcher.settle();
    expect(watcher.ledger.cursor()?.number).toBe(2);
  });
});

describe('an endpoint that fails', () => {
  it('pauses, and the next one serves in the same tick', async () => {
    const watcher = new Watcher({}, broken(node, new RpcError('retryable', 'busy')), node);
    await chain.mine(registered(1));
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(['event 1.0', 'confirm 1.0']);
    expect(watcher.lines.find(({ event }) => event === 'endpoint_failed')?.fields).toEqual({
      chain_id: 31_337,
      endpoint: 0,
      fault: 'retryable',
      error: 'busy',
    });
  });

  it('in the middle of a tick leaves nothing half done', async () => {
    const fails: ChainRpc = { ...node, logsOfBlock: () => Promise.reject(new RpcError('retryable', 'busy')) };
    const watcher = new Watcher({}, fails, node);
    await chain.mine(registered(1));
    expect(await watcher.tick()).toBe(true);
    expect(watcher.ledger.cursor()?.number).toBe(-1);
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(['event 1.0', 'confirm 1.0']);
  });

  it('is not asked again before its pause is over, and the watcher waits if it is the only one', async () => {
    const { rpc, calls } = counted(broken(node, new RpcError('other', 'refused')), 'head');
    const watcher = new Watcher({}, rpc);
    expect(await watcher.tick()).toBe(false);
    watcher.now -= 1_000;
    await watcher.tick();
    expect(calls).toHaveLength(1);
    await watcher.tick();
    expect(calls).toHaveLength(2);
  });

  it('by serving another chain is not believed', async () => {
    const watcher = new Watcher({}, { ...node, chainId: async () => 1 });
    await chain.mine(registered(1));
    await watcher.settle();
    expect(watcher.feed.feed.size).toBe(0);
    expect(watcher.memory.lastError).toBe('the endpoint serves chain 1');
  });
});

describe('an endpoint that contradicts itself', () => {
  it('with a log of another block is not believed', async () => {
    const forged: ChainRpc = {
      ...node,
      logsOfBlock: async (hash, addresses) =>
        (await node.logsOfBlock(hash, addresses)).map((log) => ({ ...log, blockHash: `0x${'9'.repeat(64)}` })),
    };
    const watcher = new Watcher({}, forged);
    await chain.mine(registered(1));
    await watcher.settle();
    expect(watcher.feed.feed.size).toBe(0);
    expect(watcher.memory.lastError).toBe('the endpoint contradicts itself: a log of another block 1');
  });

  it('with a block that does not stand on its own chain is read only so far, and nothing is taken back', async () => {
    await chain.mine(registered(1));
    await chain.mine(registered(2));
    const torn: ChainRpc = {
      ...node,
      async head() {
        return { ...(await node.head()), parentHash: `0x${'9'.repeat(64)}` };
      },
    };
    const watcher = new Watcher({}, torn);
    await watcher.settle();
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(['event 1.0', 'confirm 1.0']);
    expect(watcher.memory.lastError).toBe('the endpoint contradicts itself: block 2 does not stand on its own chain');
  });

  it('by leaving a log out under the right block hash is noticed, and another endpoint is asked', async () => {
    const omits: ChainRpc = { ...node, logsOfBlock: async () => [] };
    const watcher = new Watcher({}, omits, node);
    await chain.mine(registered(1), registered(2));
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(['event 1.0', 'event 1.1', 'confirm 1.0', 'confirm 1.1']);
    expect(watcher.events()).toContain('logs_doubted');
  });

  it('by leaving a log out is believed in the end where there is nobody else to ask', async () => {
    const watcher = new Watcher({}, { ...node, logsOfBlock: async () => [] });
    await chain.mine(registered(1));
    await watcher.settle();
    expect(watcher.events().filter((event) => event === 'logs_doubted')).toHaveLength(3);
    expect(watcher.ledger.cursor()?.number).toBe(1);
  });
});

describe('catching up', () => {
  it('reads a long past in growing ranges, then the rest one by one', async () => {
    const { rpc, calls } = counted(
      imaginaryChain(50_000, (number) => (number % 1_000 === 1 ? 1 : 0)),
      'logsInRange',
    );
    const watcher = new Watcher({ confirmations: 12 }, rpc);
    await watcher.settle();
    const events = watcher.feed.story().filter((entry) => entry.startsWith('event'));
    expect(events).toEqual(Array.from({ length: 50 }, (_, nth) => `event ${nth * 1_000 + 1}.0`));
    expect(watcher.feed.story()).toHaveLength(100);
    const sizes = calls.map(([from, to]) => Number(to) - Number(from) + 1);
    expect(sizes.slice(0, 4)).toEqual([500, 750, 1_125, 1_688]);
    expect(Math.max(...sizes)).toBe(10_000);
    expect(watcher.ledger.cursor()?.number).toBe(50_000);
    expect(watcher.ledger.oldestHeader()).toBe(50_000 - watcher.chain.finality);
    expect(watcher.ledger.counts()).toMatchObject({ outbox: 0, logs: 0 });
  });

  it('reads the past of a real node without a gap', async () => {
    for (let agent = 0; agent < 4; agent++) {
      await chain.mine(registered(agent));
      await chain.mineEmpty(249);
    }
    const watcher = new Watcher({ confirmations: 12 }, node);
    await watcher.settle();
    const events = watcher.feed.story().filter((entry) => entry.startsWith('event'));
    expect(events).toEqual(['event 1.0', 'event 251.0', 'event 501.0', 'event 751.0']);
    expect(watcher.feed.story()).toHaveLength(8);
    expect(watcher.ledger.cursor()).toEqual({ number: 1_000, hash: (await node.head()).hash });
  });

  it('makes the range smaller when the endpoint refuses it', async () => {
    const past = imaginaryChain(1_000, (number) => (number === 1 ? 1 : 0));
    const asked: number[] = [];
    const limited: ChainRpc = {
      ...past,
      async logsInRange(from, to, addresses) {
        asked.push(to - from + 1);
        if (to - from + 1 > 100) throw new RpcError('range_too_large', 'too large');
        return past.logsInRange(from, to, addresses);
      },
    };
    const watcher = new Watcher({}, limited);
    await watcher.settle();
    expect(asked.slice(0, 5)).toEqual([500, 250, 125, 62, 93]);
    expect(watcher.feed.story()).toEqual(['event 1.0', 'confirm 1.0']);
    expect(watcher.ledger.cursor()?.number).toBe(1_000);
    expect(watcher.events()).not.toContain('endpoint_failed');
  });

  it('does a bounded piece per tick where every block has logs', async () => {
    for (let agent = 0; agent < 120; agent++) await chain.mine(registered(agent));
    await chain.mineEmpty(70);
    const { rpc, calls } = counted(node, 'header');
    const watcher = new Watcher({}, rpc);
    let ticks = 0;
    let most = 0;
    for (let more = true; more; ticks++) {
      const before = calls.length;
      more = await watcher.tick();
      most = Math.max(most, calls.length - before);
    }
    expect(most).toBeLessThanOrEqual(40);
    expect(ticks).toBeGreaterThan(3);
    const events = watcher.feed.story().filter((entry) => entry.startsWith('event'));
    expect(events).toEqual(Array.from({ length: 120 }, (_, agent) => `event ${agent + 1}.0`));
  });

  it('notices that the chain was reorganized while the watcher was away', async () => {
    const watcher = new Watcher({ finality: 5 }, node);
    await chain.mineEmpty(10);
    await chain.mine(registered(1));
    await watcher.settle();
    await chain.reorganize(1);
    await chain.mineEmpty(50);
    await chain.mine(registered(2));
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(['event 11.0', 'confirm 11.0', 'retract 11.0', 'event 62.0', 'confirm 62.0']);
  });
});
