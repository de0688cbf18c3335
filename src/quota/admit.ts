import type { EdgeKey, EdgeLimit } from '../access/edge.ts';
import { permissionsOfKey } from '../access/key-permissions.ts';
import type { Plan } from '../billing/index.ts';
import { makeRoom } from './counters.ts';
import { drawerName } from './drawer.ts';
import { type EdgeState, refusalOf } from './edge-state.ts';
import { freeUnits, hourFigures, limitFigures, planOf } from './figures.ts';
import {
  addTo,
  burn,
  collect,
  isTail,
  LEASE_TTL,
  leaseSize,
  leaseToWire,
  lend,
  mayLease,
  reserveSize,
  settle,
  windowFor,
} from './leases.ts';
import { type Reading, take } from './limits/algorithm.ts';
import { limitsOn } from './limits/match.ts';
import { noteLevels } from './notices.ts';
import {
  type AdmitAnswer,
  type AdmitRequest,
  type Granted,
  type KnownKey,
  type OverLimit,
  PROTOCOL,
} from './protocol.ts';
import type { LeaseRow, OperationRow } from './rows.ts';
import { type Draft, oneCall, openWindow, remember, write } from './state.ts';
import { trust } from './trust.ts';

/** A refusal that the leases of other isolates may still undo is not acted on for longer, in milliseconds. */
const PROVISIONAL = 1_000;

/**
 * Decides one request, all at once: whether the key is good and good for this, whether the plan has the tier, and
 * whether the hourly window, the key's own ceiling and each of the organization's limits has room. Either everything is
 * charged or nothing is. What isolates report on the way is taken in whatever becomes of the request.
 */
export function admit(
  edge: EdgeState | undefined,
  draft: Draft,
  request: AdmitRequest,
  newId: () => string,
): AdmitAnswer {
  if (!edge) return { ok: false, refused: 'unpublished' };
  const { state } = draft;
  const { drawer } = request;
  const plan = planOf(edge);
  const known = request.protocol === PROTOCOL;
  draft.now = Math.max(draft.now, state.seenAt);
  state.seenAt = draft.now;
  if (known) hear(draft, request, plan);
  if (edge.deleted) return { ok: false, refused: drawer.kind === 'key' ? 'unknown' : 'deleted' };
  const { gateway } = edge;
  if (request.gateway !== undefined && request.gateway < gateway) return { ok: false, refused: 'stale', gateway };
  const key = drawer.kind === 'key' ? edge.keys.get(drawer.hash) : undefined;
  const by = key && { id: key.id, userId: key.userId, environment: key.environment };
  if (drawer.kind === 'key') {
    if (!key) return { ok: false, refused: 'unknown' };
    const refused = refusalOf(key, request.use, draft.now);
    if (refused) return { ok: false, refused, by };
    if (drawer.permission && !permissionsOfKey(key).has(drawer.permission)) {
      return { ok: false, refused: 'permission', by };
    }
  }
  if (request.charge.tier > plan.maxTier) return { ok: false, refused: 'tier', by };
  const scene: Scene = { edge, draft, request, key, plan, known, drawer: drawerName(drawer, key) };
  const before = state.operations.get(request.operationId);
  if (before) return grantAgain(scene, before);
  return request.charge.units === 0 ? charge(scene, [], newId) : weigh(scene, newId);
}

/** Takes in what the isolate has to tell. */
function hear(draft: Draft, { isolate }: AdmitRequest, plan: Plan): void {
  draft.state.isolates.set(isolate.id, draft.now);
  settle(draft, isolate.reports);
  burn(draft);
  collect(draft, isolate.debts, () => windowFor(draft, plan.unitsPerHour));
}

interface Scene {
  edge: EdgeState;
  draft: Draft;
  request: AdmitRequest;
  key: EdgeKey | undefined;
  plan: Plan;
  /** The isolate speaks the same protocol. */
  known: boolean;
  /** Name that is charged. */
  drawer: string;
}

interface Applied {
  limit: EdgeLimit;
  counterKey: string;
  reading: Reading;
}

function weigh(scene: Scene, newId: () => string): AdmitAnswer {
  const { draft, request } = scene;
  const { units } = request.charge;
  const applied = readLimits(scene, units);
  const refusals = applied.flatMap(({ reading }, index) =>
    reading.admitted ? [] : [{ refusedBy: index + 1, retryIn: reading.retryIn }],
  );
  if (freeUnits(draft.state, scene, draft.now) < units) refusals.push({ refusedBy: 0, retryIn: retryOf(scene, units) });
  if (refusals.length > 0) return refuse(scene, refusals);
  return charge(scene, applied, newId);
}

/** The organization's own limits that hold here, as they would stand with `units` more. */
function readLimits({ edge, request, key, draft }: Scene, units: number): Applied[] {
  const { drawer, use } = request;
  const userId = key?.userId ?? ('userId' in drawer ? drawer.userId : undefined);
  const { address, ...target } = use;
  const limited = {
    ...target,
    ...(address !== undefined && { address }),
    ...(key && { keyId: key.id }),
    ...(userId !== undefined && { userId }),
  };
  return limitsOn(edge.limits, limited).map(({ limit, counterKey }) => {
    const counter = draft.state.counters.get(counterKey)?.counter;
    return { limit, counterKey, reading: take(limit, counter, units, draft.now) };
  });
}

/** While isolates hold enough units, the window may have room again as soon as they report. */
function retryOf(scene: Scene, units: number): number {
  const { draft } = scene;
  const hour = hourFigures(draft.state, scene, draft.now);
  return hour.remaining >= units ? PROVISIONAL : hour.resetAt - draft.now;
}

interface Refusal {
  refusedBy: number;
  retryIn: number;
}

/** Of several limits that refuse, the one that does so longest is named. */
function refuse(scene: Scene, refusals: readonly Refusal[]): OverLimit {
  const { draft, key } = scene;
  const { refusedBy, retryIn } = refusals.reduce((a, b) => (b.retryIn > a.retryIn ? b : a));
  const byPlan = refusedBy === 0;
  return {
    ok: false,
    refused: byPlan ? 'quota' : 'limit',
    // As they stand: nothing was charged.
    ...standing(scene, readLimits(scene, 0)),
    refusedBy,
    retryIn,
    retryAt: draft.now + retryIn,
    trusted: byPlan && key?.rateLimitOverride == null ? trust(draft, Math.min(LEASE_TTL, retryIn)) : 0,
  };
}

function charge(scene: Scene, applied: readonly Applied[], newId: () => string): Granted {
  const { draft, plan, request, drawer } = scene;
  const { units, tier } = request.charge;
  if (units > 0) {
    const { startedAt } = windowFor(draft, plan.unitsPerHour).row;
    addTo(draft, startedAt, drawer, { charged: units, leased: 0, calls: oneCall(tier) });
  }
  if (applied.length > 0) makeRoom(scene.edge, draft);
  for (const { limit, counterKey, reading } of applied) {
    write(draft, { kind: 'counter', row: { key: counterKey, limit: limit.id, counter: reading.next } });
  }
  const lease = leaseBeside(scene, newId);
  const reserve = lease && reserveBeside(scene, newId);
  noteLevels(draft, plan.unitsPerHour);
  if (units === 0 && !lease) return granted(scene, applied);
  remember(draft, {
    id: request.operationId,
    startedAt: openWindow(draft.state, draft.now)?.row.startedAt ?? draft.now,
    drawer,
    units,
    tier,
    at: draft.now,
    lease: lease?.id ?? null,
    reserve: reserve?.id ?? null,
    counters: applied.map(({ limit, counterKey }) => ({ limit: limit.id, key: counterKey })),
    givenBack: false,
  });
  return granted(scene, applied, { lease, reserve });
}

/** Whether this isolate may be trusted with more than the one request. */
const isLeasable = ({ known, edge, plan, key }: Scene) =>
  known && key?.rateLimitOverride == null && mayLease(edge, plan.unitsPerHour);

function leaseBeside(scene: Scene, newId: () => string): LeaseRow | undefined {
  const { draft, request, plan } = scene;
  const window = openWindow(draft.state, draft.now);
  if (!window || !isLeasable(scene)) return undefined;
  const units = leaseSize(draft.state, { limit: plan.unitsPerHour, window }, request.isolate.want, draft.now);
  if (units < 1) return undefined;
  return lend(draft, { id: newId(), isolate: request.isolate.id, units, reserve: false }, window);
}

function reserveBeside({ draft, request, plan }: Scene, newId: () => string): LeaseRow | undefined {
  const window = openWindow(draft.state, draft.now);
  const units = reserveSize(draft.state, { limit: plan.unitsPerHour, window }, request.isolate.id);
  if (!window || units < 1) return undefined;
  return lend(draft, { id: newId(), isolate: request.isolate.id, units, reserve: true }, window);
}

/** A repeated call is told what the first one was, as far as that still holds. */
function grantAgain(scene: Scene, before: OperationRow): Granted {
  const { leases } = scene.draft.state;
  const find = (id: string | null) => (id === null ? undefined : leases.get(id));
  return granted(scene, readLimits(scene, 0), { lease: find(before.lease), reserve: find(before.reserve) });
}

interface Lent {
  lease?: LeaseRow | undefined;
  reserve?: LeaseRow | undefined;
}

function granted(scene: Scene, applied: readonly Applied[], { lease, reserve }: Lent = {}): Granted {
  const { draft, plan } = scene;
  const window = openWindow(draft.state, draft.now);
  return {
    ok: true,
    ...standing(scene, applied),
    maxTier: plan.maxTier,
    trusted: isLeasable(scene) ? trust(draft, LEASE_TTL) : 0,
    lease: lease && leaseToWire(lease, draft.now),
    reserve: reserve && leaseToWire(reserve, draft.now),
    recallReserve: isTail({ limit: plan.unitsPerHour, window }),
    gateway: scene.edge.gateway,
  };
}

/** What grant and refusal tell alike. */
function standing(scene: Scene, applied: readonly Applied[]): Pick<Granted, 'key' | 'limits' | 'window'> {
  const { draft, key } = scene;
  const hour = hourFigures(draft.state, scene, draft.now);
  const window = openWindow(draft.state, draft.now);
  return {
    key: key && knownKey(key),
    limits: [hour, ...applied.map(({ limit, reading }) => limitFigures(limit, reading))],
    window: { startedAt: window?.row.startedAt ?? draft.now, endsIn: hour.resetAt - draft.now },
  };
}

function knownKey({ hash: _hash, ...known }: EdgeKey): KnownKey {
  return known;
}
