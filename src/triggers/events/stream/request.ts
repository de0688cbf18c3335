import type { EventFilter } from '../store.ts';
import type { Position } from './position.ts';

export interface StreamRequest {
  /** Whose the stream is: what streams are counted by. */
  caller: string;
  chainIds: readonly number[];
  filter: EventFilter;
  /** Where the reader was cut off. Chains that it does not name, and whoever names none, begin with what comes next. */
  resumeAt?: Position | undefined;
}

/**
 * `full`: no room for another reader; `many`: the caller has as many streams as it may; `behind`: there is more to catch up
 * with than a stream is for.
 */
export type Refusal = 'full' | 'many' | 'behind';
