import type { Executor } from '../../db/client.ts';
import { type FeedEntry, type Fire, matchBatch, statefulFire } from '../matching/batch.ts';
import { matchable, wholeSeconds } from '../matching/event.ts';
import type { Work } from '../matching/predicate.ts';
import type { Rule } from '../matching/rule.ts';
import { RuleIndex } from '../matching/rule-index.ts';
import { type StretchBounds, stretchOf } from '../matching/stretch.ts';
import { Evaluator } from '../state/evaluator.ts';
import { type LogRow, type Range, readLog } from './range-store.ts';

const PAGE = 1_000;

/** A page is no shorter for what is in it. */
const WHOLE: StretchBounds = {
  fires: Number.POSITIVE_INFINITY,
  memories: Number.POSITIVE_INFINITY,
  work: Number.POSITIVE_INFINITY,
};

/** What a replay may come to. */
export interface ReplayBounds {
  /** Groups that conditions remember something of. */
  readonly memories: number;
  /** Times and values in these memories: some 100 bytes each, of the 128 MB that a Worker has. */
  readonly items: number;
  /** What searches for patterns cost, and going through memories. */
  readonly work: number;
}

/** Too much for one replay; the reason is for whoever asked for it. */
export class ReplayTooLarge extends Error {
  override readonly name = 'ReplayTooLarge';
}

/** A fire that there would have been. */
export interface PastFire {
  fire: Fire;
  event: LogRow;
  /** When, in seconds since 1970: the event's time, or when something was due after it. */
  at: number;
}

export interface Stretch {
  /** Events of the range that were looked at so far. */
  events: number;
  /** The last of them. */
  last: LogRow | undefined;
  fires: PastFire[];
}

/**
 * Runs a rule over past events with the evaluator that runs over new ones, remembering nothing from before the range. Gives
 * what each stretch of events came to, and at last what is due by the range's end. `work` goes on from range to range.
 * @throws ReplayTooLarge
 */
export async function* replay(
  db: Executor,
  rule: Rule,
  range: Range,
  { bounds, work }: { bounds: ReplayBounds; work: Work },
): AsyncGenerator<Stretch, void, undefined> {
  const index = new RuleIndex();
  index.put(rule);
  const evaluator = new Evaluator([], (triggerId) => index.get(triggerId));
  const anchors = new Map<string, LogRow>();
  let events = 0;
  let last: LogRow | undefined;
  for (let page = await readLog(db, range, { after: last, limit: PAGE }); page.length > 0; ) {
    for (const row of page) anchors.set(row.id, row);
    const fires: Fire[] = [];
    const gone = evaluator.load().work;
    for (const [position, row] of page.entries()) {
      const { accepted } = stretchOf([entryOf(row, events + position, rule)], index, WHOLE, work);
      for (const fire of matchBatch(accepted, evaluator, Number.POSITIVE_INFINITY).fires) fires.push(fire);
      refuseTooLarge(evaluator, work.spent + evaluator.load().work - gone, bounds);
    }
    work.spent += evaluator.load().work - gone;
    events += page.length;
    last = page.at(-1);
    yield { events, last, fires: pastFires(fires, anchors) };
    keepOnly(anchors, evaluator.anchors());
    page = page.length < PAGE ? [] : await readLog(db, range, { after: last, limit: PAGE });
  }
  const end = range.to ?? last?.blockTime;
  const due = end === undefined ? [] : evaluator.advanceTo(wholeSeconds(end)).map(statefulFire);
  yield { events, last, fires: pastFires(due, anchors) };
}

function refuseTooLarge(evaluator: Evaluator, spent: number, bounds: ReplayBounds): void {
  const { memories, items } = evaluator.load();
  if (memories > bounds.memories) {
    throw new ReplayTooLarge(`The conditions would remember more than ${bounds.memories} groups apart`);
  }
  if (items > bounds.items) throw new ReplayTooLarge('The conditions would remember more than a back-test can hold');
  if (spent > bounds.work) throw new ReplayTooLarge('The conditions would take longer than a back-test may');
}

const entryOf = (row: LogRow, seq: number, rule: Rule): FeedEntry => ({
  seq,
  operation: rule.firesOn,
  appearance: 0,
  event: matchable(row.id, row),
});

function pastFires(fires: readonly Fire[], events: ReadonlyMap<string, LogRow>): PastFire[] {
  return fires.flatMap((fire) => {
    const event = events.get(fire.eventId);
    return event ? [{ fire, event, at: dueOf(fire) ?? wholeSeconds(event.blockTime) }] : [];
  });
}

/** A fire that time made says in its group when it was due. */
function dueOf({ groupKey }: Fire): number | undefined {
  const due = /@\d+:(\d+)$/.exec(groupKey)?.[1];
  return due === undefined ? undefined : Number(due);
}

function keepOnly(anchors: Map<string, LogRow>, ids: ReadonlySet<string>): void {
  for (const id of anchors.keys()) if (!ids.has(id)) anchors.delete(id);
}
