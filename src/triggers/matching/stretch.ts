import { groupOf } from '../state/evaluator.ts';
import type { FeedEntry } from './batch.ts';
import type { Work } from './predicate.ts';
import type { Rule } from './rule.ts';
import type { RuleIndex } from './rule-index.ts';

/** An entry of the feed with the rules that it is for. */
export interface Accepted {
  readonly entry: FeedEntry;
  readonly rules: readonly Rule[];
}

/** After how much a stretch ends, at the end of the entry that comes to it. */
export interface StretchBounds {
  /** Fires of triggers that do not remember. */
  readonly fires: number;
  /** Memories that have to be read, and may have to be written. */
  readonly memories: number;
  /** Of patterns. Counted, since a Worker's clock stands still while it computes. */
  readonly work: number;
}

export interface MemoryKey {
  triggerId: string;
  groupKey: string;
}

/** At least one entry, with the memories that these touch. */
export interface Stretch {
  readonly accepted: [Accepted, ...Accepted[]];
  readonly touched: readonly MemoryKey[];
}

/** Asks the rules of one entry after the other, until there is enough to be dealt with at a time. */
export function stretchOf(
  [first, ...rest]: readonly [FeedEntry, ...FeedEntry[]],
  rules: RuleIndex,
  bounds: StretchBounds,
  work: Work = { spent: 0 },
): Stretch {
  const until = work.spent + bounds.work;
  const memories = new Set<string>();
  const touched = new Map<string, MemoryKey>();
  let fires = 0;
  const ask = (entry: FeedEntry): Accepted => {
    const accepting = rulesFor(entry, rules, work);
    for (const rule of accepting) {
      if (rule.stateful.length === 0) fires += 1;
      for (const { id, machine } of rule.stateful) {
        const groupKey = groupOf(machine.scope, entry.event);
        memories.add(`${id}/${groupKey}`);
        touched.set(`${rule.triggerId}/${groupKey}`, { triggerId: rule.triggerId, groupKey });
      }
    }
    return { entry, rules: accepting };
  };
  const accepted: Stretch['accepted'] = [ask(first)];
  for (const entry of rest) {
    if (fires >= bounds.fires || memories.size >= bounds.memories || work.spent >= until) break;
    accepted.push(ask(entry));
  }
  return { accepted, touched: [...touched.values()] };
}

/** A retraction is for no rule: what fired on the appearance is known. */
const rulesFor = ({ operation, event }: FeedEntry, rules: RuleIndex, work: Work): Rule[] =>
  operation === 'retract'
    ? []
    : rules.candidates(event).filter((rule) => rule.firesOn === operation && rule.accepts(event, work));
