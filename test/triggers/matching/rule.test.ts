import { describe, expect, it } from 'vitest';
import type { MatchableEvent } from '../../../src/triggers/matching/event.ts';
import { compileTrigger, type StoredTrigger } from '../../../src/triggers/matching/rule.ts';
import { RuleSet } from '../../../src/triggers/matching/rule-set.ts';
import { condition, sampleEvent, sampleTrigger } from './samples.ts';

const stored = (...conditions: ReturnType<typeof condition>[]) =>
  conditions.map((one, index) => ({ id: index + 1, ...one }));

function accepts(change: Partial<StoredTrigger>, event: MatchableEvent = sampleEvent()) {
  const compiled = compileTrigger(sampleTrigger(change));
  return compiled.state === 'active' ? compiled.rule.accepts(event) : compiled.state;
}

describe('a trigger', () => {
  it('accepts an event for which all of its conditions hold, and no other.', () => {
    const good = condition('score', 'gte', '80');
    const bad = condition('tag1', 'equals', 'uptime');
    expect(accepts({ conditions: stored(good, condition('agent_id', '=', '7')) })).toBe(true);
    expect(accepts({ conditions: stored(good, bad) })).toBe(false);
    expect(accepts({ conditions: stored(bad) })).toBe(false);
  });

  it('without conditions is silent unless it asks for every event.', () => {
    expect(accepts({ conditions: [] })).toBe('silent');
    expect(accepts({ conditions: [], matchAll: true })).toBe(true);
  });

  it('keeps its conditions even when it asks for every event.', () => {
    expect(accepts({ matchAll: true, conditions: stored(condition('score', 'lt', '80')) })).toBe(false);
  });

  it('is silent while it is disabled, also when it could not be read.', () => {
    expect(accepts({ enabled: false, matchAll: true })).toBe('silent');
    expect(accepts({ enabled: false, conditions: stored(condition('colour', 'equals', 'red')) })).toBe('silent');
  });

  it('is about one registry, and about one chain or all.', () => {
    expect(accepts({ matchAll: true, registry: 'identity' })).toBe(false);
    expect(accepts({ matchAll: true, chainId: 11155111 })).toBe(true);
    expect(accepts({ matchAll: true, chainId: 84532 })).toBe(false);
    expect(accepts({ matchAll: true, chainId: null }, sampleEvent({ chainId: 84532 }))).toBe(true);
  });

  it('never fires for an event from before its creation, but for a minute by which the chain’s clock may be slow.', () => {
    const since = (createdAt: string) => accepts({ matchAll: true, createdAt: new Date(createdAt) });
    expect(since('2026-03-01T11:59:59.999Z')).toBe(true);
    expect(since('2026-03-01T12:00:00.000Z')).toBe(true);
    expect(since('2026-03-01T12:01:00.999Z')).toBe(true);
    expect(since('2026-03-01T12:01:01.000Z')).toBe(false);
    expect(since('2027-01-01T00:00:00.000Z')).toBe(false);
  });

  it('fires on the confirmation, unless it asks for none.', () => {
    const firesOn = (confirmations: number | null) => {
      const compiled = compileTrigger(sampleTrigger({ matchAll: true, confirmations }));
      return compiled.state === 'active' && compiled.rule.firesOn;
    };
    expect(firesOn(null)).toBe('confirm');
    expect(firesOn(12)).toBe('confirm');
    expect(firesOn(0)).toBe('event');
  });

  it('that has a condition which no longer compiles is broken as a whole and says where.', () => {
    const conditions = stored(condition('score', 'gte', '80'), condition('colour', 'equals', 'red'), {
      ...condition('score', 'gt', '1'),
      condition_type: 'retired',
    });
    expect(compileTrigger(sampleTrigger({ conditions }))).toEqual({
      state: 'broken',
      faults: [
        { conditionId: 2, path: 'field', message: expect.stringContaining('"colour"') },
        { conditionId: 3, path: 'condition_type', message: expect.stringContaining('must be one of event, field') },
      ],
    });
  });

  it('that moved to a registry which never emits its event type is broken.', () => {
    const conditions = stored(condition('event_type', 'equals', 'NewFeedback'));
    expect(accepts({ conditions })).toBe(true);
    expect(accepts({ conditions, registry: 'identity' })).toBe('broken');
  });
});

describe('a set of triggers', () => {
  const broken = sampleTrigger({ conditions: stored(condition('colour', 'equals', 'red')) });

  it('keeps those that can fire, and counts those that should but cannot.', () => {
    const set = new RuleSet();
    expect(set.put(sampleTrigger({ id: 'a', matchAll: true }))).toEqual([]);
    expect(set.put(sampleTrigger({ id: 'b' }))).toEqual([]);
    expect(set.put({ ...broken, id: 'c' })).toEqual([{ conditionId: 1, path: 'field', message: expect.any(String) }]);
    expect([set.index.size, set.broken]).toEqual([1, ['c']]);
  });

  it('forgets what it knew of a trigger that comes again.', () => {
    const set = new RuleSet();
    set.put(broken);
    set.put(sampleTrigger({ matchAll: true }));
    expect([set.index.size, set.broken]).toEqual([1, []]);
    set.put(broken);
    expect([set.index.size, set.broken]).toEqual([0, [broken.id]]);
    set.remove(broken.id);
    set.remove('never seen');
    expect([set.index.size, set.broken]).toEqual([0, []]);
  });
});
