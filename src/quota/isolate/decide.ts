import type { Charge, LimitFigures } from '../../access/admission.ts';
import type { KeyRefusal } from '../../access/edge.ts';
import { permissionsOfKey } from '../../access/key-permissions.ts';
import { drawerName } from '../drawer.ts';
import { refusalOf } from '../edge-state.ts';
import type { Asker, Drawer, KnownKey, OverLimit, RequestUse } from '../protocol.ts';
import { type Cell, figuresNow, refusedStill, type Store, spend, type Verified } from './cell.ts';

/** What a request asks of its organization's quota. */
export interface Ask {
  drawer: Drawer;
  charge: Charge;
  use: RequestUse;
  /** Version of the registered APIs by which the request was routed, if it was. */
  gateway?: number | undefined;
}

/** What the isolate decides by itself. */
export type Decision =
  | {
      ok: true;
      key: KnownKey | undefined;
      limits: [LimitFigures] | undefined;
      from: { store: Store; leaseId: string; drawer: string } | undefined;
    }
  | OverLimit
  | { ok: false; refused: 'stale'; gateway: number }
  | { ok: false; refused: KeyRefusal | 'permission' | 'tier'; by?: Asker | undefined };

/** How long after it was verified a key is let through while the object cannot be asked. */
const VERIFIED_FOR = 60_000;

/**
 * Decides a request without the object: out of a lease, or by a refusal that still holds. Nothing when only the object
 * can tell.
 */
export function decideHere(cell: Cell, ask: Ask, now: number): Decision | undefined {
  const noGood = ask.drawer.kind === 'key' ? cell.noGood.get(ask.drawer.hash) : undefined;
  if (noGood && now < noGood.until) return { ok: false, refused: noGood.refused };
  if (ask.gateway !== undefined && ask.gateway < cell.gateway) {
    return { ok: false, refused: 'stale', gateway: cell.gateway };
  }
  const verified = verifiedKey(cell, ask.drawer);
  if (ask.drawer.kind === 'key' && (!verified || now >= verified.trustedUntil)) return undefined;
  const refused = refusalFor(verified, ask, now);
  if (refused) return { ok: false, refused, by: verified?.key };
  const still = refusedStill(cell, ask.charge.units, now);
  if (still) return { ...still, key: verified?.key };
  return out(cell, 'lease', ask, verified, now);
}

/** While the object cannot be asked: out of what was put aside for that. */
export const decideFromReserve = (cell: Cell, ask: Ask, now: number): Decision | undefined =>
  out(cell, 'reserve', ask, verifiedKey(cell, ask.drawer), now);

function out(cell: Cell, store: Store, ask: Ask, verified: Verified | undefined, now: number): Decision | undefined {
  if (ask.charge.tier > cell.maxTier) return undefined;
  const drawer = drawerName(ask.drawer, verified?.key);
  const leaseId = cell[store]?.id;
  const key = verified?.key;
  if (ask.charge.units === 0) return verified && { ok: true, key, limits: undefined, from: undefined };
  if (leaseId === undefined || !spend(cell, store, drawer, ask.charge, now)) return undefined;
  const figures = figuresNow(cell, now);
  return { ok: true, key, limits: figures && [figures], from: { store, leaseId, drawer } };
}

/**
 * The key of a request that has to be let through unasked.
 * Nothing when this isolate has not verified it of late: then nobody knows whether it is good.
 */
export function recentKey(cell: Cell, drawer: Drawer, now: number): Verified | undefined {
  const verified = verifiedKey(cell, drawer);
  return verified && now < verified.at + VERIFIED_FOR ? verified : undefined;
}

const verifiedKey = (cell: Cell, drawer: Drawer): Verified | undefined =>
  drawer.kind === 'key' ? cell.keys.get(drawer.hash) : undefined;

/** Why a key that is good is not good for this. */
export function refusalFor(
  verified: Verified | undefined,
  { drawer, use }: Ask,
  now: number,
): KeyRefusal | 'permission' | undefined {
  if (!verified || drawer.kind !== 'key') return undefined;
  const refused = refusalOf(verified.key, use, now);
  if (refused) return refused;
  return drawer.permission && !permissionsOfKey(verified.key).has(drawer.permission) ? 'permission' : undefined;
}
