import type { BreakerSettings } from '../compiled.ts';
import type { Calls } from './window.ts';

/** The right to make one call while the breaker is half open. */
export interface Permit {
  id: string;
  /** When the call that was made under it is over for certain. */
  endsAt: number;
  /** Of the breaker when it was given: what it brings back later counts for nothing. */
  generation: number;
}

/** One upstream's breaker as all isolates share it. */
export interface Breaker {
  state: 'closed' | 'open' | 'half_open';
  /** Since when. */
  since: number;
  /** When an open one lets probes through. */
  until: number;
  /** Counts the changes of the state. */
  generation: number;
  /** Probes that succeeded since it is half open. */
  succeeded: number;
  /** Under way, of earlier generations too: at no time more than the settings' `probes`. */
  permits: Permit[];
}

export const newBreaker = (): Breaker => ({
  state: 'closed',
  since: 0,
  until: 0,
  generation: 0,
  succeeded: 0,
  permits: [],
});

/** Whether so many calls are enough to say that too many of them failed or were slow. */
export const trips = ({ calls, failures, slow }: Calls, settings: BreakerSettings): boolean =>
  calls >= settings.minimumCalls &&
  ((failures > 0 && failures >= settings.errorRate * calls) || (slow > 0 && slow >= settings.slowCallRate * calls));

function enter(breaker: Breaker, state: Breaker['state'], now: number): void {
  breaker.state = state;
  breaker.since = now;
  breaker.generation += 1;
  breaker.succeeded = 0;
}

/** Opens it until the time is up. */
export function open(breaker: Breaker, settings: BreakerSettings, now: number): void {
  enter(breaker, 'open', now);
  breaker.until = now + settings.openMs;
}

/** Probes that were given so long ago that their calls have ended, unheard of, make room for others. */
function dropEnded(breaker: Breaker, now: number): void {
  if (breaker.permits.some(({ endsAt }) => endsAt <= now)) {
    breaker.permits = breaker.permits.filter(({ endsAt }) => endsAt > now);
  }
}

export interface ProbeRequest {
  /** How many are asked for. */
  wanted: number;
  /** Longest time from now in which a call under such a permit is over. */
  lastingMs: number;
  newId(): string;
}

/** Gives out probes, once the time is up and while not as many are under way or have succeeded as must succeed. */
export function givePermits(breaker: Breaker, settings: BreakerSettings, now: number, request: ProbeRequest): Permit[] {
  dropEnded(breaker, now);
  if (breaker.state === 'closed' || (breaker.state === 'open' && now < breaker.until)) return [];
  const open = breaker.state === 'open';
  const free = settings.probes - breaker.permits.length - (open ? 0 : breaker.succeeded);
  const given = Math.min(request.wanted, free);
  if (given <= 0) return [];
  if (open) enter(breaker, 'half_open', now);
  const permits: Permit[] = [];
  for (let n = 0; n < given; n += 1) {
    permits.push({ id: request.newId(), endsAt: now + request.lastingMs, generation: breaker.generation });
  }
  breaker.permits.push(...permits);
  return permits;
}

export const PROBE_RESULTS = ['succeeded', 'failed', 'unused'] as const;

/** `unused`: no call was made, or the one that was made says nothing of the upstream. */
export type ProbeResult = (typeof PROBE_RESULTS)[number];

/** Takes a probe back. One that is not known (any more) changes nothing, nor does the same one twice. */
export function takeBack(
  breaker: Breaker,
  settings: BreakerSettings,
  now: number,
  { permitId, result }: { permitId: string; result: ProbeResult },
): void {
  const permit = breaker.permits.find(({ id }) => id === permitId);
  if (!permit) return;
  breaker.permits = breaker.permits.filter((other) => other !== permit);
  if (breaker.state !== 'half_open' || permit.generation !== breaker.generation) return;
  if (result === 'failed') open(breaker, settings, now);
  if (result !== 'succeeded') return;
  breaker.succeeded += 1;
  if (breaker.succeeded >= settings.probes) enter(breaker, 'closed', now);
}
