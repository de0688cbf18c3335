import { MINUTE, SECOND } from '../kernel/clock.ts';
import type { WatchedChain } from './chains.ts';
import { type ContractRpc, openRpc } from './rpc.ts';
import { RpcError } from './rpc-error.ts';

const TIMEOUT_MS = 5_000;
/** A header lists the hashes of its transactions; nothing else that is asked for here is large. */
const MAX_BYTES = 4 * 1024 * 1024;
const FRESH_FOR = 10 * MINUTE;

/**
 * Asks a chain one question as of the newest block, of the first endpoint that can answer it. One that is on another
 * chain, or stands still, is passed over: its answer would be somebody else's, or of long ago.
 * @throws RpcError when no endpoint can answer; the last one's
 */
export async function askChain<T>(
  chain: WatchedChain,
  now: Date,
  question: (rpc: ContractRpc, blockNumber: number) => Promise<T>,
): Promise<T> {
  let failure = new RpcError('other', `chain ${chain.id} has no endpoint`);
  for (const url of chain.rpcUrls) {
    const rpc = openRpc(url, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES });
    try {
      const [id, head] = await Promise.all([rpc.chainId(), rpc.head()]);
      if (id !== chain.id) throw new RpcError('other', `an endpoint of chain ${chain.id} is on chain ${id}`);
      // A local chain mines when there is something to mine.
      if (!chain.development && now.getTime() - head.time * SECOND > FRESH_FOR) {
        throw new RpcError('retryable', `an endpoint of chain ${chain.id} stands still at block ${head.number}`);
      }
      return await question(rpc, head.number);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      failure = error;
    }
  }
  throw failure;
}
