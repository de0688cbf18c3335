import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { asc, eq } from 'drizzle-orm';
import { callRpc } from '../../../scripts/stack/rpc.ts';
import { watchedChains } from '../../../src/chain/chains.ts';
import { configOf, primeConfig } from '../../../src/env.ts';
import { chainEvents, chainFeed } from '../../../src/triggers/ingest/table.ts';
import { database } from '../../support/database.ts';
import { startChain } from '../../support/lab/client.ts';

/** Chains of the table whose registries are where the stubs are: each test takes one, and so an object of its own. */
const ids = [31_337, 11_155_111, 84_532, 59_141, 80_002];
const stops: (() => Promise<unknown>)[] = [];
export const HOUR = 3_600_000;

export const stopChains = () => Promise.all(stops.splice(0).map((stop) => stop()));

/** A chain of its own, watched by the Worker's own object, whose alarm rings only when the test wants it. */
export async function newWatcher(confirmations = 1) {
  const chainId = ids.shift();
  if (chainId === undefined) throw new Error('there is no chain left for another test');
  const { url, stop } = await startChain({ chainId });
  stops.push(stop);
  await callRpc(url, 'evm_setAutomine', [false]);
  const perChain = <T>(value: T) => ({ [chainId]: value });
  const chains = watchedChains({
    rpcUrls: perChain([url]),
    startBlocks: perChain(0),
    confirmations: perChain(confirmations),
    pollMs: perChain(HOUR),
  });
  primeConfig({ ...configOf(env), chains });
  const stub = env.CHAIN_WATCHER.getByName(String(chainId));
  const setChain = "insert or replace into meta (key, value) values ('chain', ?)";
  const assign = () => runInDurableObject(stub, (_, state) => void state.storage.sql.exec(setChain, chainId));
  await assign();
  return {
    url,
    chainId,
    stub,
    assign,
    tick: () => runInDurableObject(stub, (instance) => instance.alarm?.()),
    alarm: () => runInDurableObject(stub, (_, state) => state.storage.getAlarm()),
    feed: async () => {
      const rows = await database()
        .query.select({ seq: chainFeed.seq, operation: chainFeed.operation, agent: chainEvents.agentId })
        .from(chainFeed)
        .innerJoin(chainEvents, eq(chainFeed.eventId, chainEvents.id))
        .where(eq(chainFeed.chainId, chainId))
        .orderBy(asc(chainFeed.seq));
      return rows.map(({ seq, operation, agent }) => `${seq} ${operation} ${agent}`);
    },
  };
}
