import type { FeedOperation } from '../ingest/table.ts';
import type { MatchableEvent } from './event.ts';
import type { Rule } from './rule.ts';
import type { RuleIndex } from './rule-index.ts';

/** One entry of the chain's feed with the event it is about. */
export interface FeedEntry {
  seq: number;
  operation: FeedOperation;
  /**
   * How often the event was retracted before this entry: 0 while its block is first on the chain, 1 after it has gone
   * and come back. A fire belongs to one appearance, so an event that returns fires again.
   */
  appearance: number;
  event: MatchableEvent;
}

/** One appearance of one event. */
export interface EventAppearance {
  eventId: string;
  appearance: number;
}

export interface Fire extends EventAppearance {
  triggerId: string;
  triggerVersion: number;
}

export interface BatchResult {
  fires: Fire[];
  /** Appearances that ended: whatever fired on them is to be taken back. */
  retractions: EventAppearance[];
  /** The last entry that the result covers. */
  upTo: number;
}

/**
 * Runs a non-empty stretch of the feed past the rules. What an entry gives depends on that entry and the rules only,
 * never on its neighbours, so the rows that result are the same however the feed is cut. The stretch ends early, but
 * after at least one entry, once there are `maxFires`.
 */
export function matchBatch(
  entries: readonly [FeedEntry, ...FeedEntry[]],
  rules: RuleIndex,
  maxFires: number,
): BatchResult {
  const result: BatchResult = { fires: [], retractions: [], upTo: entries[0].seq };
  for (const entry of entries) {
    const { event, appearance, operation } = entry;
    if (operation === 'retract') {
      result.retractions.push({ eventId: event.id, appearance });
    } else {
      for (const rule of rules.candidates(event)) {
        if (rule.firesOn === operation && rule.accepts(event)) result.fires.push(fireOf(rule, event, appearance));
      }
    }
    result.upTo = entry.seq;
    if (result.fires.length >= maxFires) break;
  }
  return result;
}

const fireOf = (rule: Rule, event: MatchableEvent, appearance: number): Fire => ({
  triggerId: rule.triggerId,
  triggerVersion: rule.version,
  eventId: event.id,
  appearance,
});
