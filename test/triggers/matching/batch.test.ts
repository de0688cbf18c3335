import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BatchResult, type FeedEntry, matchBatch } from '../../../src/triggers/matching/batch.ts';
import { compileTrigger, type StoredTrigger } from '../../../src/triggers/matching/rule.ts';
import { RuleIndex } from '../../../src/triggers/matching/rule-index.ts';
import { stretchOf } from '../../../src/triggers/matching/stretch.ts';
import { Evaluator } from '../../../src/triggers/state/evaluator.ts';
import { condition, sampleEvent, sampleTrigger } from './samples.ts';

const matchAll = (entries: readonly [FeedEntry, ...FeedEntry[]], rules: RuleIndex, maxFires: number) => {
  const { accepted } = stretchOf(entries, rules, { fires: maxFires, memories: 100, work: 1_000_000 });
  return matchBatch(accepted, new Evaluator([], () => undefined), maxFires);
};

type Step = readonly [FeedEntry['operation'], string];

/** The feed of the steps, with each event's appearances counted as the store counts them. */
function feedOf(steps: readonly Step[]): FeedEntry[] {
  const retracted = new Map<string, number>();
  return steps.map(([operation, id], index) => {
    const appearance = retracted.get(id) ?? 0;
    if (operation === 'retract') retracted.set(id, appearance + 1);
    return { seq: index + 1, operation, appearance, event: sampleEvent({ logIndex: Number(id) }, id) };
  });
}

function indexOf(...triggers: Partial<StoredTrigger>[]): RuleIndex {
  const index = new RuleIndex();
  for (const [position, change] of triggers.entries()) {
    const compiled = compileTrigger(sampleTrigger({ id: `t${position}`, matchAll: true, ...change }));
    if (compiled.state === 'active') index.put(compiled.rule);
  }
  return index;
}

/** Runs the whole feed, cut after each of the positions and wherever a batch is full. */
function run(
  feed: readonly FeedEntry[],
  rules: RuleIndex,
  { cuts = [], maxFires = 100 }: { cuts?: readonly number[]; maxFires?: number } = {},
): BatchResult {
  const total: BatchResult = { fires: [], retractions: [], upTo: 0 };
  while (total.upTo < feed.length) {
    const end = cuts.find((cut) => cut > total.upTo) ?? feed.length;
    const [first, ...rest] = feed.slice(total.upTo, end);
    if (!first) break;
    const result = matchAll([first, ...rest], rules, maxFires);
    total.fires.push(...result.fires);
    total.retractions.push(...result.retractions);
    total.upTo = result.upTo;
  }
  return total;
}

const fired = (result: BatchResult) =>
  result.fires.map(({ triggerId, eventId, appearance }) => `${triggerId} ${eventId} ${appearance}`);

describe('a batch of the feed', () => {
  it('fires on the confirmation, or at once where the trigger asks for no confirmations.', () => {
    const rules = indexOf({ confirmations: null }, { confirmations: 0 });
    expect(fired(run(feedOf([['event', '1']]), rules))).toEqual(['t1 1 0']);
    expect(fired(run(feedOf([['confirm', '1']]), rules))).toEqual(['t0 1 0']);
    expect(
      fired(
        run(
          feedOf([
            ['event', '1'],
            ['event', '2'],
            ['confirm', '1'],
          ]),
          rules,
        ),
      ),
    ).toEqual(['t1 1 0', 't1 2 0', 't0 1 0']);
  });

  it('names in a fire the version that fired.', () => {
    expect(run(feedOf([['confirm', '1']]), indexOf({ version: 4 })).fires).toEqual([
      { triggerId: 't0', triggerVersion: 4, eventId: '1', appearance: 0, groupKey: '', state: null },
    ]);
  });

  it('retracts the appearance that ended, whether or not a rule of now would have fired on it.', () => {
    const result = run(
      feedOf([
        ['event', '1'],
        ['retract', '1'],
        ['event', '1'],
        ['retract', '1'],
      ]),
      indexOf(),
    );
    expect(result.fires).toEqual([]);
    expect(result.retractions).toEqual([
      { eventId: '1', appearance: 0 },
      { eventId: '1', appearance: 1 },
    ]);
  });

  it('fires anew for an event that comes back.', () => {
    const feed = feedOf([
      ['event', '1'],
      ['retract', '1'],
      ['event', '1'],
      ['confirm', '1'],
    ]);
    expect(fired(run(feed, indexOf({ confirmations: 0 }, { confirmations: null })))).toEqual([
      't0 1 0',
      't0 1 1',
      't1 1 1',
    ]);
  });

  it('asks the conditions of the event as it was recorded.', () => {
    const rules = indexOf({ conditions: [{ id: 1, ...condition('log_index', '=', '2') }] });
    expect(
      fired(
        run(
          feedOf([
            ['confirm', '1'],
            ['confirm', '2'],
          ]),
          rules,
        ),
      ),
    ).toEqual(['t0 2 0']);
  });

  it('ends early when it is full, but never before its first entry.', () => {
    const rules = indexOf({}, {}, {});
    const [first, ...rest] = feedOf([
      ['confirm', '1'],
      ['confirm', '2'],
      ['confirm', '3'],
    ]);
    if (!first) throw new Error('the feed is empty');
    expect(matchAll([first, ...rest], rules, 1).upTo).toBe(1);
    expect(matchAll([first, ...rest], rules, 4).upTo).toBe(2);
    expect(matchAll([first, ...rest], rules, 100).upTo).toBe(3);
  });

  it('gives the same results however the feed is cut.', () => {
    const step = fc.tuple(
      fc.constantFrom('event' as const, 'confirm' as const, 'retract' as const),
      fc.constantFrom('1', '2', '3'),
    );
    const rules = indexOf({ confirmations: 0 }, {}, { conditions: [{ id: 1, ...condition('log_index', '>=', '2') }] });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.array(fc.nat(40)),
        fc.integer({ min: 1, max: 9 }),
        (steps, cuts, maxFires) => {
          const feed = feedOf(steps);
          const ordered = cuts.sort((a, b) => a - b);
          expect(run(feed, rules, { cuts: ordered, maxFires })).toEqual(
            run(feed, rules, { maxFires: Number.POSITIVE_INFINITY }),
          );
        },
      ),
    );
  });
});
