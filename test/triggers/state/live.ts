import {
  type BatchResult,
  type FeedEntry,
  matchBatch,
  memoriesTouched,
  statefulFire,
} from '../../../src/triggers/matching/batch.ts';
import { wholeSeconds } from '../../../src/triggers/matching/event.ts';
import type { RuleIndex } from '../../../src/triggers/matching/rule-index.ts';
import { Evaluator, type StateRow } from '../../../src/triggers/state/evaluator.ts';

/**
 * The matcher's way over a feed, without a database: memories are kept as JSON between batches, and only those are loaded
 * that the matcher would load.
 */
export class Live {
  readonly #stored = new Map<string, string>();
  readonly #index: RuleIndex;
  readonly fires: BatchResult['fires'] = [];

  constructor(index: RuleIndex) {
    this.#index = index;
  }

  /** One batch, and then time up to `confirmedTo`. */
  batch(entries: readonly FeedEntry[], confirmedTo = Number.NEGATIVE_INFINITY): void {
    const by = entries.reduce((last, { event }) => Math.max(last, wholeSeconds(event.blockTime)), confirmedTo);
    const rows = [...this.#stored.values()].map((text) => JSON.parse(text) as StateRow);
    const due = rows.filter(({ dueAt }) => dueAt !== null && dueAt <= by);
    const wanted = new Set(
      [
        ...memoriesTouched(entries, this.#index),
        ...due.flatMap(({ triggerId, groupKey }) => [
          { triggerId, groupKey },
          { triggerId, groupKey: groupKey.split(':')[0] ?? '' },
        ]),
      ].map(({ triggerId, groupKey }) => `${triggerId} ${groupKey}`),
    );
    const loaded = rows.filter(({ triggerId, groupKey }) => wanted.has(`${triggerId} ${groupKey}`));
    const evaluator = new Evaluator([...due, ...loaded], (triggerId) => this.#index.get(triggerId));
    const [first, ...rest] = entries;
    if (first) this.fires.push(...matchBatch([first, ...rest], this.#index, evaluator, Number.POSITIVE_INFINITY).fires);
    this.fires.push(...evaluator.advanceTo(confirmedTo).map(statefulFire));
    const { changed, removed } = evaluator.outcome();
    for (const { conditionId, groupKey } of removed) this.#stored.delete(`${conditionId}/${groupKey}`);
    for (const row of changed) this.#stored.set(`${row.conditionId}/${row.groupKey}`, JSON.stringify(row));
  }

  /** What is remembered, in an order of its own. */
  memories(): string[] {
    return [...this.#stored.values()].sort();
  }
}
