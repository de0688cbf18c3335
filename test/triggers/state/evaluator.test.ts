import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileTrigger } from '../../../src/triggers/matching/rule.ts';
import { type Due, DueHeap } from '../../../src/triggers/state/due-heap.ts';
import { Evaluator, type StateRow } from '../../../src/triggers/state/evaluator.ts';
import { sampleEvent, sampleTrigger } from '../matching/samples.ts';

const compiled = compileTrigger(
  sampleTrigger({
    conditions: [
      { id: 1, condition_type: 'absence', field: '-', operator: '-', value: '-', config: { time_window: '10s' } },
    ],
  }),
);
if (compiled.state !== 'active') throw new Error(JSON.stringify(compiled));
const { rule } = compiled;
const fingerprint = rule.stateful[0]?.fingerprint ?? '';

const waits = (groupKey: string, since: number): StateRow => ({
  ...{ triggerId: rule.triggerId, conditionId: 1, groupKey, fingerprint, memory: { since, told: false } },
  ...{ held: false, dueAt: since + 10, endsAt: since + 1_000, anchor: { eventId: `e${groupKey}`, appearance: 0 } },
});

describe('an evaluator', () => {
  it('lets time pass over any number of memories, in the order in which they are due.', () => {
    const rows = Array.from({ length: 200_000 }, (_, n) => waits(String(n), (n * 7_919) % 200_000));
    const evaluator = new Evaluator(rows, () => rule);
    expect(evaluator.advanceTo(9)).toEqual([]);
    const first = evaluator.advanceTo(1_009);
    expect(first).toHaveLength(1_000);
    const dues = [...first, ...evaluator.advanceTo(1_000_000)].map(({ groupKey }) =>
      Number(groupKey.split(':').at(-1)),
    );
    expect(dues).toEqual(Array.from({ length: 200_000 }, (_, n) => n + 10));
    expect(evaluator.advanceTo(2_000_000)).toEqual([]);
  });

  it('tells once, at the last time, of what came to wait anew ever so often.', () => {
    const evaluator = new Evaluator([], () => rule);
    const start = Date.parse('2026-03-01T12:00:00Z');
    for (let n = 0; n < 5_000; n += 1) {
      evaluator.onEvent(rule, sampleEvent({ blockTime: new Date(start + n * 1_000) }, `#${n}`), 0);
    }
    expect(evaluator.load()).toEqual({ memories: 1, items: 0, work: 5_000 });
    expect(evaluator.advanceTo(start / 1_000 + 5_008)).toEqual([]);
    expect(evaluator.advanceTo(start / 1_000 + 5_009)).toMatchObject([{ eventId: '#4999' }]);
  });
});

describe('the heap of what is due', () => {
  it('gives up what it was given in order, equal ones together.', () => {
    const due = fc.record({
      dueAt: fc.integer({ min: 0, max: 20 }),
      conditionId: fc.integer({ min: 1, max: 3 }),
      groupKey: fc.constantFrom('1', '1:2', '1:3'),
    });
    const inOrder = (a: Due, b: Due) =>
      a.dueAt - b.dueAt ||
      a.conditionId - b.conditionId ||
      (a.groupKey < b.groupKey ? -1 : Number(a.groupKey > b.groupKey));
    fc.assert(
      fc.property(fc.array(due, { maxLength: 60 }), (items) => {
        const heap = new DueHeap(items);
        const out: (Due | undefined)[] = [];
        while (heap.size > 0) out.push(heap.pop());
        expect(out).toEqual([...items].sort(inOrder));
      }),
    );
  });
});
