import type { LimitFigures } from '../access/admission.ts';
import type { Clock } from '../kernel/clock.ts';
import { describeError } from '../kernel/errors.ts';
import { newUuid } from '../kernel/id.ts';
import type { Logger } from '../telemetry/log.ts';
import { drawerName } from './drawer.ts';
import {
  type Cell,
  closeEmpty,
  closeEnded,
  figuresNow,
  heldAsTold,
  isLow,
  leftHere,
  newCell,
  unspend,
} from './isolate/cell.ts';
import { type Ask, type Decision, decideFromReserve, decideHere, recentKey, refusalFor } from './isolate/decide.ts';
import { absorb, newsOf, type Question, reportsOf } from './isolate/exchange.ts';
import { spendFallback } from './isolate/fallback.ts';
import { gather } from './isolate/gather.ts';
import { countIn } from './isolate/pace.ts';
import type { OrganizationObject } from './organization.ts';
import { type AdmitAnswer, type AdmitRequest, type Granted, type OverLimit, PROTOCOL } from './protocol.ts';
import type { Admitted, Verdict } from './verdict.ts';

export interface QuotaClientDeps {
  clock: Clock;
  log: Logger;
  /** Calls to the organization's object, each of which may be repeated without harm. */
  objectOf(organizationId: string): Pick<OrganizationObject, 'admit' | 'giveBack'>;
  /** Tells the object of an organization that it does not know yet. */
  publish(organizationId: string): Promise<void>;
  /** Lets work go on after the answer. */
  background(work: Promise<unknown>): void;
  /** Whether one request may settle what another waits for. */
  shares: boolean;
  /** Does something later, unless it is called off before. */
  after(milliseconds: number, run: () => void): () => void;
}

/** Longer than the object takes from the other side of the world, and as long as a caller may be kept for nothing. */
const PATIENCE = 1_000;

/** After a failure the object is left alone for a moment: whoever waits for it in vain waits for nothing. */
const BROKEN_FOR = 1_000;

/** Organizations that an isolate knows at a time; those that were asked about longest ago are forgotten. */
const MAX_CELLS = 1_000;

/** After this isolate's clock says that a lease is over. */
const GRACE = 50;

export interface QuotaClient {
  /** Decides a request: here where a lease or a recent refusal allows it, else by one call to the organization's object. */
  admit(organizationId: string, ask: Ask): Promise<Verdict>;
}

/**
 * One isolate's side of the quota. While the object cannot be asked, within a second, requests are let through by what
 * is left of leases, then by what was put aside, then under a small limit of the isolate's own; those of a key only if
 * it was verified in the last minute. What was so let through is told to the object as soon as it answers again.
 */
export function createQuotaClient(deps: QuotaClientDeps): QuotaClient {
  const cells = new Map<string, Cell>();
  const isolate = newUuid();
  const now = () => deps.clock().getTime();
  const askObject = gather<AdmitRequest, AdmitAnswer>({
    send: (organizationId, requests) => deps.objectOf(organizationId).admit(requests),
    ...{ background: deps.background, after: deps.after, shares: deps.shares, now, inTime, patience: PATIENCE },
  });

  function cellOf(organizationId: string): Cell {
    const cell = cells.get(organizationId) ?? newCell();
    cells.delete(organizationId);
    cells.set(organizationId, cell);
    if (cells.size > MAX_CELLS) forgetOne();
    return cell;
  }

  /** The one that was asked about longest ago, of those that have nothing left to tell. */
  function forgetOne(): void {
    const [oldest] = cells.keys();
    const told = [...cells].find(([, { debts, reports }]) => debts.length + reports.length === 0);
    const goes = told?.[0] ?? oldest;
    if (goes !== undefined) cells.delete(goes);
  }

  async function admit(organizationId: string, ask: Ask): Promise<Verdict> {
    const cell = cellOf(organizationId);
    const at = now();
    cell.pace = countIn(cell.pace, ask.charge.units, at);
    const decision = decideHere(cell, ask, at);
    if (decision) {
      if (decision.ok && isLow(cell, at) && cell.askedAt === undefined) topUp(organizationId, cell, ask);
      return verdictOf(cell, ask, decision);
    }
    if (at < cell.brokenUntil) return degraded(organizationId, cell, ask);
    const operationId = newUuid();
    closeEmpty(cell);
    const answer = await question(organizationId, cell, ask, operationId);
    return answer
      ? answered(organizationId, cell, ask, operationId, answer)
      : degraded(organizationId, cell, ask, operationId);
  }

  /** Asks the object, and takes in what it says; nothing when it does not in time. */
  async function question(
    organizationId: string,
    cell: Cell,
    ask: Ask,
    operationId: string,
    news = newsOf,
  ): Promise<AdmitAnswer | undefined> {
    const askedAt = now();
    const told = news(cell, isolate, askedAt, PATIENCE);
    const { drawer, charge, use, gateway } = ask;
    const request = { protocol: PROTOCOL, operationId, charge, drawer, use, gateway, isolate: told };
    const hash = drawer.kind === 'key' ? drawer.hash : undefined;
    const asked: Question = { hash, units: charge.units, told, askedAt };
    try {
      let answer = await askObject(cell.line, organizationId, request);
      if (!answer.ok && answer.refused === 'unpublished' && drawer.kind !== 'key') {
        await deps.publish(organizationId);
        answer = await askObject(cell.line, organizationId, request);
      }
      absorb(cell, asked, answer);
      if (answer.ok && answer.lease) returnLater(organizationId, cell, answer.lease);
      return answer;
    } catch (error) {
      cell.brokenUntil = now() + BROKEN_FOR;
      cell.askedAt = undefined;
      deps.log.warn('quota.unreachable', { organization_id: organizationId, error: describeError(error) });
      return undefined;
    }
  }

  function inTime<T>(answer: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const giveUp = deps.after(PATIENCE, () => reject(new Error('the object did not answer in time')));
    answer.then(resolve, reject).finally(giveUp);
    return promise;
  }

  /** The next lease, before this one is used up. */
  function topUp(organizationId: string, cell: Cell, { drawer, use }: Ask): void {
    deps.background(question(organizationId, cell, { drawer, use, charge: NOTHING }, newUuid()));
  }

  /** Gives back what was not spent of a lease, if nothing else has told of it by then. */
  function returnLater(organizationId: string, cell: Cell, lease: NonNullable<Granted['lease']>): void {
    const tell = async () => {
      await new Promise<void>((resolve) => void deps.after(lease.ttl + GRACE, resolve));
      closeEnded(cell, now());
      if (cell.reports.some(({ leaseId }) => leaseId === lease.id)) {
        const nobody: Ask = { drawer: { kind: 'anonymous' }, use: NOWHERE, charge: NOTHING };
        await question(organizationId, cell, nobody, newUuid(), reportsOf);
      }
    };
    deps.background(tell());
  }

  /** What this isolate has spent and not told of, the object takes to remain. */
  function knownHere(cell: Cell, { key, limits }: Granted): Granted['limits'] {
    const [hour, ...others] = limits;
    const ownCeiling = key !== undefined && key.rateLimitOverride !== null;
    return [(!ownCeiling && figuresNow(cell, now())) || hour, ...others].map((figures, index) =>
      index === 0 ? { ...figures, resetAt: hour.resetAt } : figures,
    ) as Granted['limits']; // as many as before
  }

  /** The same of a refusal: where nothing remains elsewhere, it holds until the window is over. */
  function corrected(cell: Cell, ask: Ask, answer: OverLimit): OverLimit {
    const [hour, ...others] = answer.limits;
    const remaining = Math.max(0, hour.remaining - heldAsTold(cell) + leftHere(cell, now()));
    if (answer.key && answer.key.rateLimitOverride !== null) return answer;
    const limits: OverLimit['limits'] = [{ ...hour, remaining }, ...others];
    if (answer.refusedBy !== 0 || remaining >= ask.charge.units) return { ...answer, limits };
    return { ...answer, limits, retryIn: answer.window.endsIn, retryAt: hour.resetAt };
  }

  function answered(organizationId: string, cell: Cell, ask: Ask, operationId: string, answer: AdmitAnswer): Verdict {
    if (answer.ok) {
      const giveBack = () => giveBackThere(organizationId, operationId);
      return { ok: true, key: answer.key, status: statusOf(ask, knownHere(cell, answer)), giveBack };
    }
    if (answer.refused === 'quota' || answer.refused === 'limit') return overLimit(corrected(cell, ask, answer));
    if (answer.refused === 'stale') return answer;
    // An object that knows nothing even now is one that cannot be told: nobody can say what is left.
    if (answer.refused === 'unpublished')
      return { ok: false, refused: ask.drawer.kind === 'key' ? 'unknown' : 'unavailable' };
    return { ok: false, refused: answer.refused, by: 'by' in answer ? answer.by : undefined };
  }

  function verdictOf(cell: Cell, ask: Ask, decision: Decision): Verdict {
    if (!decision.ok) return 'limits' in decision ? overLimit(decision) : decision;
    const { from, key, limits } = decision;
    let given = false;
    const giveBack = async () => {
      if (from && !given) unspend(cell, from.leaseId, from.drawer, ask.charge, now());
      given = true;
    };
    return { ok: true, key, status: limits && statusOf(ask, limits), giveBack };
  }

  /** Lets a request through unasked, if at all; `asked` is the operation that the object may have charged all the same. */
  function degraded(organizationId: string, cell: Cell, ask: Ask, asked?: string): Verdict {
    const at = now();
    const operationId = asked ?? newUuid();
    const takeBack = () => asked !== undefined && deps.background(giveBackThere(organizationId, asked));
    const verified = recentKey(cell, ask.drawer, at);
    if (ask.drawer.kind === 'key' && !verified) return { ok: false, refused: 'unavailable' };
    const refused = refusalFor(verified, ask, at);
    if (refused) return { ok: false, refused, by: verified?.key };
    const reserved = decideFromReserve(cell, ask, at);
    if (reserved?.ok) {
      takeBack();
      return asDegraded(verdictOf(cell, ask, reserved));
    }
    const { allowed, figures } = spendFallback(cell, ask.charge.units, at);
    const status = { limits: [figures], degraded: true } as const;
    deps.log.warn('quota.degraded', { organization_id: organizationId, units: ask.charge.units, allowed });
    if (!allowed) {
      const retryAt = figures.resetAt;
      return { ok: false, by: verified?.key, refused: 'quota', status, refusedBy: 0, retryIn: retryAt - at, retryAt };
    }
    const drawer = drawerName(ask.drawer, verified?.key);
    if (ask.charge.units > 0) cell.debts.push({ operationId, drawer, charge: ask.charge, at });
    const giveBack = async () => {
      cell.debts = cell.debts.filter((debt) => debt.operationId !== operationId);
      takeBack();
    };
    return { ok: true, key: verified?.key, status: ask.charge.units > 0 ? status : undefined, giveBack };
  }

  /** What cannot be given back is lost to the caller, not to us: it is told and left at that. */
  async function giveBackThere(organizationId: string, operationId: string): Promise<void> {
    try {
      await inTime(deps.objectOf(organizationId).giveBack(operationId));
    } catch (error) {
      deps.log.warn('quota.not_given_back', { organization_id: organizationId, error: describeError(error) });
    }
  }

  return { admit };
}

const NOTHING = { units: 0, tier: 0 } as const;

const NOWHERE = { address: undefined, method: '', path: '' };

const statusOf = ({ charge }: Ask, limits: readonly [LimitFigures, ...LimitFigures[]]): Admitted['status'] =>
  charge.units === 0 ? undefined : { limits, degraded: false };

const overLimit = ({ refused, key, limits, refusedBy, retryIn, retryAt }: OverLimit): Verdict => ({
  ok: false,
  by: key,
  refused,
  status: { limits, degraded: false },
  refusedBy,
  retryIn,
  retryAt,
});

const asDegraded = (verdict: Verdict): Verdict =>
  verdict.ok && verdict.status ? { ...verdict, status: { ...verdict.status, degraded: true } } : verdict;
