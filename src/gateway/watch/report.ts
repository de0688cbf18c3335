import { givePermits, open, takeBack, trips } from '../breaker/breaker.ts';
import { count, empty, slide } from '../breaker/window.ts';
import type { Change, UpstreamChange } from './event.ts';
import {
  type Counts,
  type Report,
  type ReportAnswer,
  type SharedStanding,
  START_WITHIN_MS,
  type Watched,
  type WatchedUpstream,
} from './protocol.ts';
import { configure, hasSubstitute, type Upstream, type WatchState } from './state.ts';

/** The object's answers to isolates, and what time does by itself: pure but for the state that is handed in. */

/** What becomes known while an event is worked on. */
export interface Draft {
  state: WatchState;
  now: number;
  changes: Change[];
  /** Of which something is new that has to outlive the memory. */
  touched: Set<Upstream>;
  newId(): string;
}

export function note(draft: Draft, upstream: Upstream, change: UpstreamChange, details: Change['details'] = {}): void {
  draft.touched.add(upstream);
  draft.changes.push({ change, upstream: upstream.of.id, pool: upstream.pool.name, details });
}

/** Takes in what an isolate saw, and tells it what all have seen. */
export function takeReport(draft: Draft, report: Report, nextInMs: number): ReportAnswer {
  const { state, now } = draft;
  if (report.settings) configure(state, report.settings, now);
  state.heardAt = now;
  state.activeAt = now;
  passTime(draft);
  // Probes first: their outcome decides whether there are more to be had.
  for (const { upstream: id, ...returned } of report.results) {
    const upstream = state.upstreams.get(id);
    if (upstream)
      changing(draft, upstream, () => takeBack(upstream.kept.breaker, upstream.pool.breaker, now, returned));
  }
  for (const counts of report.counts) takeCounts(draft, counts);
  const permits = report.wants.flatMap((want) => givenFor(draft, want));
  const standings: SharedStanding[] = [];
  for (const upstream of state.upstreams.values()) {
    const standing = standingOf(upstream, now);
    if (standing) standings.push(standing);
  }
  return { revision: state.settings?.revision ?? 0, nextInMs, standings, permits };
}

function takeCounts(draft: Draft, { id, calls, failures, slow, failuresInARow }: Counts): void {
  const upstream = draft.state.upstreams.get(id);
  // Of calls that began before it opened, and of probes, which are told of one by one, nothing more is learnt.
  if (upstream?.kept.breaker.state !== 'closed') return;
  const { window, pool, kept } = upstream;
  count(window, draft.now, calls, failures, slow);
  upstream.failuresInARow = failuresInARow < calls ? failuresInARow : upstream.failuresInARow + failuresInARow;
  if (trips(window, pool.breaker)) changing(draft, upstream, () => open(kept.breaker, pool.breaker, draft.now));
  else ejectIfDue(draft, upstream);
}

/**
 * The last one that can take calls is not ejected: that would turn errors into refusals, and whether to refuse is for the
 * breaker to say, which goes by more than a few calls.
 */
function ejectIfDue(draft: Draft, upstream: Upstream): void {
  const { consecutiveFailures, forMs } = upstream.pool.ejection;
  if (upstream.failuresInARow < consecutiveFailures || upstream.kept.ejectedUntil > 0) return;
  if (!hasSubstitute(draft.state, upstream)) return;
  upstream.kept.ejectedUntil = draft.now + forMs;
  note(draft, upstream, 'ejected', { failures_in_a_row: upstream.failuresInARow, for_ms: forMs });
  upstream.failuresInARow = 0;
}

function givenFor(draft: Draft, { upstream: id, probes }: Report['wants'][number]): ReportAnswer['permits'] {
  const { state, now, newId } = draft;
  const upstream = state.upstreams.get(id);
  if (!upstream || !state.settings) return [];
  const lastingMs = START_WITHIN_MS + state.settings.longestCallMs;
  const given = changing(draft, upstream, () =>
    givePermits(upstream.kept.breaker, upstream.pool.breaker, now, { wanted: probes, lastingMs, newId }),
  );
  return given.map((permit) => ({ upstream: id, permitId: permit.id, startWithinMs: START_WITHIN_MS }));
}

const CHANGE_OF = { open: 'opened', half_open: 'half_open', closed: 'closed' } as const;

/** Runs what may change the breaker, and notes the change. */
function changing<T>(draft: Draft, upstream: Upstream, run: () => T): T {
  const { breaker } = upstream.kept;
  const { generation } = breaker;
  const result = run();
  draft.touched.add(upstream);
  if (breaker.generation === generation) return result;
  const { calls, failures, slow } = upstream.window;
  note(draft, upstream, CHANGE_OF[breaker.state], breaker.state === 'open' ? { calls, failures, slow } : {});
  if (breaker.state === 'closed') upstream.kept.backSince = draft.now;
  empty(upstream.window);
  upstream.failuresInARow = 0;
  return result;
}

/** What ends by itself. */
export function passTime(draft: Draft): void {
  for (const upstream of draft.state.upstreams.values()) {
    const { kept } = upstream;
    slide(upstream.window, draft.now);
    if (kept.ejectedUntil === 0 || draft.now < kept.ejectedUntil) continue;
    kept.backSince = kept.ejectedUntil;
    kept.ejectedUntil = 0;
    note(draft, upstream, 'returned');
  }
}

function standingOf({ of, pool, kept }: Upstream, now: number): SharedStanding | undefined {
  const { breaker, refused } = kept;
  const unhealthy = kept.health === 'unhealthy';
  const back = now - kept.backSince < pool.ejection.slowStartMs;
  if (breaker.state === 'closed' && !unhealthy && !refused && kept.ejectedUntil === 0 && !back) return undefined;
  return {
    ...{ id: of.id, breaker: breaker.state, unhealthy, refused },
    openForMs: breaker.state === 'open' ? Math.max(0, breaker.until - now) : 0,
    ejectedForMs: Math.max(0, kept.ejectedUntil - now),
    backForMs: back ? now - kept.backSince : null,
  };
}

/** What the object knows, to be shown; nothing when it knows nothing. */
export function watchedOf({ settings, heardAt, upstreams }: WatchState, now: number): Watched | undefined {
  if (!settings) return undefined;
  return {
    revision: settings.revision,
    heardAt: heardAt || null,
    upstreams: [...upstreams.values()].map((upstream) => shown(upstream, now)),
  };
}

function shown({ of, kept, round, window }: Upstream, now: number): WatchedUpstream {
  slide(window, now);
  const { breaker, health, refused, ejectedUntil } = kept;
  const { calls, failures, slow } = window;
  return {
    ...{ id: of.id, health, refused, calls, failures, slow },
    breaker: { state: breaker.state, since: breaker.since || null },
    checkedAt: round.checkedAt || null,
    ejectedUntil: ejectedUntil > now ? ejectedUntil : null,
  };
}
