import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, vi } from 'vitest';
import { type Emission, registered } from '../../scripts/demo/emissions.ts';
import { emit, REGISTRIES, setOwner } from '../../scripts/stack/registries.ts';
import { callRpc } from '../../scripts/stack/rpc.ts';
import { watchedChains } from '../../src/chain/chains.ts';
import { configOf, primeConfig } from '../../src/env.ts';
import { startChain } from './lab/client.ts';

export const CHAIN_ID = 31_337;
export const OWNER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';

/** A chain of the test file's own, which the Worker watches; blocks are mined and read only when the test says so. */
export async function watchOwnChain({ confirmations = 1 } = {}) {
  const chain = await startChain();
  primeConfig({
    ...configOf(env),
    chains: watchedChains({
      rpcUrls: { [CHAIN_ID]: [chain.url] },
      confirmations: { [CHAIN_ID]: confirmations },
    }),
  });
  const watcher = env.CHAIN_WATCHER.getByName(String(CHAIN_ID));
  const rpc = <T = unknown>(method: string, ...params: unknown[]) => callRpc<T>(chain.url, method, params);

  return {
    rpc,
    stop: chain.stop,

    /** Sends a log in a transaction of its own block, and answers with the transaction's hash once that is mined. */
    async emit({ registry, topics, data }: Emission) {
      const transaction = await emit(chain.url, REGISTRIES[registry], topics, data);
      await vi.waitFor(async () => expect(await rpc('eth_getTransactionReceipt', transaction)).not.toBeNull());
      return transaction;
    },

    mint(agentId: bigint) {
      return this.emit(registered(agentId, OWNER));
    },

    /** What the registry says of an agent's owner from now on. */
    setOwner: (agentId: bigint, owner: `0x${string}`) => setOwner(chain.url, agentId, owner),

    /** Lets the watcher read on, and the matcher after it. */
    async read() {
      await watcher.ensureRunning(CHAIN_ID);
      await runDurableObjectAlarm(watcher);
    },

    /** Replaces the newest blocks by as many empty ones. The chain's clock is set right again afterwards. */
    async reorganize(depth: number) {
      await rpc('anvil_reorg', depth, []);
      await rpc('anvil_setTime', Math.floor(Date.now() / 1_000));
    },
  };
}
