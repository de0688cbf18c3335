import type { Candidate } from '../balancing/choose.ts';
import { hashText } from '../balancing/hash.ts';
import { partOfWeight, type Standing, thoseWhoServe } from '../balancing/standing.ts';
import type { CompiledPool, CompiledUpstream } from '../compiled.ts';
import { type ApiCell, isLonely, isOpen, type UpstreamCell } from './cell.ts';
import { NEVER } from './state.ts';

/** A pool as calls choose from it: who takes calls is worked out when something changes, not for each call. */
export interface PoolView {
  cell: ApiCell;
  pool: CompiledPool;
  members: readonly Member[];
  serving: readonly Member[];
  /** Those with an open breaker that would take calls otherwise. */
  waiting: readonly Member[];
  /** Of the cell's changes, the last that is in here; and until when time changes nothing. */
  changes: number;
  validUntil: number;
}

export interface Member extends Candidate {
  of: CompiledUpstream;
  cell: UpstreamCell;
  standing: Standing;
}

/** In how many steps the weight of one that came back grows. */
const STEPS = 20;

/**
 * @param random rotations begin anywhere: many isolates that each begin with the first upstream would send it most calls
 */
export function newView(cell: ApiCell, pool: CompiledPool, cells: UpstreamCell[], random: () => number): PoolView {
  const members = cells.flatMap((upstream, index): Member[] => {
    const of = pool.upstreams[index];
    const standing = { allowed: false, backup: false, open: false, unhealthy: false, ejected: false };
    return of
      ? [{ of, cell: upstream, standing, id: of.id, weight: 0, seed: hashText(of.id), owed: random() - 0.5 }]
      : [];
  });
  return { cell, pool, members, serving: [], waiting: [], changes: -1, validUntil: 0 };
}

/** Works out anew who takes calls, if anything changed. */
export function refresh(view: PoolView, now: number): void {
  if (view.changes === view.cell.changes && now < view.validUntil) return;
  view.changes = view.cell.changes;
  view.validUntil = NEVER;
  const lonely = isLonely(view.cell, now);
  for (const member of view.members) place(view, member, lonely, now);
  view.serving = thoseWhoServe(view.members);
  const backupsServe = view.serving[0]?.standing.backup ?? true;
  view.waiting = view.members.filter(
    ({ standing: { allowed, open, backup } }) => allowed && open && (backupsServe || !backup),
  );
}

function place(view: PoolView, member: Member, lonely: boolean, now: number): void {
  const { of, cell } = member;
  const { algorithm } = view.pool.balancing;
  const { slowStartMs } = view.pool.ejection;
  const ejected = now < cell.ejectedUntil;
  const part = partOfWeight(now - Math.max(cell.backSince, ejected ? 0 : cell.ejectedUntil), slowStartMs);
  if (ejected) view.validUntil = Math.min(view.validUntil, cell.ejectedUntil);
  if (part < 1) view.validUntil = Math.min(view.validUntil, now + Math.ceil(slowStartMs / STEPS));
  member.weight = (algorithm === 'round_robin' ? 1 : of.weight) * part;
  member.standing = {
    ...{ allowed: of.proven && of.weight > 0 && !cell.refused, backup: of.backup, open: isOpen(cell), ejected },
    // Nobody can say any more whether it still is.
    unhealthy: cell.unhealthy && !lonely,
  };
}
