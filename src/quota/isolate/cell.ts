import type { Charge, LimitFigures } from '../../access/admission.ts';
import type {
  AdmitAnswer,
  AdmitRequest,
  Debt,
  KnownKey,
  Lease,
  LeaseReport,
  OverLimit,
  Spending,
} from '../protocol.ts';
import type { Calls } from '../rows.ts';
import { addCalls, NO_CALLS, oneCall } from '../state.ts';
import { type Line, newLine } from './gather.ts';
import { newPace, type Pace } from './pace.ts';

/** A lease as the isolate spends it. */
export interface Held {
  id: string;
  /** Units that it was granted with. */
  granted: number;
  /** What `isLow` goes by; 0 when there is no more to be had before this one is used up. */
  size: number;
  left: number;
  /** On this isolate's clock. */
  endsAt: number;
  spent: Map<string, Spending>;
}

/** A key as the object last told of it. */
export interface Verified {
  key: KnownKey;
  /** When the object was asked. */
  at: number;
  /** Until when it needs not be asked again. */
  trustedUntil: number;
}

/** A key that was refused for itself. No key becomes good that was not: this is kept only to be asked less often. */
interface NoGood {
  refused: 'unknown' | 'expired';
  until: number;
}

/** A refusal that holds for as many units or more. */
interface Refusal {
  units: number;
  since: number;
  until: number;
  answer: OverLimit;
}

/** What one isolate knows of one organization. It is lost with the isolate, and nothing is oversold by that. */
export interface Cell {
  lease: Held | undefined;
  reserve: Held | undefined;
  keys: Map<string, Verified>;
  /** Keys that the object does not know, or that have expired: asked about again when the moment is over. */
  noGood: Map<string, NoGood>;
  /** Of the window as the object last told, without what this isolate holds of it. */
  figures: LimitFigures | undefined;
  maxTier: number;
  /** Version of the registered APIs that was last told of. */
  gateway: number;
  refusal: Refusal | undefined;
  /** What the object does not know yet. */
  reports: LeaseReport[];
  debts: Debt[];
  pace: Pace;
  /** What is being asked. */
  line: Line<AdmitRequest, AdmitAnswer>;
  /** When a lease was asked for: until the answer is there, others ask for no more than they need. */
  askedAt: number | undefined;
  /** The object is not asked before. */
  brokenUntil: number;
  fallback: { startedAt: number; units: number };
}

export const newCell = (): Cell => ({
  lease: undefined,
  reserve: undefined,
  keys: new Map(),
  noGood: new Map(),
  figures: undefined,
  maxTier: 0,
  gateway: 0,
  refusal: undefined,
  reports: [],
  debts: [],
  pace: newPace(),
  line: newLine(),
  askedAt: undefined,
  brokenUntil: 0,
  fallback: { startedAt: 0, units: 0 },
});

/** Where units are taken from. */
export type Store = 'lease' | 'reserve';

export const hold = ({ id, units }: Lease, endsAt: number): Held => ({
  id,
  granted: units,
  size: units,
  left: units,
  endsAt,
  spent: new Map(),
});

const liveOf = (cell: Cell, store: Store, now: number): Held | undefined => {
  const held = cell[store];
  return held && now < held.endsAt ? held : undefined;
};

/** Takes units out of a lease that holds; `false` when there are not so many. */
export function spend(cell: Cell, store: Store, drawer: string, { units, tier }: Charge, now: number): boolean {
  const held = liveOf(cell, store, now);
  if (!held || held.left < units) return false;
  held.left -= units;
  tally(held, drawer, units, oneCall(tier));
  return true;
}

/** Puts units back into the lease that they came out of, while it holds. */
export function unspend(cell: Cell, leaseId: string, drawer: string, { units, tier }: Charge, now: number): void {
  for (const store of ['lease', 'reserve'] as const) {
    const held = liveOf(cell, store, now);
    if (held?.id !== leaseId) continue;
    held.left += units;
    tally(held, drawer, -units, addCalls(NO_CALLS, oneCall(tier), -1));
  }
}

function tally(held: Held, drawer: string, units: number, calls: Readonly<Calls>): void {
  const before = held.spent.get(drawer) ?? { drawer, units: 0, calls: [...NO_CALLS] };
  held.spent.set(drawer, { drawer, units: before.units + units, calls: addCalls(before.calls, calls) });
}

const LOW = 0.25;

/** A lease that holds and is soon used up. */
export function isLow(cell: Cell, now: number): boolean {
  const held = liveOf(cell, 'lease', now);
  return held !== undefined && held.left < LOW * held.size;
}

/** Units that the object takes to be held here: as long as it is not told, all that were granted. */
export function heldAsTold({ lease, reserve, reports }: Cell): number {
  const closed = reports.reduce(
    (sum, { unspent, spent }) => sum + unspent + spent.reduce((all, { units }) => all + units, 0),
    0,
  );
  return (lease?.granted ?? 0) + (reserve?.granted ?? 0) + closed;
}

/** Units that are truly left here: to be spent, or to be given back. */
export function leftHere(cell: Cell, now: number): number {
  const live = (liveOf(cell, 'lease', now)?.left ?? 0) + (liveOf(cell, 'reserve', now)?.left ?? 0);
  return cell.reports.reduce((sum, { unspent }) => sum + unspent, live);
}

/** The window as of now: what this isolate still holds of it remains. */
export function figuresNow(cell: Cell, now: number): LimitFigures | undefined {
  const { figures } = cell;
  if (!figures || now >= figures.resetAt) return undefined;
  return { ...figures, remaining: figures.remaining + leftHere(cell, now) };
}

/** The refusal that this many units would meet again. */
export function refusedStill({ refusal }: Cell, units: number, now: number): OverLimit | undefined {
  if (!refusal || now >= refusal.until || units < refusal.units) return undefined;
  return { ...refusal.answer, retryIn: Math.max(1, refusal.answer.retryIn - (now - refusal.since)) };
}

/** Ends the leases that are over. What is told to be unspent is never spent afterwards. */
export function closeEnded(cell: Cell, now: number): void {
  for (const store of ['lease', 'reserve'] as const) {
    const held = cell[store];
    if (held && now >= held.endsAt) close(cell, store);
  }
}

/** Ends a lease that is used up, so that it is told of at once: until then the object takes its units to remain. */
export function closeEmpty(cell: Cell): void {
  if (cell.lease?.left === 0) close(cell, 'lease');
}

export function close(cell: Cell, store: Store): void {
  const held = cell[store];
  if (!held) return;
  cell[store] = undefined;
  cell.reports.push({ leaseId: held.id, unspent: held.left, spent: [...held.spent.values()] });
}
