import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FeedEntry } from '../../../src/triggers/matching/batch.ts';
import { compileTrigger, type StoredCondition } from '../../../src/triggers/matching/rule.ts';
import { RuleIndex } from '../../../src/triggers/matching/rule-index.ts';
import { sampleEvent, sampleTrigger } from '../matching/samples.ts';
import { Live } from './live.ts';

const START = Date.parse('2026-03-01T12:00:00Z') / 1_000;

const span = fc.constantFrom('5s', '20s', '1m');
const level = fc.integer({ min: 0, max: 9 }).map(String);
const order = fc.constantFrom('gt', 'gte', 'lt', 'lte');
const scope = fc.constantFrom('agent', 'trigger');

const kinds = fc.oneof(
  fc.record({
    condition_type: fc.constant('ema_threshold'),
    operator: order,
    value: level,
    config: fc.record({ window_size: fc.integer({ min: 1, max: 5 }), scope }),
  }),
  fc.record({
    condition_type: fc.constant('count'),
    operator: order,
    value: fc.constantFrom('1', '2', '3'),
    config: fc.record({ time_window: span, scope, reset_on_trigger: fc.boolean() }),
  }),
  fc.record({
    condition_type: fc.constant('distinct_count'),
    operator: order,
    value: fc.constantFrom('1', '2'),
    config: fc.record({ time_window: span, scope }),
  }),
  fc.record({
    condition_type: fc.constant('rate_of_change'),
    operator: order,
    value: level,
    config: fc.record({ time_window: span, scope }),
  }),
  fc.record({
    condition_type: fc.constant('threshold_crossing'),
    operator: order,
    value: level,
    config: fc.record({ scope }),
  }),
  fc.record({
    condition_type: fc.constant('absence'),
    operator: fc.constant('equals'),
    value: fc.constant('1'),
    config: fc.record({ time_window: span, scope }),
  }),
  fc.record({
    condition_type: fc.constant('sustained'),
    operator: order,
    value: level,
    config: fc.record({ for: span, scope }),
  }),
  fc.record({
    condition_type: fc.constant('cooldown'),
    operator: fc.constant('equals'),
    value: fc.constant('1'),
    config: fc.record({ time_window: span, scope }),
  }),
  fc.record({
    condition_type: fc.constant('max_fires'),
    operator: fc.constant('equals'),
    value: fc.constantFrom('1', '2'),
    config: fc.record({ time_window: span, scope }),
  }),
);

const conditions = fc.array(kinds, { minLength: 1, maxLength: 3 });

const log = fc.array(
  fc.record({ pause: fc.integer({ min: 0, max: 40 }), score: level, agent_id: fc.constantFrom('1', '2') }),
  { minLength: 1, maxLength: 30 },
);

let nextId = 0;

function indexOf(triggers: readonly StoredCondition[][]): RuleIndex {
  const index = new RuleIndex();
  for (const [position, list] of triggers.entries()) {
    const compiled = compileTrigger(sampleTrigger({ id: `t${position}`, conditions: list }));
    if (compiled.state === 'active') index.put(compiled.rule);
  }
  return index;
}

const stored = (triggers: readonly (readonly Omit<StoredCondition, 'id' | 'field'>[])[]): StoredCondition[][] =>
  triggers.map((list) => list.map((condition) => ({ id: ++nextId, field: 'score', ...condition })));

function feedOf(happenings: readonly { pause: number; score: string; agent_id: string }[]): FeedEntry[] {
  let at = START;
  return happenings.map(({ pause, ...fields }, position) => {
    at += pause;
    const event = sampleEvent({ fields, blockTime: new Date(at * 1_000), logIndex: position }, `#${position}`);
    return { seq: position + 1, operation: 'confirm', appearance: 0, event };
  });
}

const told = (live: Live) =>
  live.fires
    .map(({ triggerId, eventId, groupKey, state }) => JSON.stringify([triggerId, eventId, groupKey, state]))
    .sort();

describe('triggers that remember', () => {
  it('fire the same however the feed is cut, and remember the same.', () => {
    fc.assert(
      fc.property(
        fc.array(conditions, { minLength: 1, maxLength: 3 }),
        log,
        fc.array(fc.nat(30)),
        (some, happenings, cuts) => {
          const index = indexOf(stored(some));
          const feed = feedOf(happenings);
          const end = START + 10_000;
          const whole = new Live(index);
          whole.batch(feed);
          whole.batch([], end);
          const cut = new Live(index);
          let from = 0;
          for (const position of [...cuts].sort((a, b) => a - b).concat(feed.length)) {
            const part = feed.slice(from, Math.max(from, position));
            from = Math.max(from, position);
            cut.batch(part);
            // What has passed for certain when the next entry is not there yet.
            const last = part.at(-1)?.event.blockTime.getTime();
            if (last !== undefined) cut.batch([], last / 1_000);
          }
          cut.batch([], end);
          expect(told(cut)).toEqual(told(whole));
          expect(cut.memories()).toEqual(whole.memories());
        },
      ),
      { numRuns: 500 },
    );
  });

  it('fire the same when memories that have ended are forgotten in between, and then remember the same.', () => {
    fc.assert(
      fc.property(
        fc.array(conditions, { minLength: 1, maxLength: 3 }),
        log,
        fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
        (some, happenings, forgets) => {
          const index = indexOf(stored(some));
          const [kept, cleared] = [new Live(index), new Live(index)];
          for (const [position, entry] of feedOf(happenings).entries()) {
            for (const live of [kept, cleared]) live.batch([entry]);
            if (forgets[position]) cleared.forget(entry.event.blockTime.getTime() / 1_000);
          }
          const end = START + 10_000;
          for (const live of [kept, cleared]) {
            live.batch([], end);
            live.forget(end);
          }
          expect(told(cleared)).toEqual(told(kept));
          expect(cleared.memories()).toEqual(kept.memories());
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('fire about an event at a time at most once.', () => {
    fc.assert(
      fc.property(fc.array(conditions, { minLength: 1, maxLength: 3 }), log, (some, happenings) => {
        const live = new Live(indexOf(stored(some)));
        for (const entry of feedOf(happenings)) live.batch([entry]);
        live.batch([], START + 10_000);
        const keys = live.fires.map(({ triggerId, eventId, groupKey }) => `${triggerId} ${eventId} ${groupKey}`);
        expect(new Set(keys).size).toBe(keys.length);
      }),
      { numRuns: 300 },
    );
  });
});
