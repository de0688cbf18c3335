import type { Database, Executor } from '../../db/client.ts';
import { type Clock, HOUR } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import { tellLimited } from '../deliveries/limited.ts';
import { Evaluator, type StateRow } from '../state/evaluator.ts';
import { readDue, readStates, type StateChanges } from '../state/store.ts';
import { type BatchResult, type FeedEntry, matchBatch, statefulFire } from './batch.ts';
import { wholeSeconds } from './event.ts';
import { commitOutcome } from './outcome/store.ts';
import type { StoredTrigger } from './rule.ts';
import { RuleSet } from './rule-set.ts';
import {
  type ChangePosition,
  changePosition,
  pageOfTriggers,
  readChanges,
  readCursor,
  readFeed,
  triggersById,
} from './store.ts';
import { type MemoryKey, type StretchBounds, stretchOf } from './stretch.ts';

export interface MatcherDeps {
  /** Opens the database for one turn of work. */
  db(): Database;
  clock: Clock;
  log: Logger;
  /** Hands new deliveries to the queue. A hint only: what is lost here the sweeper finds. */
  enqueue(deliveryIds: string[]): Promise<void>;
  wakeSweeper(): Promise<void>;
}

export interface MatcherBounds extends StretchBounds {
  /** Entries of the feed read at a time. */
  entries: number;
  /** Triggers read at a time. */
  triggers: number;
  /** Memories that are due read at a time. */
  due: number;
}

const BOUNDS: MatcherBounds = {
  entries: 200,
  fires: 2_000,
  // A memory takes up to some 10 KB.
  memories: 2_000,
  // About three seconds of patterns at their worst.
  work: 100_000_000,
  triggers: 500,
  due: 1_000,
};

/** Changes are deltas on what is in memory; once in a while all is read anew, should a delta ever have been lost. */
const RELOAD_AFTER = HOUR;

interface Rules {
  set: RuleSet;
  position: ChangePosition;
  loadedAt: number;
}

/** Walks one chain's feed in order and turns it into matches and deliveries, a batch at a time. Not re-entrant. */
export class ChainMatcher {
  readonly #chainId: number;
  readonly #deps: MatcherDeps;
  readonly #bounds: MatcherBounds;
  #rules: Rules | undefined;
  #confirmedTo = Number.NEGATIVE_INFINITY;
  /** `undefined`: not known, to be read. */
  #cursor: number | null | undefined;

  constructor(chainId: number, deps: MatcherDeps, bounds: MatcherBounds = BOUNDS) {
    this.#chainId = chainId;
    this.#deps = deps;
    this.#bounds = bounds;
  }

  /** What is in memory; `null` and zero before the first batch. */
  status() {
    return {
      cursor: this.#cursor ?? null,
      rules: this.#rules?.set.index.size ?? 0,
      broken: this.#rules?.set.broken ?? [],
    };
  }

  /**
   * The feed holds every event of the chain up to this time, in seconds since 1970: what waits for time to pass may go on
   * that far.
   */
  confirmedTo(time: number): void {
    this.#confirmedTo = Math.max(this.#confirmedTo, time);
  }

  /** Deals with the next batch; false when the feed has no more. Throws what the database throws, with nothing half done. */
  async step(): Promise<boolean> {
    const db = this.#deps.db();
    try {
      const confirmedTo = this.#confirmedTo;
      const entries = await this.#nextEntries(db.query);
      // After the feed is read: a trigger that was answered before an event happened is then known when it is matched.
      const rules = await this.#freshRules(db.query);
      // Past the end of the feed time goes on to where the chain is confirmed, as it was known before that end was read.
      const by =
        entries.length === this.#bounds.entries
          ? lastConfirmed(entries)
          : Math.max(lastConfirmed(entries), confirmedTo);
      const due =
        by > Number.NEGATIVE_INFINITY
          ? await readDue(db.query, { chainId: this.#chainId, by, limit: this.#bounds.due })
          : [];
      const [first, ...rest] = entriesUntil(entries, due.length === this.#bounds.due ? (due.at(-1)?.dueAt ?? by) : by);
      if (!first && due.length === 0) return false;
      const stretch = first && stretchOf([first, ...rest], rules.index, this.#bounds);
      const evaluator = await this.#evaluator(db.query, rules, stretch?.touched ?? [], due);
      const result = stretch
        ? matchBatch(stretch.accepted, evaluator, this.#bounds.fires)
        : { fires: [], retractions: [], upTo: this.#cursor ?? 0 };
      if (result.upTo === (rest.at(-1) ?? first)?.seq || !first) {
        const past = evaluator.advanceTo(due.at(-1)?.dueAt ?? Number.NEGATIVE_INFINITY);
        for (const fire of past) result.fires.push(statefulFire(fire));
      }
      await this.#keep(db, result, evaluator.outcome());
      return true;
    } catch (error) {
      // Whether a commit that failed underway took place is only known to the database.
      this.#cursor = undefined;
      throw error;
    }
  }

  /** With all that entries touch, and what others of the same triggers remember beside what is due. */
  async #evaluator(query: Executor, rules: RuleSet, touched: readonly MemoryKey[], due: readonly StateRow[]) {
    const beside = due.flatMap(({ triggerId, groupKey }) => [
      { triggerId, groupKey },
      { triggerId, groupKey: groupKey.split(':')[0] ?? groupKey },
    ]);
    const rows = await readStates(query, [...touched, ...beside]);
    return new Evaluator([...due, ...rows], (triggerId) => rules.index.get(triggerId));
  }

  async #nextEntries(query: Executor): Promise<FeedEntry[]> {
    const chainId = this.#chainId;
    if (this.#cursor === undefined) this.#cursor = await readCursor(query, chainId);
    return readFeed(query, { chainId, after: this.#cursor, limit: this.#bounds.entries });
  }

  async #keep(db: Database, result: BatchResult, states: StateChanges): Promise<void> {
    const from = this.#cursor ?? null;
    const now = this.#deps.clock();
    const commit = await commitOutcome(db, { ...result, states, chainId: this.#chainId, from, now });
    // Behind another matcher of the same chain (an object that is being replaced): go on from where that one stands.
    this.#cursor = commit.committed ? result.upTo : undefined;
    if (commit.committed && commit.deliveryIds.length > 0) await this.#announce(commit.deliveryIds);
    if (commit.committed) await tellLimited(db, commit.excess, now, this.#deps.log);
  }

  /** What is committed is safe; failing to say so costs no more than the time until the sweeper looks by itself. */
  async #announce(deliveryIds: string[]): Promise<void> {
    for (const tell of [() => this.#deps.enqueue(deliveryIds), () => this.#deps.wakeSweeper()]) {
      try {
        await tell();
      } catch (error) {
        this.#deps.log.warn('deliveries_not_announced', { chain_id: this.#chainId, error: describeError(error) });
      }
    }
  }

  async #freshRules(query: Executor): Promise<RuleSet> {
    const now = this.#deps.clock().getTime();
    if (!this.#rules || now - this.#rules.loadedAt >= RELOAD_AFTER) {
      this.#rules = { ...(await this.#loadRules(query)), loadedAt: now };
    } else {
      this.#rules.position = await this.#applyChanges(query, this.#rules);
    }
    return this.#rules.set;
  }

  async #loadRules(query: Executor): Promise<Pick<Rules, 'set' | 'position'>> {
    const position = await changePosition(query);
    const set = new RuleSet();
    const limit = this.#bounds.triggers;
    let page: StoredTrigger[];
    let after: string | undefined;
    do {
      page = await pageOfTriggers(query, { chainId: this.#chainId, after, limit });
      for (const trigger of page) this.#put(set, trigger);
      after = page.at(-1)?.id;
    } while (page.length === limit);
    set.index.settle();
    return { set, position };
  }

  async #applyChanges(query: Executor, { set, position: since }: Rules): Promise<ChangePosition> {
    const { position, triggerIds } = await readChanges(query, since);
    const limit = this.#bounds.triggers;
    for (let start = 0; start < triggerIds.length; start += limit) {
      const ids = triggerIds.slice(start, start + limit);
      const present = await triggersById(query, { chainId: this.#chainId, ids });
      for (const id of ids) set.remove(id);
      for (const trigger of present) this.#put(set, trigger);
    }
    return position;
  }

  #put(set: RuleSet, trigger: StoredTrigger): void {
    const faults = set.put(trigger);
    if (faults.length > 0) {
      this.#deps.log.error('trigger_cannot_be_read', { trigger_id: trigger.id, version: trigger.version, faults });
    }
  }
}

const lastConfirmed = (entries: readonly FeedEntry[]): number =>
  entries.reduce(
    (last, { operation, event }) => (operation === 'confirm' ? Math.max(last, wholeSeconds(event.blockTime)) : last),
    Number.NEGATIVE_INFINITY,
  );

/** Those before the first that is confirmed later than `time`: until then there is more that is due first. */
function entriesUntil(entries: readonly FeedEntry[], time: number): FeedEntry[] {
  const end = entries.findIndex(
    ({ operation, event }) => operation === 'confirm' && wholeSeconds(event.blockTime) > time,
  );
  return end === -1 ? [...entries] : entries.slice(0, end);
}
