import type { Clock } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import { choose } from '../balancing/choose.ts';
import type { Outcome } from '../breaker/outcome.ts';
import type { CompiledApi, CompiledPool, CompiledUpstream } from '../compiled.ts';
import {
  type ApiCell,
  dueAt,
  isLonely,
  isOwnAffair,
  newApiCell,
  newUpstreamCell,
  OWN_PERMIT,
  type UpstreamCell,
} from './cell.ts';
import { absorb, reportOf } from './exchange.ts';
import type { ReportAnswer, WatchObject } from './protocol.ts';
import { takeOutcome } from './record.ts';
import { type Member, newView, type PoolView, refresh } from './view.ts';

export interface UpstreamsDeps {
  clock: Clock;
  log: Logger;
  /** The object of an API. */
  objectOf(organizationId: string, apiId: string): Pick<WatchObject, 'report'>;
  /** Lets work go on after the answer. */
  background(work: Promise<unknown>): void;
  wait(milliseconds: number): Promise<void>;
  /** From 0 to 1, 1 excluded. */
  random(): number;
}

export interface PickOptions {
  /** What a consistent hash goes by. */
  hashKey: string | undefined;
  /** Ids of upstreams that the call has tried: avoided while there is another. */
  exclude: ReadonlySet<string>;
}

export interface Picked {
  upstream: CompiledUpstream;
  /** To be told when the answer's header fields are there or will not come. What it is told first counts. */
  done(outcome: Outcome): void;
}

/** No upstream takes calls. */
export interface Unavailable {
  unavailable: true;
  /** When trying again may be worth it. */
  retryAfterMs: number;
  /**
   * There only when the time of an open breaker is up and the object is being asked for a probe: settles, at the latest
   * after a second, when it pays to choose once more. It is for calls that would be refused otherwise: where calls are
   * few, none of them would ever meet a probe if the first after the time did not wait for it.
   */
  recheck?: () => Promise<void>;
}

export interface Upstreams {
  pick(api: CompiledApi, pool: CompiledPool, options: PickOptions): Picked | Unavailable;
}

/** Longer than the object takes from the other side of the world. */
const PATIENCE = 1_000;

/** After a failure the object is left alone for a moment. */
const BROKEN_FOR = 1_000;

/** What is advised where only the API's owner can change anything. */
const HOPELESS = 30_000;

const SOON = 1_000;

/**
 * What an isolate remembers at a time, about 10 MB at most: the APIs that were called longest ago are forgotten first, with
 * which nothing is lost that their objects do not know.
 */
const MAX_APIS = 1_000;
const MAX_UPSTREAMS = 20_000;

/**
 * One isolate's side of balancing and breaking. It chooses by what it knows, without waiting for anything: what it saw
 * by itself holds at once, and what all isolates saw comes in about once a second while there are calls.
 */
export function createUpstreams(deps: UpstreamsDeps): Upstreams {
  const cells = new Map<string, ApiCell>();
  const views = new WeakMap<CompiledPool, PoolView>();
  const now = () => deps.clock().getTime();
  let remembered = 0;

  function cellOf(api: CompiledApi): ApiCell {
    const known = cells.get(api.id);
    const cell = known ?? newApiCell(api);
    if (known && api.revision <= known.newest.revision) return known;
    const before = cell.upstreams.size;
    cell.newest = api;
    cell.nextAt = 0;
    cell.changes += 1;
    const upstreams = api.pools.flatMap((pool) => pool.upstreams);
    cell.upstreams = new Map(upstreams.map(({ id, url }) => [id, upstreamOf(cell, id, url)]));
    remembered += cell.upstreams.size - before;
    cells.set(api.id, cell);
    forget(cell);
    return cell;
  }

  /** Until there is room for the rest; never the one that is being called. */
  function forget(called: ApiCell): void {
    while (cells.size > MAX_APIS || (remembered > MAX_UPSTREAMS && cells.size > 1)) {
      let oldest: ApiCell | undefined;
      for (const cell of cells.values()) {
        if (cell !== called && (!oldest || cell.usedAt < oldest.usedAt)) oldest = cell;
      }
      if (!oldest) return;
      oldest.forgotten = true;
      remembered -= oldest.upstreams.size;
      cells.delete(oldest.apiId);
    }
  }

  function viewOf(api: CompiledApi, pool: CompiledPool): PoolView {
    const known = views.get(pool);
    if (known && !known.cell.forgotten) return known;
    const cell = cellOf(api);
    const members = pool.upstreams.map(({ id, url }) => upstreamOf(cell, id, url));
    const view = newView(cell, pool, members, deps.random);
    views.set(pool, view);
    return view;
  }

  /** Tells and asks the object in the background, unless that is being done. */
  function exchange(cell: ApiCell, at: number): void {
    if (at < cell.askingUntil) {
      cell.again = true;
      return;
    }
    cell.turn += 1;
    cell.asking = converse(cell, cell.turn, at);
    deps.background(cell.asking);
  }

  async function converse(cell: ApiCell, turn: number, at: number): Promise<void> {
    try {
      await ask(cell, turn, at);
      if (cell.turn === turn && (cell.tellSettings || cell.again)) await ask(cell, turn, now());
    } catch (error) {
      if (cell.turn === turn) fail(cell, error);
    }
    if (cell.turn !== turn) return;
    cell.askingUntil = 0;
    if (cell.again && cell.failingSince === 0) cell.nextAt = 0;
  }

  async function ask(cell: ApiCell, turn: number, at: number): Promise<void> {
    cell.askingUntil = at + PATIENCE;
    cell.again = false;
    const report = reportOf(cell, at);
    const answer = await inTime(deps.objectOf(cell.organizationId, cell.apiId).report(report));
    if (cell.turn === turn) absorb(cell, report, answer, at, now());
  }

  async function inTime(answer: Promise<ReportAnswer>): Promise<ReportAnswer> {
    const late = deps.wait(PATIENCE).then(() => {
      throw new Error('the object did not answer in time');
    });
    return Promise.race([answer, late]);
  }

  function fail(cell: ApiCell, error: unknown): void {
    const at = now();
    cell.nextAt = at + BROKEN_FOR;
    cell.askAgainAt = cell.nextAt;
    cell.changes += 1;
    if (cell.failingSince > 0) return;
    cell.failingSince = at;
    const fields = { organization_id: cell.organizationId, api_id: cell.apiId, error: describeError(error) };
    deps.log.warn('upstream.watch_unreachable', fields);
  }

  function begin(view: PoolView, { of, cell: upstream }: Member, permitId?: string): Picked {
    const { cell, pool } = view;
    const begun = { generation: upstream.generation, permitId };
    let told = false;
    upstream.pending += 1;
    return {
      upstream: of,
      done(outcome) {
        if (told) return;
        told = true;
        const at = now();
        if (takeOutcome(cell, pool, upstream, begun, outcome, at)) exchange(cell, at);
      },
    };
  }

  /** A probe, if one is to be made; if there may be one to be had, the object is asked for it. */
  function probe(view: PoolView, exclude: ReadonlySet<string>, at: number): Picked | 'due' | undefined {
    const { cell } = view;
    let due = false;
    for (const member of view.waiting) {
      const upstream = member.cell;
      if (exclude.has(upstream.id)) continue;
      const permit = takePermit(upstream, at);
      if (permit) return begin(view, member, permit);
      if (at < dueAt(upstream)) continue;
      if (isLonely(cell, at) || isOwnAffair(cell, upstream)) {
        upstream.openUntil = at + view.pool.breaker.openMs;
        return begin(view, member, OWN_PERMIT);
      }
      upstream.wanted += 1;
      due = true;
    }
    if (!due) return undefined;
    if (at >= cell.askAgainAt) exchange(cell, at);
    return 'due';
  }

  function unavailable({ cell, waiting }: PoolView, due: boolean, at: number): Unavailable {
    const dueIn = waiting.map((member) => Math.max(SOON, dueAt(member.cell) - at));
    const retryAfterMs = Math.min(...dueIn, HOPELESS);
    if (!due || at >= cell.askingUntil) return { unavailable: true, retryAfterMs };
    const { asking } = cell;
    return { unavailable: true, retryAfterMs, recheck: () => Promise.race([asking, deps.wait(PATIENCE)]) };
  }

  return {
    pick(api, pool, { hashKey, exclude }) {
      const at = now();
      const view = viewOf(api, pool);
      const { cell } = view;
      cell.usedAt = at;
      refresh(view, at);
      const probing = view.waiting.length > 0 ? probe(view, exclude, at) : undefined;
      if (at >= cell.nextAt && at >= cell.askingUntil) exchange(cell, at);
      if (typeof probing === 'object') return probing;
      const { algorithm } = pool.balancing;
      const member = choose(view.serving, { algorithm, hashKey, exclude, random: deps.random });
      return member ? begin(view, member) : unavailable(view, probing === 'due', at);
    },
  };
}

/** What is known stays while the address does. */
function upstreamOf(cell: ApiCell, id: string, url: string): UpstreamCell {
  const known = cell.upstreams.get(id);
  return known?.url === url ? known : newUpstreamCell(id, url);
}

/** One whose time is not over. */
function takePermit(upstream: UpstreamCell, now: number): string | undefined {
  const index = upstream.permits.findIndex(({ until }) => now < until);
  return index < 0 ? undefined : upstream.permits.splice(index, 1)[0]?.permitId;
}
