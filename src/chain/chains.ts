import { REGISTRIES, type Registry } from './events.ts';

/** What the product knows of a chain before any configuration. */
export interface Chain {
  id: number;
  name: string;
  /** Only for local development: left out of what a deployment advertises. */
  development: boolean;
  /** Where the registries live, lower-case. A registry without code there is silent, which is not an error. */
  registries: Readonly<Record<Registry, string>>;
  /** The first block worth reading; `null` where it is not known and found when the chain is first watched. */
  startBlock: number | null;
  /** Depth at which an event counts as confirmed; 1 is the block it is in. */
  confirmations: number;
  /** Blocks at this depth are taken as final: what lies deeper is never rolled back. */
  finality: number;
  /** How often the head is asked for, in milliseconds. */
  pollMs: number;
  /** Blocks per `eth_getLogs` while catching up: the first try, and the most that is ever asked for. */
  initialRange: number;
  maxRange: number;
}

/** A chain that this deployment has an endpoint for. */
export interface WatchedChain extends Chain {
  /** In order of preference. Endpoints' URLs hold API keys: they never go into a message or a log. */
  rpcUrls: readonly string[];
}

/** The registries' two CREATE2 address sets, from the reference contracts' deployment scripts. */
const MAINNET = {
  identity: '0x8004a169fb4a3325136eb29fa0ceb6d2e539a432',
  reputation: '0x8004baa17c55a88189ae136b182e5fda19de9b63',
  validation: '0x8004cc8439f36fd5f9f049d9ff86523df6daab58',
};
const TESTNET = {
  identity: '0x8004a818bfb912233c491871b3d84c89a494bd9e',
  reputation: '0x8004b663056a597dffe9eccc1965a193b7388713',
  validation: '0x8004cb1bf31daf7788923b405b754f57aceb4272',
};

const RANGES = { initialRange: 500, maxRange: 10_000 };
const ETHEREUM = { ...RANGES, confirmations: 12, finality: 65, pollMs: 12_000, development: false };
const OPTIMISTIC = { ...RANGES, confirmations: 10, finality: 120, pollMs: 10_000, development: false };
const POLYGON = { ...RANGES, confirmations: 64, finality: 200, pollMs: 10_000, development: false };
const LOCAL = { ...RANGES, confirmations: 1, finality: 64, pollMs: 400, development: true };

/** The shipped table: every chain id that the product accepts. */
export const CHAINS: readonly Chain[] = [
  { ...ETHEREUM, id: 1, name: 'Ethereum', registries: MAINNET, startBlock: 24_339_924 },
  { ...OPTIMISTIC, id: 8453, name: 'Base', registries: MAINNET, startBlock: 41_663_799 },
  { ...ETHEREUM, id: 11_155_111, name: 'Ethereum Sepolia', registries: TESTNET, startBlock: 9_980_000 },
  { ...OPTIMISTIC, id: 84_532, name: 'Base Sepolia', registries: TESTNET, startBlock: 37_174_254 },
  { ...OPTIMISTIC, id: 59_141, name: 'Linea Sepolia', registries: TESTNET, startBlock: null },
  { ...POLYGON, id: 80_002, name: 'Polygon Amoy', registries: TESTNET, startBlock: null },
  { ...LOCAL, id: 31_337, name: 'Local development', registries: TESTNET, startBlock: 0 },
];

export const chainById = (id: number): Chain | undefined => CHAINS.find((chain) => chain.id === id);

/** Which registry an address of a chain is; any letter case. */
export function registryAt(chain: Chain, address: string): Registry | undefined {
  const wanted = address.toLowerCase();
  return REGISTRIES.find((registry) => chain.registries[registry] === wanted);
}

/** Per chain id. A chain without URLs is not watched, and its other settings then mean nothing. */
export interface ChainSettings {
  rpcUrls: Readonly<Record<number, readonly string[]>>;
  startBlocks?: Readonly<Record<number, number>>;
  confirmations?: Readonly<Record<number, number>>;
  pollMs?: Readonly<Record<number, number>>;
}

/** The chains to watch, in the table's order. Throws on an endpoint for a chain that the table does not have. */
export function watchedChains(settings: ChainSettings): WatchedChain[] {
  const unknown = Object.keys(settings.rpcUrls).filter((id) => !chainById(Number(id)));
  if (unknown.length > 0) {
    throw new Error(`no such chain: ${unknown.join(', ')}; known are ${CHAINS.map(({ id }) => id).join(', ')}`);
  }
  return CHAINS.flatMap((chain) => {
    const rpcUrls = settings.rpcUrls[chain.id] ?? [];
    if (rpcUrls.length === 0) return [];
    const confirmations = settings.confirmations?.[chain.id] ?? chain.confirmations;
    return {
      ...chain,
      rpcUrls,
      startBlock: settings.startBlocks?.[chain.id] ?? chain.startBlock,
      confirmations,
      // What is final must be confirmed, or an event could leave the watcher's memory before it counts.
      finality: Math.max(chain.finality, confirmations),
      pollMs: settings.pollMs?.[chain.id] ?? chain.pollMs,
    };
  });
}
