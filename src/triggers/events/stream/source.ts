import type { FeedItem } from './message.ts';
import type { Position } from './position.ts';

/** Where a hub reads. */
export interface FeedSource {
  /** The last entry of each chain's feed; a chain without any is left out. */
  ends(chainIds: readonly number[]): Promise<Position>;
  /** What comes after the position, for each chain in order and at most `limit`. */
  read(after: Position, limit: number): Promise<FeedItem[]>;
}
