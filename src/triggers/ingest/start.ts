import type { WatchedChain } from '../../chain/chains.ts';
import type { BlockHeader, ChainRpc } from '../../chain/rpc.ts';
import { RpcError } from '../../chain/rpc-error.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Ledger } from './ledger.ts';
import type { FeedStore } from './store.ts';

export interface StartDeps {
  chain: WatchedChain;
  ledger: Ledger;
  feed: FeedStore;
  log: Logger;
}

/**
 * Fills an empty ledger: goes on where Postgres' record of the chain ends, or begins at the chain's first block worth
 * reading. Answers `false` when the endpoint has not come that far yet.
 */
export async function begin(
  { chain, ledger, feed, log }: StartDeps,
  rpc: ChainRpc,
  head: BlockHeader,
): Promise<boolean> {
  const { lastSeq, resumeAt, known } = await feed.recordedEnd(chain.id, chain.finality);
  const first = resumeAt ?? chain.startBlock ?? (await firstBlock(chain, rpc, head, log));
  if (first - 1 > head.number) return false;
  const below = first === 0 ? null : await rpc.header(first - 1);
  if (first > 0 && !below) throw new RpcError('retryable', `the endpoint has no block ${first - 1} below its head`);
  ledger.begin(first, below, lastSeq, known);
  log.info('chain_started', { chain_id: chain.id, first, lastSeq, known: known.length });
  return true;
}

/**
 * The block that brought the identity registry, found by halving. Nodes that keep no old state cannot answer, and a
 * registry may not be there at all yet: reading then starts at what is final now, and the past stays unread.
 */
async function firstBlock(chain: WatchedChain, rpc: ChainRpc, head: BlockHeader, log: Logger): Promise<number> {
  const final = Math.max(head.number - chain.finality, 0);
  const deployed = (number: number) => rpc.hasCode(chain.registries.identity, number);
  try {
    if (!(await deployed(head.number))) return final;
    let without = -1;
    let withCode = head.number;
    while (withCode - without > 1) {
      const middle = Math.floor((without + withCode) / 2);
      if (await deployed(middle)) withCode = middle;
      else without = middle;
    }
    return withCode;
  } catch (error) {
    if (!(error instanceof RpcError) || error.fault !== 'other') throw error;
    log.warn('start_block_unknown', { chain_id: chain.id, first: final, error: error.message });
    return final;
  }
}
