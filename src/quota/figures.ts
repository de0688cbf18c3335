import type { LimitFigures } from '../access/admission.ts';
import type { EdgeKey, EdgeLimit } from '../access/edge.ts';
import { PLANS, type Plan } from '../billing/index.ts';
import type { EdgeState } from './edge-state.ts';
import { outstandingIn } from './leases.ts';
import type { Reading } from './limits/algorithm.ts';
import type { UsageAnswer } from './protocol.ts';
import type { Calls } from './rows.ts';
import {
  addCalls,
  NO_CALLS,
  openWindow,
  type QuotaState,
  spendingOf,
  usedIn,
  WINDOW_MS,
  type Window,
} from './state.ts';

/** What the organization's plan gives, with the operator's word in place of its units. A plan that is not known is the smallest. */
export function planOf({ plan }: Pick<EdgeState, 'plan'>): Plan {
  const known = Object.entries(PLANS).find(([name]) => name === plan.name)?.[1] ?? PLANS.free;
  return { ...known, unitsPerHour: plan.unitsPerHour ?? known.unitsPerHour };
}

/** The hourly window as one drawer has it: with a key's own ceiling, if that is what the drawer is. */
export interface Hour {
  plan: Plan;
  key: EdgeKey | undefined;
}

/** Units that can be granted here and now. */
export function freeUnits(state: QuotaState, { plan, key }: Hour, now: number): number {
  const window = openWindow(state, now);
  const free = plan.unitsPerHour - usedIn(window);
  return key?.rateLimitOverride == null ? free : Math.min(free, key.rateLimitOverride - usedByKey(window, key));
}

function usedByKey(window: Window | undefined, { id }: EdgeKey): number {
  const row = window?.drawers.get(`key:${id}`);
  return row === undefined ? 0 : row.charged + row.leased;
}

/** The figures of the hour: of the organization's limit and the key's own the tighter one; what isolates hold remains. */
export function hourFigures(state: QuotaState, { plan, key }: Hour, now: number): LimitFigures {
  const window = openWindow(state, now);
  const left = plan.unitsPerHour - usedIn(window) + (window ? outstandingIn(state, window.row.startedAt, now) : 0);
  const ceiling = key?.rateLimitOverride ?? Number.POSITIVE_INFINITY;
  const ownLeft = key ? ceiling - usedByKey(window, key) : Number.POSITIVE_INFINITY;
  return {
    name: 'hour',
    limit: Math.min(plan.unitsPerHour, ceiling),
    windowSeconds: WINDOW_MS / 1_000,
    remaining: Math.max(0, Math.min(left, ownLeft)),
    resetAt: (window?.row.startedAt ?? now) + WINDOW_MS,
  };
}

export const limitFigures = (limit: EdgeLimit, reading: Reading): LimitFigures => ({
  name: limit.name,
  limit: limit.limit,
  windowSeconds: SECONDS[limit.window],
  remaining: reading.remaining,
  resetAt: reading.resetAt,
});

const SECONDS: Readonly<Record<EdgeLimit['window'], number>> = { second: 1, minute: 60, hour: 3_600, day: 86_400 };

/** What the organization has used in its open window. */
export function usage(edge: EdgeState, state: QuotaState, now: number): UsageAnswer {
  const window = openWindow(state, now);
  const hour = hourFigures(state, { plan: planOf(edge), key: undefined }, now);
  const drawers = [...(window?.drawers.values() ?? [])];
  return {
    limit: hour.limit,
    used: Math.max(0, hour.limit - hour.remaining),
    remaining: hour.remaining,
    startedAt: window?.row.startedAt ?? now,
    resetAt: hour.resetAt,
    calls: drawers.reduce<Calls>((sum, { calls }) => addCalls(sum, calls), [...NO_CALLS]),
    drawers: drawers.map(spendingOf),
  };
}
