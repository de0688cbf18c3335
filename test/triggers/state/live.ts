import { type BatchResult, type FeedEntry, matchBatch, statefulFire } from '../../../src/triggers/matching/batch.ts';
import { wholeSeconds } from '../../../src/triggers/matching/event.ts';
import type { RuleIndex } from '../../../src/triggers/matching/rule-index.ts';
import { stretchOf } from '../../../src/triggers/matching/stretch.ts';
import { Evaluator, type StateRow } from '../../../src/triggers/state/evaluator.ts';

const ENDLESS = { fires: Number.POSITIVE_INFINITY, memories: Number.POSITIVE_INFINITY, work: Number.POSITIVE_INFINITY };

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
    const [first, ...rest] = entries;
    const stretch = first && stretchOf([first, ...rest], this.#index, ENDLESS);
    const wanted = new Set(
      [
        ...(stretch?.touched ?? []),
        ...due.flatMap(({ triggerId, groupKey }) => [
          { triggerId, groupKey },
          { triggerId, groupKey: groupKey.split(':')[0] ?? '' },
        ]),
      ].map(({ triggerId, groupKey }) => `${triggerId} ${groupKey}`),
    );
    const loaded = rows.filter(({ triggerId, groupKey }) => wanted.has(`${triggerId} ${groupKey}`));
    const evaluator = new Evaluator([...due, ...loaded], (triggerId) => this.#index.get(triggerId));
    if (stretch) this.fires.push(...matchBatch(stretch.accepted, evaluator, Number.POSITIVE_INFINITY).fires);
    this.fires.push(...evaluator.advanceTo(confirmedTo).map(statefulFire));
    const { changed, removed } = evaluator.outcome();
    for (const { conditionId, groupKey } of removed) this.#stored.delete(`${conditionId}/${groupKey}`);
    for (const row of changed) this.#stored.set(`${row.conditionId}/${row.groupKey}`, JSON.stringify(row));
  }

  /** Forgets what has ended by then, as the hourly job does. */
  forget(at: number): void {
    for (const [key, text] of this.#stored) if ((JSON.parse(text) as StateRow).endsAt <= at) this.#stored.delete(key);
  }

  /** What is remembered, in an order of its own. */
  memories(): string[] {
    return [...this.#stored.values()].sort();
  }
}
