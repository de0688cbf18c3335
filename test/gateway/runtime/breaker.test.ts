import { beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from './caller.ts';
import {
  BREAKER,
  happen,
  IN_A_ROW,
  LOADS,
  RECOVERED_WITHIN_MS,
  type Side,
  type Story,
  TOLD_WITHIN_MS,
} from './story.ts';
import type { Arrival, Health } from './upstream.ts';

/**
 * The product's data plane in the real runtime: each gateway is an isolate of its own, which sees but its own calls, and
 * one object of the API is all that they share.
 */

let story: Story;
beforeAll(async () => {
  story = await happen();
  report();
});

const arrivalsAt = (isolate: number, health: Health) =>
  story.arrivals.filter((arrival) => arrival.isolate === isolate && arrival.health === health);

/** Those that the dead upstream answered with 500. */
const failuresOf = ({ isolate }: Side) => arrivalsAt(isolate, 'failing');

const goodBeforeDeath = ({ isolate }: Side) => arrivalsAt(isolate, 'well').filter(({ at }) => at <= story.diedAt);

const isProbe = ({ at, health }: Arrival) =>
  health === 'hanging up' || (at >= story.wellAt && at < (breakerOf(story.closed).since ?? 0));

const breakerOf = ({ upstreams: [upstream] }: Story['opened']) =>
  upstream?.breaker ?? { state: 'unknown', since: null };

const seconds = (from: number, to: number) => Math.ceil((to - from) / 1_000);

const all = ({ answers }: Side): Answer[] => answers.flat().sort((a, b) => a.at - b.at);

/** When its first call was refused without a call to the upstream. */
const openAt = (side: Side) => all(side).find(({ status }) => status === 503)?.at ?? Number.NaN;

/** How many failures the isolate's own window needs, which drops what is old a tenth of it at a time. */
function enoughFor(side: Side): number {
  const good = goodBeforeDeath(side);
  const stillThere = good.filter(({ at }) => at > openAt(side) - 0.9 * BREAKER.windowMs).length;
  const { minimumCalls, errorRate } = BREAKER;
  return Math.max(minimumCalls - stillThere, Math.ceil((errorRate / (1 - errorRate)) * good.length));
}

/** When the first answer was there after which none was refused any more. */
function servedAt(side: Side): number {
  const answers = all(side);
  return answers[answers.findLastIndex(({ status }) => status !== 200) + 1]?.at ?? Number.NaN;
}

const isQuiet = ({ load }: Side) => load.callers === 1;

function report(): void {
  const rows = story.sides.map((side) => ({
    load: isQuiet(side) ? 'quiet' : 'busy',
    'good before': goodBeforeDeath(side).length,
    'reached the dead one': failuresOf(side).length,
    'ms until open': openAt(side) - story.diedAt,
    probes: story.arrivals.filter((arrival) => arrival.isolate === side.isolate && isProbe(arrival)).length,
    'ms until served again': servedAt(side) - story.wellAt,
    calls: all(side).length,
    hops: side.hops.dying,
    'calls of the other': side.otherAnswers.length,
    'hops of the other': side.hops.other,
  }));
  console.table(rows);
  console.log(`In all ${story.endedAt - story.startedAt} ms, dead for ${story.wellAt - story.diedAt} ms`);
}

describe('an upstream that dies under steady load at several isolates', () => {
  it('is left alone by each of them within the window and the time in which isolates are told.', () => {
    expect(story.sides).toHaveLength(LOADS.length);
    expect(breakerOf(story.opened).state).not.toBe('closed');
    for (const side of story.sides) {
      const failures = failuresOf(side);
      expect(failures.length).toBeGreaterThan(0);
      // Those that were under way when it opened have reached it too.
      expect(failures.length).toBeLessThanOrEqual(enoughFor(side) + side.load.callers);
      expect(failures.at(-1)?.at).toBeLessThanOrEqual(story.diedAt + BREAKER.windowMs + TOLD_WITHIN_MS);
      expect(openAt(side)).toBeLessThanOrEqual(story.hangsUpAt);
    }
  });

  it('is left alone too by those that saw too little of it, as soon as they were told.', () => {
    const quiet = story.sides.filter(isQuiet);
    expect(quiet).toHaveLength(2);
    const since = breakerOf(story.opened).since ?? 0;
    expect(since).toBeGreaterThanOrEqual(story.diedAt);
    for (const side of quiet) {
      const failures = failuresOf(side);
      expect(goodBeforeDeath(side).length + failures.length).toBeLessThan(BREAKER.minimumCalls);
      expect(failures.at(-1)?.at).toBeLessThanOrEqual(since + TOLD_WITHIN_MS + side.load.everyMs);
    }
  });

  it('is then called by probes alone, as few for all isolates together as are set.', () => {
    const { hangsUpAt, wellAt, arrivals } = story;
    const probes = arrivals.filter(({ health }) => health === 'hanging up').length;
    const rounds = Math.floor((wellAt - story.diedAt) / BREAKER.openMs);
    expect(probes).toBeGreaterThan(0);
    expect(probes).toBeLessThanOrEqual(rounds * BREAKER.probes);
    const statuses = story.sides.flatMap((side) =>
      all(side).flatMap(({ at, status }) => (at > hangsUpAt && at < wellAt ? [status] : [])),
    );
    expect(statuses.filter((status) => status !== 503).length).toBeLessThanOrEqual(probes);
    expect(statuses.length).toBeGreaterThan(BREAKER.probes);
  });

  it('takes nothing from calls to another upstream: every one of them succeeds at every isolate.', () => {
    for (const { otherAnswers } of story.sides) {
      expect(otherAnswers.filter(({ status }) => status !== 200)).toEqual([]);
      const meanwhile = otherAnswers.filter(({ at }) => at > story.diedAt && at < story.wellAt);
      expect(meanwhile.length).toBeGreaterThan(10);
    }
  });

  it('is asked about once a second by each isolate, and beyond that for what opened it and for probes.', () => {
    const asked = seconds(story.startedAt, story.endedAt);
    for (const side of story.sides) {
      const probes = story.arrivals.filter((arrival) => arrival.isolate === side.isolate && isProbe(arrival)).length;
      // The first answer asks for the pools; an opening is told at once, and once more if a question was under way.
      // A probe is asked for and told of, that too once more, and whoever got one may ask in vain for the next.
      expect(side.hops.dying).toBeLessThanOrEqual(1 + asked + 1 + 2 + 4 * probes);
      expect(side.hops.other).toBeLessThanOrEqual(1 + asked + 1);
      expect(side.hops.other).toBeLessThan(side.otherAnswers.length / 4);
    }
    const busy = story.sides.filter((side) => !isQuiet(side));
    for (const side of busy) expect(side.hops.dying).toBeLessThan(all(side).length / 4);
  });

  it('is called again by every isolate once probes have shown that it is well.', () => {
    const { wellAt, closed, arrivals } = story;
    const since = breakerOf(closed).since ?? 0;
    expect(breakerOf(closed).state).toBe('closed');
    const probes = arrivals.filter(({ at, health }) => health === 'well' && at >= wellAt && at <= since).length;
    expect(probes).toBeGreaterThanOrEqual(BREAKER.probes);
    // All but the one that failed of the last round may have come when it was well already, and count for nothing.
    expect(probes).toBeLessThan(2 * BREAKER.probes);
    for (const side of story.sides) {
      expect(servedAt(side) - wellAt).toBeLessThanOrEqual(RECOVERED_WITHIN_MS);
      for (const answers of side.answers) {
        expect(answers.slice(-IN_A_ROW).map(({ status }) => status)).toEqual(Array(IN_A_ROW).fill(200));
      }
    }
  });
});
