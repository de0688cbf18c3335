import type { Executor } from '../../db/client.ts';
import { type FeedEntry, type Fire, matchBatch, statefulFire } from '../matching/batch.ts';
import { matchable, wholeSeconds } from '../matching/event.ts';
import type { Rule } from '../matching/rule.ts';
import { RuleIndex } from '../matching/rule-index.ts';
import { Evaluator } from '../state/evaluator.ts';
import { type LogRow, type Range, readLog } from './range-store.ts';

const PAGE = 1_000;

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
 * what each stretch of events came to, and at last what is due by the range's end.
 */
export async function* replay(db: Executor, rule: Rule, range: Range): AsyncGenerator<Stretch, void, undefined> {
  const index = new RuleIndex();
  index.put(rule);
  const evaluator = new Evaluator([], (triggerId) => index.get(triggerId));
  const anchors = new Map<string, LogRow>();
  let events = 0;
  let last: LogRow | undefined;
  for (let page = await readLog(db, range, { after: last, limit: PAGE }); page.length > 0; ) {
    for (const row of page) anchors.set(row.id, row);
    const entries = page.map((row, position): FeedEntry => entryOf(row, events + position, rule));
    const [first, ...rest] = entries;
    const fires = first ? matchBatch([first, ...rest], index, evaluator, Number.POSITIVE_INFINITY).fires : [];
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
