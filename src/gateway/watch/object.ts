import { DurableObject } from 'cloudflare:workers';
import { type Clock, MINUTE, SECOND } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/id.ts';
import { VERSION } from '../../kernel/version.ts';
import { type Judge, type Outbound, OutboundRefusal } from '../../outbound/guarded-fetch.ts';
import type { Logger } from '../../telemetry/log.ts';
import {
  type Due,
  FORGOTTEN_AFTER,
  healthOf,
  nextDue,
  resumeResolving,
  takeAddress,
  takeCheck,
  takeDue,
} from './check.ts';
import type { Change, UpstreamEvent } from './event.ts';
import { eventOf, newNotices } from './notices.ts';
import { countReport, newPace } from './pace.ts';
import type { Report, ReportAnswer, Watched, WatchSettings } from './protocol.ts';
import { type Draft, passTime, takeReport, watchedOf } from './report.ts';
import { configure, NEVER, newState, type Upstream } from './state.ts';
import {
  addEvent,
  createWatchTables,
  dropEvent,
  dropUpstreams,
  readEvents,
  readWatch,
  writeRounds,
  writeSettings,
  writeUpstream,
} from './watch-store.ts';

export interface WatchDeps {
  clock: Clock;
  log: Logger;
  /** The guarded way out: upstreams are addresses that users chose. */
  outbound: Outbound;
  judge: Judge;
  /** May be repeated without harm. */
  recordEvent(organizationId: string, event: UpstreamEvent): Promise<void>;
}

/** Connections that one invocation may have open. https://developers.cloudflare.com/workers/platform/limits/ */
const AT_ONCE = 6;

const RESOLVE_WITHIN = 5 * SECOND;

const EVENTS_AT_A_TIME = 50;

/** How long the database is left alone after it failed to take something. */
const RETRY_AFTER = MINUTE;

/** How much later than it is the time of the last call may be on disk. */
const ACTIVITY_EVERY = 10 * MINUTE;

/**
 * The Durable Object `UpstreamWatch`, one per API: gathers what isolates saw of the API's upstreams and what health
 * checks find, and tells each isolate what all of them know. No call waits for it. What it decided is on disk before it is
 * told, so that a restart neither forgets an open breaker nor gives out a probe too many.
 */
export function upstreamWatchObject(depsOf: (env: Env) => WatchDeps) {
  return class UpstreamWatchObject extends DurableObject<Env> {
    readonly #deps = depsOf(this.env);
    readonly #sql = this.ctx.storage.sql;
    readonly #pace = newPace();
    readonly #notices = newNotices();
    #state = newState();
    /** Events that wait to be told. */
    #untold = 0;
    /** The time of the last call, as it is on disk. */
    #activeOnDisk = 0;
    /** The database is left alone until then. */
    #notBefore = 0;
    /** When the alarm goes off, as far as this instance knows. */
    #alarmAt = NEVER;

    constructor(ctx: DurableObjectState, env: Env) {
      super(ctx, env);
      const stored = readWatch(this.#sql);
      if (!stored) return;
      const { settings, kept, rounds, events } = stored;
      const remembered = [...kept].map(([id, of]) => [id, { kept: of, round: rounds?.upstreams[id] }] as const);
      configure(this.#state, settings, this.#now(), new Map(remembered));
      this.#state.heardAt = rounds?.heardAt ?? 0;
      this.#state.activeAt = rounds?.activeAt ?? this.#now();
      this.#activeOnDisk = this.#state.activeAt;
      this.#untold = events;
    }

    async report(report: Report): Promise<ReportAnswer> {
      const nextInMs = countReport(this.#pace, this.#now());
      return this.#change((draft) => {
        const answer = takeReport(draft, report, nextInMs);
        resumeResolving(draft.state, draft.now);
        return answer;
      });
    }

    async publish(settings: WatchSettings): Promise<void> {
      this.#change((draft) => {
        configure(draft.state, settings, draft.now);
        draft.state.activeAt = draft.now;
      });
    }

    async watched(): Promise<Watched | undefined> {
      return watchedOf(this.#state, this.#now());
    }

    async remove(): Promise<void> {
      this.#state = newState();
      this.#untold = 0;
      this.#alarmAt = NEVER;
      await this.ctx.storage.deleteAlarm();
      await this.ctx.storage.deleteAll();
    }

    override async alarm(): Promise<void> {
      this.#alarmAt = NEVER;
      if (!this.#state.settings) return;
      const done = this.#now() - this.#state.activeAt >= FORGOTTEN_AFTER;
      if (!done) {
        const due = this.#change((draft) => {
          passTime(draft);
          return takeDue(draft.state, draft.now, Math.random);
        });
        await this.#carryOutAll(due);
      }
      await this.#tell();
      if (done && this.#untold === 0) return this.remove();
      if (!this.#state.settings) return;
      this.#writeRounds();
      // What woke it meanwhile is done as well.
      this.#alarmAt = NEVER;
      this.#wake();
    }

    #now(): number {
      return this.#deps.clock().getTime();
    }

    /** Runs a change, writes what it brought, and wakes up in time for what follows from it. */
    #change<T>(run: (draft: Draft) => T): T {
      const before = this.#state.settings;
      const touched = new Set<Upstream>();
      const draft: Draft = { state: this.#state, now: this.#now(), changes: [], touched, newId: newUuid };
      try {
        const result = run(draft);
        const { settings } = this.#state;
        if (settings) this.ctx.storage.transactionSync(() => this.#write(draft, settings, settings !== before));
        this.#wake();
        return result;
      } catch (error) {
        // Memory is ahead of storage and is given up.
        this.ctx.abort('a change of the upstreams failed');
        throw error;
      }
    }

    #write({ changes, touched, now }: Draft, settings: WatchSettings, anew: boolean): void {
      if (anew) {
        createWatchTables(this.#sql);
        writeSettings(this.#sql, settings);
        dropUpstreams(this.#sql, this.#state.upstreams);
      }
      for (const upstream of anew ? this.#state.upstreams.values() : touched) writeUpstream(this.#sql, upstream);
      if (anew || this.#state.activeAt - this.#activeOnDisk >= ACTIVITY_EVERY) this.#writeRounds();
      for (const change of changes) {
        this.#log(settings, change);
        const event = eventOf(this.#notices, settings, change, now, newUuid());
        if (!event) continue;
        addEvent(this.#sql, event);
        this.#untold += 1;
      }
    }

    /** Its id holds its address, which is no matter of the log: it is named by its place in the pool. */
    #log({ organizationId, apiId, pools }: WatchSettings, { change, pool, upstream }: Change): void {
      const place = pools.find(({ name }) => name === pool)?.upstreams.findIndex(({ id }) => id === upstream);
      const fields = { organization_id: organizationId, api_id: apiId, pool, place, change };
      this.#deps.log.info('upstream.changed', fields);
    }

    #writeRounds(): void {
      const { heardAt, activeAt, upstreams } = this.#state;
      this.#activeOnDisk = activeAt;
      const rounds = [...upstreams].map(([id, { round }]) => [id, round] as const);
      writeRounds(this.#sql, { heardAt, activeAt, upstreams: Object.fromEntries(rounds) });
    }

    /** Some at a time; each is taken in as soon as it is done. */
    async #carryOutAll(due: Due[]): Promise<void> {
      const queue = due.values();
      const worker = async () => {
        for (const one of queue) await this.#carryOut(one);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    }

    #carryOut({ kind, upstream }: Due): Promise<void> {
      return kind === 'check' ? this.#check(upstream) : this.#resolve(upstream);
    }

    async #check(upstream: Upstream): Promise<void> {
      const { healthCheck } = upstream.pool;
      if (!healthCheck) return;
      const result = await this.#deps.outbound({
        url: upstream.of.url + healthCheck.path,
        method: 'GET',
        headers: { 'User-Agent': `Weir/${VERSION} (health check)` },
        timeoutMs: healthCheck.timeoutMs,
      });
      const { good, reason } = healthOf(result, healthCheck.expectedStatus);
      this.#change((draft) => takeCheck(draft, upstream, good, reason));
    }

    /** A name that could not be looked up says nothing. */
    async #resolve(upstream: Upstream): Promise<void> {
      try {
        await this.#deps.judge(upstream.of.url, AbortSignal.timeout(RESOLVE_WITHIN));
        this.#change((draft) => takeAddress(draft, upstream, false, ''));
      } catch (error) {
        if (!(error instanceof OutboundRefusal) || error.kind !== 'refused') return;
        this.#change((draft) => takeAddress(draft, upstream, true, error.message));
      }
    }

    /** Tells the organization what changed, in order; what cannot be told now is told later. */
    async #tell(): Promise<void> {
      const organizationId = this.#state.settings?.organizationId;
      if (organizationId === undefined || this.#now() < this.#notBefore) return;
      for (const { seq, event } of readEvents(this.#sql, EVENTS_AT_A_TIME)) {
        try {
          await this.#deps.recordEvent(organizationId, event);
        } catch (error) {
          this.#deps.log.warn('upstream.not_recorded', { error: describeError(error) });
          this.#notBefore = this.#now() + RETRY_AFTER;
          return;
        }
        dropEvent(this.#sql, seq);
        this.#untold -= 1;
      }
    }

    #wake(): void {
      const due = nextDue(this.#state);
      if (due === undefined) return;
      const at = Math.min(due, this.#untold > 0 ? Math.max(this.#now(), this.#notBefore) : NEVER);
      if (at >= this.#alarmAt) return;
      this.#alarmAt = at;
      void this.ctx.storage.setAlarm(at, { allowUnconfirmed: true });
    }
  };
}
