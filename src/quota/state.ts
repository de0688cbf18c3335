import type { Tier } from '../access/tiers.ts';
import type { Spending } from './protocol.ts';
import {
  type Calls,
  type Change,
  type CounterRow,
  type DrawerRow,
  idOf,
  type LeaseRow,
  type OperationRow,
  type Row,
  slotOf,
  type WindowRow,
} from './rows.ts';

/** Length of the plan's window, which begins with the first request that is charged. */
export const WINDOW_MS = 3_600_000;

/** A window with its parts, and the units that cannot be granted any more. */
export interface Window {
  row: WindowRow;
  drawers: Map<string, DrawerRow>;
  /** Units charged to the drawers here. */
  charged: number;
  /** Units of leases that have not ended. */
  lent: number;
}

export interface QuotaState {
  /** Windows that are not recorded yet, by when they began; the last one may be open. */
  windows: Map<number, Window>;
  leases: Map<string, LeaseRow>;
  operations: Map<string, OperationRow>;
  slots: (string | undefined)[];
  /** Of the next request that is charged. */
  nextNumber: number;
  counters: Map<string, CounterRow>;
  /** How many of them there may be before those are dropped that say nothing any more. */
  countersUntil: number;
  /** The latest time that was seen: a clock that jumps back must not reopen a window. */
  seenAt: number;
  /** Until when isolates may act on what they were told of keys; known anew after a start. */
  trustedUntil: number;
  /** When each isolate was last heard of; of no consequence when forgotten. */
  isolates: Map<string, number>;
}

/** The state that the rows amount to. */
export function stateFrom(rows: Iterable<Row>): QuotaState {
  const state: QuotaState = {
    windows: new Map(),
    leases: new Map(),
    operations: new Map(),
    slots: [],
    nextNumber: 0,
    counters: new Map(),
    countersUntil: 0,
    seenAt: 0,
    trustedUntil: 0,
    isolates: new Map(),
  };
  const inOrder = [...rows].sort((a, b) => ORDER[a.kind] - ORDER[b.kind]);
  for (const row of inOrder) put(state, row);
  state.nextNumber = [...state.operations.values()].reduce((next, { number }) => Math.max(next, number + 1), 0);
  return state;
}

/** A window before its parts. */
const ORDER: Readonly<Record<Row['kind'], number>> = { window: 0, drawer: 1, lease: 2, operation: 3, counter: 4 };

/** A change in the making: the state as it is already, and what has to be written of it. */
export interface Draft {
  state: QuotaState;
  now: number;
  changes: Change[];
}

export const write = (draft: Draft, row: Row): void => {
  put(draft.state, row);
  draft.changes.push({ put: row });
};

export const erase = (draft: Draft, row: Row): void => {
  take(draft.state, row);
  draft.changes.push({ remove: { kind: row.kind, id: idOf(row) } });
};

/** Remembers a charged request in the place of the one that was charged longest ago. */
export function remember(draft: Draft, operation: Omit<OperationRow, 'number'>): void {
  const { state } = draft;
  const number = state.nextNumber++;
  write(draft, { kind: 'operation', row: { ...operation, number } });
}

function put(state: QuotaState, { kind, row }: Row): void {
  switch (kind) {
    case 'window': {
      const window = state.windows.get(row.startedAt);
      if (window) window.row = row;
      else state.windows.set(row.startedAt, { row, drawers: new Map(), charged: 0, lent: 0 });
      state.seenAt = Math.max(state.seenAt, row.startedAt);
      return;
    }
    case 'drawer': {
      const window = state.windows.get(row.startedAt);
      if (!window) return;
      window.charged += row.charged - (window.drawers.get(row.drawer)?.charged ?? 0);
      window.drawers.set(row.drawer, row);
      return;
    }
    case 'lease': {
      const window = state.windows.get(row.startedAt);
      if (window) window.lent += row.units - (state.leases.get(row.id)?.units ?? 0);
      state.leases.set(row.id, row);
      return;
    }
    case 'operation': {
      const slot = slotOf(row);
      const replaced = state.slots[slot];
      if (replaced !== undefined && replaced !== row.id) state.operations.delete(replaced);
      state.slots[slot] = row.id;
      state.operations.set(row.id, row);
      return;
    }
    case 'counter':
      state.counters.set(row.key, row);
  }
}

function take(state: QuotaState, { kind, row }: Row): void {
  switch (kind) {
    case 'window':
      state.windows.delete(row.startedAt);
      return;
    case 'drawer': {
      const window = state.windows.get(row.startedAt);
      if (window?.drawers.delete(row.drawer)) window.charged -= row.charged;
      return;
    }
    case 'lease': {
      const window = state.windows.get(row.startedAt);
      if (state.leases.delete(row.id) && window) window.lent -= row.units;
      return;
    }
    case 'operation':
      state.operations.delete(row.id);
      state.slots[slotOf(row)] = undefined;
      return;
    case 'counter':
      state.counters.delete(row.key);
  }
}

/** The open window, if there is one at that time. */
export function openWindow(state: QuotaState, now: number): Window | undefined {
  const startedAt = [...state.windows.keys()].reduce((last, start) => Math.max(last, start), Number.NEGATIVE_INFINITY);
  return now < startedAt + WINDOW_MS ? state.windows.get(startedAt) : undefined;
}

/** Units of the window that nobody can be granted any more: charged, lent, or settled with a lease. */
export const usedIn = (window: Window | undefined): number =>
  window === undefined ? 0 : window.charged + window.row.settled + window.lent;

export const NO_CALLS: Readonly<Calls> = [0, 0, 0, 0];

export function addCalls(to: Readonly<Calls>, more: Readonly<Calls>, sign: 1 | -1 = 1): Calls {
  return [to[0] + sign * more[0], to[1] + sign * more[1], to[2] + sign * more[2], to[3] + sign * more[3]];
}

export const oneCall = (tier: Tier): Calls => [
  Number(tier === 0),
  Number(tier === 1),
  Number(tier === 2),
  Number(tier === 3),
];

export const spendingOf = ({ drawer, charged, leased, calls }: DrawerRow): Spending => ({
  drawer,
  units: charged + leased,
  calls,
});
