import { DAY, MINUTE } from '../../kernel/clock.ts';
import type { OutboundResult } from '../../outbound/guarded-fetch.ts';
import { type Draft, note } from './report.ts';
import { NEVER, type Upstream, type WatchState } from './state.ts';

/** Health checks and looked-up addresses: what is due, and what follows from what they find. */

/** The promise of addresses that users chose: what a name leads to is looked at once a minute while it is called. */
const RESOLVE_EVERY = MINUTE;

/** Without calls for so long nobody is called at its address, and it is not looked up. */
const QUIET_AFTER = 2 * MINUTE;

/**
 * An API that has had neither a call nor a publication for so long is not watched any more: whoever is gone leaves no
 * alarm behind that asks their upstreams for ever. A day, so that an API that is called once a night is watched when it is.
 */
export const FORGOTTEN_AFTER = DAY;

/** Checks are spread by a tenth to either side: those of many APIs must not meet at one upstream for ever. */
const JITTER = 0.1;

export interface Due {
  upstream: Upstream;
  kind: 'check' | 'resolve';
}

/** What to do now; what is due is planned anew at once, so that it is done by one alone. */
export function takeDue({ upstreams, heardAt }: WatchState, now: number, random: () => number): Due[] {
  const due: Due[] = [];
  const quiet = now - heardAt > QUIET_AFTER;
  for (const upstream of upstreams.values()) {
    const { round, pool } = upstream;
    if (pool.healthCheck && round.checkAt <= now) {
      due.push({ upstream, kind: 'check' });
      round.checkAt = now + Math.round(pool.healthCheck.intervalMs * (1 - JITTER + 2 * JITTER * random()));
    }
    if (round.resolveAt <= now) {
      if (!quiet) due.push({ upstream, kind: 'resolve' });
      round.resolveAt = quiet ? NEVER : now + RESOLVE_EVERY;
    }
  }
  return due;
}

/** After a time without calls addresses are looked up again. */
export function resumeResolving({ upstreams }: WatchState, now: number): void {
  for (const { of, round } of upstreams.values()) {
    if (of.proven && round.resolveAt === NEVER) round.resolveAt = now;
  }
}

/** When there is something to do next by itself; nothing for what is not watched. */
export function nextDue({ settings, upstreams, activeAt }: WatchState): number | undefined {
  if (!settings) return undefined;
  let next = activeAt + FORGOTTEN_AFTER;
  for (const { round, kept } of upstreams.values()) {
    next = Math.min(next, round.checkAt, round.resolveAt, kept.ejectedUntil || NEVER);
  }
  return next;
}

/** An upstream that has another address since it was asked is another one. */
const stillThere = ({ upstreams }: WatchState, { of, kept }: Upstream) => {
  const upstream = upstreams.get(of.id);
  return upstream?.kept === kept ? upstream : undefined;
};

/** Takes in one answer to a health check. The first good one says `healthy`; else as many in a row as are set. */
export function takeCheck(draft: Draft, asked: Upstream, good: boolean, reason: string): void {
  const upstream = stillThere(draft.state, asked);
  const settings = upstream?.pool.healthCheck;
  if (!upstream || !settings) return;
  const { kept, round } = upstream;
  const first = kept.health === 'unknown';
  round.checkedAt = draft.now;
  round.contrary = kept.health === (good ? 'healthy' : 'unhealthy') ? 0 : round.contrary + 1;
  const enough = good ? (first ? 1 : settings.healthyAfter) : settings.unhealthyAfter;
  if (round.contrary < enough) return;
  round.contrary = 0;
  kept.health = good ? 'healthy' : 'unhealthy';
  draft.touched.add(upstream);
  // That it works, as everyone thought, is no news.
  if (first && good) return;
  if (good) kept.backSince = draft.now;
  note(draft, upstream, kept.health, good ? {} : { reason });
}

/** Takes in what a name leads to. */
export function takeAddress(draft: Draft, asked: Upstream, refused: boolean, reason: string): void {
  const upstream = stillThere(draft.state, asked);
  if (!upstream || upstream.kept.refused === refused) return;
  upstream.kept.refused = refused;
  note(draft, upstream, refused ? 'unhealthy' : 'healthy', refused ? { reason } : {});
}

/** Whether the answer to a health check is a good one; without expectations every 2xx is. */
export function healthOf(result: OutboundResult, expectedStatus: readonly number[]): { good: boolean; reason: string } {
  if (result.kind !== 'response') return { good: false, reason: result.reason };
  const { status } = result;
  const good = expectedStatus.length > 0 ? expectedStatus.includes(status) : status >= 200 && status < 300;
  return { good, reason: good ? '' : `It answered ${status}` };
}
