import type { FeedOperation } from '../ingest/table.ts';
import type { Evaluator, StatefulFire } from '../state/evaluator.ts';
import type { StateValues } from '../state/machine.ts';
import { type MatchableEvent, wholeSeconds } from './event.ts';
import type { Rule } from './rule.ts';
import type { Accepted } from './stretch.ts';

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
  /** What a trigger that remembers keeps apart; empty for one that does not. */
  groupKey: string;
  /** What templates may show of what it remembers. */
  state: StateValues | null;
}

export interface BatchResult {
  fires: Fire[];
  /** Appearances that ended: whatever fired on them is to be taken back. */
  retractions: EventAppearance[];
  /** The last entry that the result covers. */
  upTo: number;
}

/**
 * Fires the rules that a stretch of the feed is for. What an entry gives depends on the entries before it only by what the
 * evaluator remembers of them, so the rows that result are the same however the feed is cut. The stretch ends early, but
 * after at least one entry, once there are `maxFires`.
 */
export function matchBatch(
  stretch: readonly [Accepted, ...Accepted[]],
  evaluator: Evaluator,
  maxFires: number,
): BatchResult {
  const result: BatchResult = { fires: [], retractions: [], upTo: stretch[0].entry.seq };
  for (const { entry, rules } of stretch) {
    const { event, appearance, operation } = entry;
    if (operation === 'retract') {
      result.retractions.push({ eventId: event.id, appearance });
    } else {
      // What was due by then is decided before the event is seen.
      if (operation === 'confirm') {
        for (const fire of evaluator.advanceTo(wholeSeconds(event.blockTime))) result.fires.push(statefulFire(fire));
      }
      for (const rule of rules) {
        if (rule.stateful.length === 0) result.fires.push(fireOf(rule, event, appearance));
        else {
          const fire = evaluator.onEvent(rule, event, appearance);
          if (fire) result.fires.push(statefulFire(fire));
        }
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
  groupKey: '',
  state: null,
});

export const statefulFire = ({ rule, eventId, appearance, groupKey, values }: StatefulFire): Fire => ({
  triggerId: rule.triggerId,
  triggerVersion: rule.version,
  eventId,
  appearance,
  groupKey,
  state: values,
});
