import type { Tier } from '../access/tiers.ts';
import type { Counter } from './limits/algorithm.ts';

/** How many operations are remembered, so that a repeated one is not charged twice: the last of them, in a ring. */
const REMEMBERED = 4_096;

export type Calls = [number, number, number, number];

/** One hourly window, until it is recorded. */
export interface WindowRow {
  startedAt: number;
  /** Units that could be granted in it, as of the last charge. */
  limit: number;
  /** Units of leases that have ended: spent, or lost with the isolate that held them. */
  settled: number;
  /** What was let through while this object could not be asked; the units are among those of the drawers. */
  degraded: { units: number; calls: number; at: number };
  /** Whether isolates were told anything that they may act on for a while. */
  trusted: boolean;
  /** When 80 % and 100 % were reached. */
  warnedAt: number | null;
  exhaustedAt: number | null;
  /** What the database knows of it already. */
  noted: { warning: boolean; exhausted: boolean; degradedCalls: number };
}

/** What one drawer used in a window. */
export interface DrawerRow {
  startedAt: number;
  drawer: string;
  /** Units charged here, request by request. */
  charged: number;
  /** Units that isolates gave out of their leases, as they reported. */
  leased: number;
  calls: Calls;
}

/** Units handed to an isolate. They count as spent until it reports what it did not spend. */
export interface LeaseRow {
  id: string;
  startedAt: number;
  isolate: string;
  units: number;
  /** The isolate has stopped spending by then. */
  endsAt: number;
  /** For when this object cannot be asked; ends with the window. */
  reserve: boolean;
}

/** A request that was charged. */
export interface OperationRow {
  /** Counts the charged requests, and so tells which is the last even of those in one millisecond. */
  number: number;
  id: string;
  startedAt: number;
  drawer: string;
  units: number;
  tier: Tier;
  at: number;
  lease: string | null;
  reserve: string | null;
  /** The organization's own limits that it was charged to: their ids and counters. */
  counters: { limit: string; key: string }[];
  givenBack: boolean;
}

export interface CounterRow {
  key: string;
  limit: string;
  counter: Counter;
}

/** Everything that has to outlive the object's memory, row by row; a row replaces the one of the same kind and id. */
export type Row =
  | { kind: 'window'; row: WindowRow }
  | { kind: 'drawer'; row: DrawerRow }
  | { kind: 'lease'; row: LeaseRow }
  | { kind: 'operation'; row: OperationRow }
  | { kind: 'counter'; row: CounterRow };

export type Change = { put: Row } | { remove: { kind: Row['kind']; id: string } };

export function idOf({ kind, row }: Row): string {
  switch (kind) {
    case 'window':
      return String(row.startedAt);
    case 'drawer':
      return `${row.startedAt}/${row.drawer}`;
    case 'lease':
      return row.id;
    case 'operation':
      return String(slotOf(row));
    case 'counter':
      return row.key;
  }
}

/** The place of a charged request in the ring. */
export const slotOf = ({ number }: Pick<OperationRow, 'number'>): number => number % REMEMBERED;
