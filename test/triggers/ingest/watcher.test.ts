import { keccak256 } from 'viem';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REGISTRIES as STUBS } from '../../../scripts/stack/registries.ts';
import type { ChainRpc } from '../../../src/chain/rpc.ts';
import { RpcError } from '../../../src/chain/rpc-error.ts';
import { encodeLog, type Log, registered } from './logs.ts';
import { rpcOf, startTestChain, type TestChain, Watcher } from './rig.ts';

let chain: TestChain;

beforeEach(async () => {
  chain = await startTestChain();
});

afterEach(() => chain.stop());

const unknownLog: Log = { to: STUBS.identity, topics: [keccak256('0x01')], data: '0x1234' };

describe('reading', () => {
  it('delivers every log once, in the order of the chain, and confirms it at the chain’s depth', async () => {
    const watcher = new Watcher({ confirmations: 3 }, rpcOf(chain));
    await chain.mine(registered(1), registered(2));
    await chain.mine(registered(3));
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(['event 1.0', 'event 1.1', 'event 2.0']);
    await chain.mineEmpty(1);
    await watcher.settle();
    expect(watcher.feed.story().slice(3)).toEqual(['confirm 1.0', 'confirm 1.1']);
    await chain.mineEmpty(1);
    await watcher.settle();
    expect(watcher.feed.story().slice(5)).toEqual(['confirm 2.0']);
    expect([...watcher.feed.events.values()].map(({ status }) => status)).toEqual([
      'confirmed',
      'confirmed',
      'confirmed',
    ]);
    expect([...watcher.feed.events.values()][0]).toMatchObject({
      registry: 'identity',
      eventType: 'Registered',
      agentId: '1',
      blockNumber: 1,
      address: STUBS.identity.toLowerCase(),
      fields: { agent_id: '1', agent_uri: '' },
    });
  });

  it('changes nothing and wakes nobody when there is nothing new', async () => {
    const watcher = new Watcher({}, rpcOf(chain));
    await chain.mine(registered(1));
    await watcher.settle();
    expect([watcher.wakes, watcher.feed.story()]).toEqual([1, ['event 1.0', 'confirm 1.0']]);
    expect(await watcher.tick()).toBe(false);
    expect(await watcher.tick()).toBe(false);
    expect([watcher.wakes, watcher.feed.feed.size]).toEqual([1, 2]);
  });

  it('keeps and counts a log that it cannot decode, and a later one follows', async () => {
    const watcher = new Watcher({}, rpcOf(chain));
    await chain.mine(unknownLog, registered(1));
    await watcher.settle();
    expect([...watcher.feed.undecoded.values()]).toEqual([
      `no event of the identity registry has the topic ${keccak256('0x01')}`,
    ]);
    expect(watcher.feed.story()).toEqual(['event 1.1', 'confirm 1.1']);
    expect(watcher.ledger.number('undecoded', 0)).toBe(1);
    expect(watcher.events()).toContain('log_undecoded');
  });

  it('reports that a registry was upgraded', async () => {
    const watcher = new Watcher({}, rpcOf(chain));
    await chain.mine(encodeLog('reputation', 'Upgraded', { implementation: STUBS.identity }));
    await watcher.settle();
    expect(watcher.lines.find(({ event }) => event === 'registry_upgraded')?.fields).toMatchObject({
      registry: 'reputation',
      to: STUBS.identity.toLowerCase(),
    });
  });

  it('delivers a log that is longer than a row of its storage', async () => {
    const watcher = new Watcher({}, rpcOf(chain));
    await chain.call('evm_setBlockGasLimit', '0x3b9aca00');
    const agentURI = 'x'.repeat(800_000);
    const { to, topics, data } = registered(1, agentURI);
    const calldata = `0x${topics.length.toString(16).padStart(8, '0')}${topics.map((topic) => topic.slice(2)).join('')}${data.slice(2)}`;
    const [from] = await chain.call<string[]>('eth_accounts');
    await chain.call('eth_sendTransaction', { from, to, data: calldata, gas: '0x3b9a0000' });
    await chain.call('evm_mine');
    await watcher.settle();
    expect([...watcher.feed.events.values()].map(({ fields }) => fields['agent_uri'])).toEqual([
      agentURI.slice(0, 16 * 1024),
    ]);
    expect([...watcher.feed.events.values()][0]?.data).toBe(data);
  });

  it('starts at the configured block, and waits for a chain that has not come so far', async () => {
    const watcher = new Watcher({ startBlock: 3 }, rpcOf(chain));
    await chain.mine(registered(1));
    await watcher.settle();
    expect(watcher.ledger.cursor()).toBeUndefined();
    await chain.mine(registered(2));
    await chain.mine(registered(3));
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(['event 3.0', 'confirm 3.0']);
  });

  it('finds the block in which the registries appeared when it is not configured', async () => {
    await chain.mineEmpty(20);
    const rpc: ChainRpc = { ...rpcOf(chain), hasCode: async (_, number) => number >= 7 };
    const watcher = new Watcher({ startBlock: null }, rpc);
    await watcher.settle();
    expect(watcher.ledger.number('start', -1)).toBe(7);
  });

  it('starts at what is final when the node has no old state, but not because it is busy', async () => {
    await chain.mineEmpty(20);
    let fault = new RpcError('retryable', 'busy');
    const rpc: ChainRpc = { ...rpcOf(chain), hasCode: () => Promise.reject(fault) };
    const watcher = new Watcher({ startBlock: null, finality: 5 }, rpc);
    await watcher.tick();
    expect(watcher.ledger.cursor()).toBeUndefined();
    fault = new RpcError('other', 'missing trie node');
    await watcher.settle();
    expect(watcher.ledger.number('start', -1)).toBe(15);
  });
});

describe('a reorganization', () => {
  it('takes back the lost events, the last first, and delivers what stands instead', async () => {
    const watcher = new Watcher({ confirmations: 4 }, rpcOf(chain));
    await chain.mine(registered(1));
    await chain.mine(registered(2), registered(3));
    await chain.mine(registered(4));
    await watcher.settle();
    await chain.reorganize(2);
    await chain.mine(registered(5));
    await watcher.settle();
    expect(watcher.feed.story()).toEqual([
      'event 1.0',
      'event 2.0',
      'event 2.1',
      'event 3.0',
      'retract 3.0',
      'retract 2.1',
      'retract 2.0',
      'event 4.0',
      'confirm 1.0',
    ]);
    expect([...watcher.feed.events.values()].map(({ agentId, status }) => [agentId, status])).toEqual([
      ['1', 'confirmed'],
      ['2', 'reorged'],
      ['3', 'reorged'],
      ['4', 'reorged'],
      ['5', 'observed'],
    ]);
  });

  it('at the same height is noticed without a new block', async () => {
    const watcher = new Watcher({}, rpcOf(chain));
    await chain.mine(registered(1));
    await watcher.settle();
    await chain.reorganize(1);
    await watcher.settle();
    expect(watcher.feed.story()).toEqual(['event 1.0', 'confirm 1.0', 'retract 1.0']);
  });

  it('onto a shorter branch is followed when no endpoint shows a longer one', async () => {
    const watcher = new Watcher({}, rpcOf(chain));
    await chain.mine();
    await chain.mine(registered(1));
    await chain.mine(registered(2));
    await watcher.settle();
    await chain.call('anvil_rollback', 2);
    await chain.mine(registered(3));
    await watcher.settle();
    expect(watcher.feed.story().slice(4)).toEqual(['retract 3.0', 'retract 2.0', 'event 2.0', 'confirm 2.0']);
  });

  it('that is undone brings the same events back as observed', async () => {
    const one = rpcOf(chain);
    const other = await startTestChain();
    try {
      let rpc = one;
      const both = new Proxy(one, { get: (_, name: keyof ChainRpc) => rpc[name] });
      const watcher = new Watcher({ confirmations: 5 }, both);
      await chain.mine(registered(1));
      await watcher.settle();
      await other.mineEmpty(1);
      rpc = rpcOf(other);
      await watcher.settle();
      rpc = one;
      await watcher.settle();
      expect(watcher.feed.story()).toEqual(['event 1.0', 'retract 1.0', 'event 1.0']);
      expect([...watcher.feed.events.values()].map(({ status }) => status)).toEqual(['observed']);
    } finally {
      await other.stop();
    }
  });

  it('below finality halts the watcher, which touches nothing and goes on when the chain is back', async () => {
    const one = rpcOf(chain);
    const other = await startTestChain();
    try {
      let rpc = one;
      const both = new Proxy(one, { get: (_, name: keyof ChainRpc) => rpc[name] });
      const watcher = new Watcher({ finality: 3 }, both);
      await chain.mine(registered(1));
      await chain.mineEmpty(9);
      await watcher.settle();
      const before = watcher.feed.story();
      await other.mineEmpty(12);
      rpc = rpcOf(other);
      await watcher.settle();
      expect(watcher.ledger.meta('halted')).toBe("block 7 and all above it differ from the chain's");
      expect(watcher.lines.filter(({ level }) => level === 'error').map(({ event }) => event)).toEqual([
        'chain_halted',
      ]);
      expect([watcher.ledger.cursor()?.number, watcher.feed.story()]).toEqual([10, before]);
      rpc = one;
      watcher.now += 60_000;
      await watcher.settle();
      expect(watcher.ledger.meta('halted')).toBeUndefined();
    } finally {
      await other.stop();
    }
  });

  it('of a local chain that was started anew takes everything back', async () => {
    const one = rpcOf(chain);
    const other = await startTestChain();
    try {
      let rpc = one;
      const watcher = new Watcher({}, new Proxy(one, { get: (_, name: keyof ChainRpc) => rpc[name] }));
      await chain.mine(registered(1));
      await watcher.settle();
      await other.mine(registered(2));
      rpc = withGenesis(rpcOf(other), keccak256('0x0badc0de'));
      await watcher.settle();
      expect(watcher.feed.story()).toEqual(['event 1.0', 'confirm 1.0', 'retract 1.0', 'event 1.0', 'confirm 1.0']);
    } finally {
      await other.stop();
    }
  });
});

/** Anvils that start within one second have the same block 0. */
function withGenesis(rpc: ChainRpc, hash: string): ChainRpc {
  return {
    ...rpc,
    async header(number) {
      const header = await rpc.header(number);
      if (header && number === 0) return { ...header, hash };
      return header && number === 1 ? { ...header, parentHash: hash } : header;
    },
    logsOfBlock: async (block, addresses) => (block === hash ? [] : rpc.logsOfBlock(block, addresses)),
    async head() {
      const header = await rpc.head();
      return header.number === 1 ? { ...header, parentHash: hash } : header;
    },
  };
}
