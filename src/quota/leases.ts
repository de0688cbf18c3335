import type { EdgeState } from './edge-state.ts';
import type { Debt, Lease, LeaseReport } from './protocol.ts';
import type { Calls, DrawerRow, LeaseRow } from './rows.ts';
import {
  addCalls,
  type Draft,
  erase,
  NO_CALLS,
  oneCall,
  openWindow,
  type QuotaState,
  remember,
  usedIn,
  WINDOW_MS,
  type Window,
  write,
} from './state.ts';

/** How long an isolate may spend a lease, by its own clock and counted from before it asked for it. */
export const LEASE_TTL = 4_500;

/** What clocks may drift in that time, and what a clock that stands still between two I/O events may hide. */
export const MARGIN = 500;

/** From this limit on, in units an hour, leases lose less by what is burned than a hop per request costs. */
const LEASED_FROM = 10_000;

/** In the last part of a window every unit is granted by itself. */
const TAIL_SHARE = 0.2;
const TAIL_UNITS = 10;

/** An isolate that was not heard of for so long gets no share. */
const ACTIVE_FOR = 60_000;

/** All reserves of a window together. */
const RESERVE_SHARE = 0.02;

/** A lease that was not reported for so long was lost with its isolate. Until then a late report still counts. */
const BURNED_AFTER = 60_000;

/** Custom limits are counted per request, which only the object can do. */
export function mayLease({ plan, limits }: EdgeState, limit: number): boolean {
  return limits.length === 0 && (plan.leases ?? limit >= LEASED_FROM);
}

export interface Room {
  limit: number;
  window: Window | undefined;
}

export const isTail = ({ limit, window }: Room): boolean =>
  limit - usedIn(window) <= Math.max(TAIL_SHARE * limit, TAIL_UNITS);

/** Units to lease beyond those of the request itself, when that has been charged. */
export function leaseSize(state: QuotaState, room: Room, want: number, now: number): number {
  if (isTail(room)) return 0;
  const free = room.limit - usedIn(room.window);
  return Math.max(0, Math.min(want, Math.floor(free / (4 * activeIsolates(state, now)))));
}

function activeIsolates({ isolates }: QuotaState, now: number): number {
  for (const [id, at] of isolates) if (at < now - ACTIVE_FOR) isolates.delete(id);
  return Math.max(1, isolates.size);
}

/** Half of what is left of the share that may lie in reserve, so that whoever comes later finds some too. */
export function reserveSize(state: QuotaState, room: Room, isolate: string): number {
  if (!room.window || isTail(room)) return 0;
  const { startedAt } = room.window.row;
  const reserves = [...state.leases.values()].filter((lease) => lease.reserve && lease.startedAt === startedAt);
  if (reserves.some((lease) => lease.isolate === isolate)) return 0;
  const reserved = reserves.reduce((sum, { units }) => sum + units, 0);
  return Math.max(0, Math.floor((RESERVE_SHARE * room.limit - reserved) / 2));
}

export function lend(draft: Draft, lease: Omit<LeaseRow, 'endsAt' | 'startedAt'>, window: Window): LeaseRow {
  const windowEnd = window.row.startedAt + WINDOW_MS;
  const endsAt = lease.reserve ? windowEnd : Math.min(draft.now + LEASE_TTL, windowEnd);
  const row = { ...lease, startedAt: window.row.startedAt, endsAt };
  write(draft, { kind: 'lease', row });
  return row;
}

export const leaseToWire = (row: LeaseRow, now: number): Lease => ({
  id: row.id,
  units: row.units,
  ttl: Math.max(0, row.endsAt - now),
});

/** Units that isolates may still give out, or give back. */
export function outstandingIn(state: QuotaState, startedAt: number, now: number): number {
  let units = 0;
  for (const lease of state.leases.values()) {
    if (lease.startedAt === startedAt && lease.endsAt + MARGIN > now) units += lease.units;
  }
  return units;
}

/** Takes back what isolates did not spend. A lease that is not known has ended before, so its report says nothing new. */
export function settle(draft: Draft, reports: readonly LeaseReport[]): void {
  for (const report of reports) {
    const lease = draft.state.leases.get(report.leaseId);
    if (!lease) continue;
    const unspent = Math.min(Math.max(0, Math.floor(report.unspent)), lease.units);
    endLease(draft, lease, lease.units - unspent);
    for (const { drawer, units, calls } of report.spent) {
      addTo(draft, lease.startedAt, drawer, { charged: 0, leased: units, calls: [...calls] });
    }
  }
}

/** Gives up leases that were never reported: nobody knows whether their units were spent. */
export function burn(draft: Draft): void {
  for (const lease of [...draft.state.leases.values()]) {
    if (lease.endsAt + BURNED_AFTER <= draft.now) endLease(draft, lease, lease.units);
  }
}

function endLease(draft: Draft, lease: LeaseRow, spent: number): void {
  erase(draft, { kind: 'lease', row: lease });
  const window = draft.state.windows.get(lease.startedAt);
  if (!window) return;
  write(draft, { kind: 'window', row: { ...window.row, settled: window.row.settled + spent } });
}

/** Charges what was let through while the object could not be asked, unless it did charge it and the answer was lost. */
export function collect(draft: Draft, debts: readonly Debt[], window: () => Window): void {
  for (const { operationId, drawer, charge } of debts) {
    if (draft.state.operations.has(operationId)) continue;
    const { row } = window();
    const { startedAt } = row;
    addTo(draft, startedAt, drawer, { charged: charge.units, leased: 0, calls: oneCall(charge.tier) });
    const degraded = { units: row.degraded.units + charge.units, calls: row.degraded.calls + 1, at: draft.now };
    write(draft, { kind: 'window', row: { ...row, degraded } });
    const none = { lease: null, reserve: null, counters: [], givenBack: false };
    remember(draft, { ...none, ...charge, id: operationId, startedAt, drawer, at: draft.now });
  }
}

/** Adds to what a drawer used in a window that is not recorded yet. */
export function addTo(
  draft: Draft,
  startedAt: number,
  drawer: string,
  more: { charged: number; leased: number; calls: Calls },
): void {
  const window = draft.state.windows.get(startedAt);
  if (!window) return;
  const none: DrawerRow = { startedAt, drawer, charged: 0, leased: 0, calls: [...NO_CALLS] };
  const before = window.drawers.get(drawer) ?? none;
  const charged = before.charged + more.charged;
  const leased = before.leased + more.leased;
  write(draft, { kind: 'drawer', row: { ...before, charged, leased, calls: addCalls(before.calls, more.calls) } });
}

/** The window that a charge at this time falls into; begins one where there is none. */
export function windowFor(draft: Draft, limit: number): Window {
  const open = openWindow(draft.state, draft.now);
  if (open && open.row.limit === limit) return open;
  const fresh = {
    startedAt: draft.now,
    limit,
    settled: 0,
    degraded: { units: 0, calls: 0, at: 0 },
    trusted: false,
    warnedAt: null,
    exhaustedAt: null,
    noted: { warning: false, exhausted: false, degradedCalls: 0 },
  };
  const row = open ? { ...open.row, limit } : fresh;
  write(draft, { kind: 'window', row });
  return openWindow(draft.state, draft.now) ?? { row, drawers: new Map(), charged: 0, lent: 0 };
}
