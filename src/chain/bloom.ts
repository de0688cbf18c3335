import { type Hex, hexToBytes, keccak256 } from 'viem';

/**
 * A block header's `logsBloom` (Yellow Paper, 4.3.1): every address and topic of the block's logs sets three of its
 * 2048 bits. Bits that are not set prove that a log is not there; set bits only suggest that it is.
 */
const BITS = 2048;
const HEX_DIGITS = BITS / 4;
const POSITION_BYTES = [0, 2, 4];

/** Above this chance of three set bits by accident, a bloom says nothing. Full blocks of busy chains are above it. */
const HIGHEST_CHANCE = 0.01;

const isBloom = (bloom: string) => bloom.length === HEX_DIGITS + 2;

function hasBit(bloom: string, position: number): boolean {
  const digit = Number.parseInt(bloom.charAt(1 + HEX_DIGITS - Math.floor(position / 4)), 16);
  return ((digit >> (position % 4)) & 1) === 1;
}

/** Whether the bloom may hold the address or topic (hex). */
export function mayHold(bloom: string, item: string): boolean {
  if (!isBloom(bloom)) return false;
  const hash = keccak256(hexToBytes(item as Hex), 'bytes');
  return POSITION_BYTES.every((at) => hasBit(bloom, (((hash[at] ?? 0) << 8) | (hash[at + 1] ?? 0)) % BITS));
}

/** The chance that something which is not in the block looks as if it were. */
export function accidentChance(bloom: string): number {
  let set = 0;
  for (const digit of bloom.slice(2)) {
    for (let bits = Number.parseInt(digit, 16); bits > 0; bits >>= 1) set += bits & 1;
  }
  return (set / BITS) ** POSITION_BYTES.length;
}

/** What a block would have to show logs of. */
export interface Expectation {
  /** Addresses that are watched. */
  addresses: readonly string[];
  /** Values of `topic0` that only those addresses are likely to emit. */
  topics: readonly string[];
}

/**
 * Whether a bloom that still says something names a watched address, or one of its events, of which no log came.
 * A node may leave a log out of `eth_getLogs` under the right block hash, and nothing else in the answer shows it.
 */
export function looksIncomplete(
  bloom: string,
  { addresses, topics }: Expectation,
  logs: readonly { address: string; topics: readonly string[] }[],
): boolean {
  if (!isBloom(bloom) || accidentChance(bloom) > HIGHEST_CHANCE) return false;
  const present = addresses.filter((address) => mayHold(bloom, address));
  if (present.length === 0) return false;
  if (present.some((address) => !logs.some((log) => log.address === address))) return true;
  return topics.some((topic) => mayHold(bloom, topic) && !logs.some((log) => log.topics[0] === topic));
}
