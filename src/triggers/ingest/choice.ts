import type { WatchedChain } from '../../chain/chains.ts';
import type { BlockHeader, ChainRpc } from '../../chain/rpc.ts';
import { RpcError } from '../../chain/rpc-error.ts';
import { type Clock, MINUTE } from '../../kernel/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import { candidates, failed, preferring, rotated } from './endpoints.ts';
import type { Ledger } from './ledger.ts';
import type { WatcherMemory } from './memory.ts';
import { type Budget, metered } from './metered.ts';

export interface ChoiceDeps {
  chain: WatchedChain;
  ledger: Ledger;
  memory: WatcherMemory;
  log: Logger;
  clock: Clock;
}

/** The one endpoint that a tick works with, so that no two answers of the tick come from nodes at different heads. */
export interface Choice {
  index: number;
  rpc: ChainRpc;
  head: BlockHeader;
}

/**
 * The first endpoint that answers and has at least the cursor's height. A node that is merely behind says nothing about
 * the chain. Only if no endpoint is as far as the cursor, one whose shorter branch differs is taken at its word.
 */
export async function chooseEndpoint(deps: ChoiceDeps, budget: Budget): Promise<Choice | undefined> {
  const { memory, clock, ledger } = deps;
  let shorter: Choice | undefined;
  for (const index of candidates(memory.endpoints, clock().getTime())) {
    const choice = await greet(deps, index, budget);
    if (!choice) continue;
    const cursor = ledger.cursor();
    if (!cursor || choice.head.number >= cursor.number) return settle(deps, choice);
    const stored = ledger.header(choice.head.number);
    if (stored && stored.hash !== choice.head.hash) shorter ??= choice;
  }
  return shorter && settle(deps, shorter);
}

async function greet(deps: ChoiceDeps, index: number, budget: Budget): Promise<Choice | undefined> {
  const { chain, memory } = deps;
  const endpoint = memory.rpcs[index];
  if (!endpoint) return undefined;
  const rpc = metered(endpoint, budget);
  try {
    if (!memory.rightChain.has(index)) {
      const id = await rpc.chainId();
      if (id !== chain.id) throw new RpcError('other', `the endpoint serves chain ${id}`);
      memory.rightChain.add(index);
    }
    return { index, rpc, head: await rpc.head() };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    reportFailure(deps, index, error);
    return undefined;
  }
}

/** Lets the endpoint pause. Its place in the configuration names it, since its URL holds a key. */
export function reportFailure({ chain, memory, log, clock }: ChoiceDeps, index: number, error: RpcError): void {
  memory.endpoints = failed(memory.endpoints, index, clock().getTime());
  memory.lastError = error.message;
  log.warn('endpoint_failed', { chain_id: chain.id, endpoint: index, fault: error.fault, error: error.message });
}

const POLLS_WITHOUT_BLOCK = 10;

/** Keeps to the endpoint, unless no new block came for so long that another one should be asked next time. */
function settle({ chain, memory, clock }: ChoiceDeps, choice: Choice): Choice {
  const now = clock().getTime();
  const { index, head } = choice;
  memory.endpoints = preferring(memory.endpoints, index);
  const stale = Math.max(MINUTE, POLLS_WITHOUT_BLOCK * chain.pollMs);
  if (!memory.head || head.number > memory.head.number) {
    memory.head = { number: head.number, since: now };
  } else if (now - memory.head.since >= stale) {
    memory.endpoints = rotated(memory.endpoints);
    memory.head = { number: memory.head.number, since: now };
  }
  return choice;
}
