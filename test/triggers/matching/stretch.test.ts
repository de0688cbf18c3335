import { describe, expect, it } from 'vitest';
import type { FeedEntry } from '../../../src/triggers/matching/batch.ts';
import { compileTrigger, type StoredTrigger } from '../../../src/triggers/matching/rule.ts';
import { RuleIndex } from '../../../src/triggers/matching/rule-index.ts';
import { type StretchBounds, stretchOf } from '../../../src/triggers/matching/stretch.ts';
import { condition, sampleEvent, sampleTrigger } from './samples.ts';

function indexOf(trigger: Partial<StoredTrigger>): RuleIndex {
  const compiled = compileTrigger(sampleTrigger(trigger));
  if (compiled.state !== 'active') throw new Error(JSON.stringify(compiled));
  const index = new RuleIndex();
  index.put(compiled.rule);
  return index;
}

/** Ten confirmed events, each of an agent of its own. */
function stretch(trigger: Partial<StoredTrigger>, bounds: Partial<StretchBounds>) {
  const [first, ...rest] = Array.from({ length: 10 }, (_, n): FeedEntry => {
    const event = sampleEvent({ fields: { agent_id: String(n), tag1: 'a'.repeat(100) }, logIndex: n }, `#${n}`);
    return { seq: n, operation: 'confirm', appearance: 0, event };
  });
  if (!first) throw new Error('no entry');
  return stretchOf([first, ...rest], indexOf(trigger), { fires: 100, memories: 100, work: 1_000_000, ...bounds });
}

const busy = (id: number, scope: string) => ({
  ...{ id, condition_type: 'count', field: '-', operator: 'gte', value: '1', config: { time_window: '1h', scope } },
});

describe('a stretch of the feed', () => {
  it('ends with the entry that brings enough fires, memories or work, and has one entry at least.', () => {
    const lengthOf = (...of: Parameters<typeof stretch>) => stretch(...of).accepted.length;
    const all = { matchAll: true };
    expect([100, 3, 1, 0].map((fires) => lengthOf(all, { fires }))).toEqual([10, 3, 1, 1]);
    const counting = { conditions: [busy(1, 'agent'), busy(2, 'agent')] };
    expect([100, 6, 5, 0].map((memories) => lengthOf(counting, { memories }))).toEqual([10, 3, 3, 1]);
    expect(lengthOf(counting, { fires: 1 })).toBe(10);
    const searching = { conditions: [{ id: 1, ...condition('tag1', 'matches', '^b') }] };
    const { length } = stretch(searching, { work: 1_000 }).accepted;
    expect(length).toBeGreaterThan(1);
    expect(length).toBeLessThan(10);
    expect(lengthOf(searching, { work: 0 })).toBe(1);
  });

  it('counts a memory that is shared once, and names each that has to be read.', () => {
    const { accepted, touched } = stretch({ conditions: [busy(1, 'trigger')] }, { memories: 2 });
    expect(accepted).toHaveLength(10);
    expect(touched).toEqual([{ triggerId: 'trigger-1', groupKey: '11155111' }]);
  });
});
