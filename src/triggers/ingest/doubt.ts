/**
 * Blocks of which the header suggests a log that the answer did not hold. A bloom filter also hits by accident, so the
 * doubt ends when a second endpoint gives the same answer, or, where there is none, after a few more tries.
 */
export interface Doubt {
  readonly blockHash: string;
  /** Endpoints that gave the suspicious answer, one entry per time. */
  readonly askedOf: readonly number[];
}

const TRIES = 3;

/** The doubt about a block after `endpoint` gave a suspicious answer for it. Only one block is doubted at a time. */
export const doubted = (previous: Doubt | undefined, blockHash: string, endpoint: number): Doubt =>
  previous?.blockHash === blockHash
    ? { blockHash, askedOf: [...previous.askedOf, endpoint] }
    : { blockHash, askedOf: [endpoint] };

/** Whether the answer of `endpoint` about the block is to be believed although it looks incomplete. */
export function settled(doubt: Doubt | undefined, blockHash: string, endpoint: number): boolean {
  if (doubt?.blockHash !== blockHash) return false;
  return doubt.askedOf.some((other) => other !== endpoint) || doubt.askedOf.length >= TRIES;
}
