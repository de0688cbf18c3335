import { callRpc } from './rpc.ts';

type Hex = `0x${string}`;

/** The addresses of the ERC-8004 registries on test networks. */
export const REGISTRIES = {
  identity: '0x8004A818BFB912233c491871b3d84c89A494BD9e',
  reputation: '0x8004B663056A597Dffe9eCcC1965A193B7388713',
  validation: '0x8004Cb1BF31DAf7788923b405b754f57acEB4272',
} as const satisfies Record<string, Hex>;

/**
 * A contract that stands in for a registry. It emits whatever log it is sent (see `encodeEmission`), and answers
 * `ownerOf(id)` with the content of storage slot `id`, or reverts with `ERC721NonexistentToken(id)` when it is empty.
 */
const STUB: Hex = `0x${[
  '5f3560e01c80636352211e146065578060051b60040180360380825f37905081600114605d578160021460525781',
  '600314604457606435604435602435600435845fa4005b604435602435600435835fa3005b602435600435825fa2',
  '005b600435815fa1005b6004355480608257637e27328960e01b5f5260043560045260245ffd5b5f5260205ff3',
].join('')}`;

/** Puts the stand-ins where a chain has no code yet. Returns the addresses that were empty. */
export async function installRegistries(rpcUrl: string): Promise<Hex[]> {
  const addresses = Object.values(REGISTRIES);
  const codes = await Promise.all(addresses.map((address) => callRpc<Hex>(rpcUrl, 'eth_getCode', [address, 'latest'])));
  const empty = addresses.filter((_, index) => codes[index] === '0x');
  for (const address of empty) await callRpc(rpcUrl, 'anvil_setCode', [address, STUB]);
  return empty;
}

/**
 * Calldata that makes a stand-in emit one log.
 * @param topics one to four, 32 bytes each; the first is the event's signature
 * @param data the log's data, any length
 */
export function encodeEmission(topics: readonly Hex[], data: Hex = '0x'): Hex {
  if (topics.length < 1 || topics.length > 4) throw new RangeError('a log of a registry has one to four topics');
  if (!topics.every((topic) => /^0x[0-9a-f]{64}$/i.test(topic))) throw new RangeError('a topic has 32 bytes');
  const count = topics.length.toString(16).padStart(8, '0');
  return `0x${count}${topics.map((topic) => topic.slice(2)).join('')}${data.slice(2)}`;
}

/** Sends a log through a stand-in and returns the transaction's hash. */
export async function emit(rpcUrl: string, registry: Hex, topics: readonly Hex[], data?: Hex): Promise<Hex> {
  const [from] = await callRpc<Hex[]>(rpcUrl, 'eth_accounts', []);
  return callRpc<Hex>(rpcUrl, 'eth_sendTransaction', [{ from, to: registry, data: encodeEmission(topics, data) }]);
}

/** Decides what `ownerOf(agentId)` answers; the zero address makes it revert as for an agent that does not exist. */
export async function setOwner(rpcUrl: string, agentId: bigint, owner: Hex): Promise<void> {
  const word = (hex: string): Hex => `0x${hex.padStart(64, '0')}`;
  const params = [REGISTRIES.identity, word(agentId.toString(16)), word(owner.slice(2).toLowerCase())];
  await callRpc(rpcUrl, 'anvil_setStorageAt', params);
}
