import { decodeErrorResult, decodeFunctionResult, encodeFunctionData, type Hex, parseAbi } from 'viem';
import { askChain } from './ask.ts';
import type { WatchedChain } from './chains.ts';
import { RpcError } from './rpc-error.ts';

const ERC721 = parseAbi([
  'function ownerOf(uint256 tokenId) view returns (address)',
  'error ERC721NonexistentToken(uint256 tokenId)',
]);

/** Who owned an agent as of a block. */
export interface Ownership {
  /** Lower-case. */
  owner: string;
  blockNumber: number;
}

/**
 * Who owns the agent's NFT now; nothing when there is no such agent. Only the registry's own word counts for that: a
 * failure that cannot be read is the endpoint's.
 * @throws RpcError when no endpoint can answer
 */
export async function readOwner(chain: WatchedChain, agentId: string, now: Date): Promise<Ownership | undefined> {
  const data = encodeFunctionData({ abi: ERC721, functionName: 'ownerOf', args: [BigInt(agentId)] });
  return askChain(chain, now, async (rpc, blockNumber) => {
    const answer = await rpc.read({ to: chain.registries.identity, data }, blockNumber);
    if (!answer.reverted) return { owner: decodeOwner(answer.data as Hex), blockNumber };
    if (saysNonexistent(answer.data as Hex)) return undefined;
    throw new RpcError('other', 'ownerOf: reverted without a known error');
  });
}

function decodeOwner(data: Hex): string {
  try {
    return decodeFunctionResult({ abi: ERC721, functionName: 'ownerOf', data }).toLowerCase();
  } catch {
    // `0x` is what an address without code answers.
    throw new RpcError('other', 'ownerOf: the answer is not an address');
  }
}

function saysNonexistent(data: Hex): boolean {
  try {
    return decodeErrorResult({ abi: ERC721, data }).errorName === 'ERC721NonexistentToken';
  } catch {
    return false;
  }
}
