import type { FeedOperation } from '../ingest/table.ts';
import { type Evaluator, groupOf, type StatefulFire } from '../state/evaluator.ts';
import type { StateValues } from '../state/machine.ts';
import { type MatchableEvent, wholeSeconds } from './event.ts';
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
 * Runs a stretch of the feed past the rules. What an entry gives depends on the entries before it only by what the
 * evaluator remembers of them, so the rows that result are the same however the feed is cut. The stretch ends early, but
 * after at least one entry, once there are `maxFires`.
 */
export function matchBatch(
  entries: readonly [FeedEntry, ...FeedEntry[]],
  rules: RuleIndex,
  evaluator: Evaluator,
  maxFires: number,
): BatchResult {
  const result: BatchResult = { fires: [], retractions: [], upTo: entries[0].seq };
  for (const entry of entries) {
    const { event, appearance, operation } = entry;
    if (operation === 'retract') {
      result.retractions.push({ eventId: event.id, appearance });
    } else {
      // What was due by then is decided before the event is seen.
      if (operation === 'confirm') {
        result.fires.push(...evaluator.advanceTo(wholeSeconds(event.blockTime)).map(statefulFire));
      }
      for (const rule of rules.candidates(event)) {
        if (rule.firesOn !== operation || !rule.accepts(event)) continue;
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

/** Triggers that remember, with the groups whose memory the entries touch. */
export function memoriesTouched(entries: readonly FeedEntry[], rules: RuleIndex): MemoryKey[] {
  const keys = new Map<string, MemoryKey>();
  for (const { event, operation } of entries) {
    if (operation !== 'confirm') continue;
    for (const rule of rules.candidates(event)) {
      if (rule.stateful.length === 0 || !rule.accepts(event)) continue;
      for (const scope of ['agent', 'trigger'] as const) {
        const key = { triggerId: rule.triggerId, groupKey: groupOf(scope, event) };
        keys.set(`${key.triggerId}/${key.groupKey}`, key);
      }
    }
  }
  return [...keys.values()];
}

export interface MemoryKey {
  triggerId: string;
  groupKey: string;
}
