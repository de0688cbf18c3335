import { DurableObject } from 'cloudflare:workers';
import type { EdgeSnapshot } from '../access/edge.ts';
import { type Clock, MINUTE } from '../kernel/clock.ts';
import { describeError } from '../kernel/errors.ts';
import { newUuid } from '../kernel/id.ts';
import type { Logger } from '../telemetry/log.ts';
import { admit } from './admit.ts';
import { dropCounters } from './counters.ts';
import { dueTasks, nextDue, type Task, taskDone } from './due.ts';
import { bringsGateway, changesBetween, type EdgeState, isNewer, stateOf, takesAway } from './edge-state.ts';
import { readEdge, readGateway, writeEdge, writeGateway } from './edge-store.ts';
import { usage } from './figures.ts';
import { giveBack } from './give-back.ts';
import { type KeyUses, UseNotes } from './key-uses.ts';
import type { AdmitAnswer, AdmitRequest, GatewayAnswer, PublishAnswer, UsageAnswer } from './protocol.ts';
import { createQuotaTables, readQuota, writeQuota } from './quota-store.ts';
import type { Change } from './rows.ts';
import { type Draft, type QuotaState, stateFrom } from './state.ts';
import { endOfTrust, trustAnew } from './trust.ts';
import type { ClosedWindow, QuotaEvent } from './usage/window.ts';

export interface QuotaDeps {
  clock: Clock;
  log: Logger;
  /** Each of these may be repeated without harm. */
  recordUses(organizationId: string, uses: KeyUses): Promise<void>;
  recordWindow(organizationId: string, window: ClosedWindow): Promise<void>;
  recordEvent(organizationId: string, event: QuotaEvent): Promise<void>;
}

/** How long the database is left alone after it failed to take something. */
const RETRY_AFTER = MINUTE;

/**
 * The Durable Object `OrganizationQuota`, one per organization, named by its id: holds what was published of the
 * organization and what it has used, and decides each request by both. What was decided is written before it is
 * answered, in one go, so that neither a restart nor a repeated call grants anything twice. While one write is on its way
 * to disk, what is decided gathers for the next: a write costs more than all decisions that go into it.
 */
export function organizationQuotaObject(depsOf: (env: Env) => QuotaDeps) {
  return class OrganizationQuotaObject extends DurableObject<Env> {
    readonly #deps = depsOf(this.env);
    readonly #sql = this.ctx.storage.sql;
    #edge: EdgeState | undefined = readEdge(this.#sql);
    readonly #quota: QuotaState = this.#edge ? readQuota(this.#sql) : stateFrom([]);
    readonly #uses = new UseNotes(this.#sql, this.#edge !== undefined);
    /** When nobody acts any more on what the last publication took away. */
    #settledAt = 0;
    /** When the alarm goes off, as far as this instance knows. */
    #alarmAt = Number.POSITIVE_INFINITY;
    /** The database is left alone until then. */
    #notBefore = 0;
    /** Decided and not written yet. */
    #unwritten: Change[] = [];
    /** The last write that has begun, and the one that waits for it. */
    #writing: Promise<void> | undefined;
    #nextWrite: Promise<void> | undefined;

    constructor(ctx: DurableObjectState, env: Env) {
      super(ctx, env);
      if (!this.#edge) return;
      trustAnew(this.#quota, this.#now());
      this.#settledAt = endOfTrust(this.#quota);
    }

    /** Takes the snapshot over unless it knows a newer one. */
    async publish(snapshot: EdgeSnapshot): Promise<PublishAnswer> {
      if (isNewer(snapshot, this.#edge)) {
        const next = stateOf(snapshot, this.#edge?.gateway);
        const parts = bringsGateway(snapshot, this.#edge) ? snapshot.gateway?.parts : undefined;
        const changes = changesBetween(this.#edge, next);
        this.ctx.storage.transactionSync(() => {
          writeEdge(this.#sql, next, changes);
          if (next.deleted) writeGateway(this.#sql, []);
          else if (parts) writeGateway(this.#sql, parts);
          createQuotaTables(this.#sql);
        });
        if (takesAway(this.#edge, next)) this.#settledAt = endOfTrust(this.#quota);
        this.#edge = next;
      }
      // What was decided before is answered before.
      await this.#written();
      const { version = 0, gateway = 0 } = this.#edge ?? {};
      return { version, gateway, settledIn: Math.max(0, this.#settledAt - this.#now()) };
    }

    /** Decides requests one after the other; the answers are true of the moment in which they are given. */
    async admit(requests: readonly AdmitRequest[]): Promise<AdmitAnswer[]> {
      const answers = this.#change((draft) => requests.map((request) => admit(this.#edge, draft, request, newUuid)));
      if (this.#edge) this.#noteUses(answers, requests);
      await this.#written();
      return answers;
    }

    /** What the data plane is told, for an isolate that knows nothing or less. */
    async gateway(known: number): Promise<GatewayAnswer | undefined> {
      const version = this.#edge?.gateway;
      return version === undefined ? undefined : { version, parts: version > known ? readGateway(this.#sql) : null };
    }

    /** Gives back what the request was charged. */
    async giveBack(operationId: string): Promise<void> {
      this.#change((draft) => giveBack(this.#edge, draft, operationId));
      await this.#written();
    }

    /** What was used of the open window; nothing when the organization was never published. */
    async usage(): Promise<UsageAnswer | undefined> {
      return this.#edge && usage(this.#edge, this.#quota, this.#now());
    }

    /** Tells the database what it does not know yet. */
    override async alarm(): Promise<void> {
      this.#alarmAt = Number.POSITIVE_INFINITY;
      const edge = this.#edge;
      if (!edge) return;
      await this.#written();
      const { organizationId } = edge;
      const uses = this.#uses.all();
      const done = [
        await this.#record(
          () => this.#deps.recordUses(organizationId, uses),
          () => this.#uses.forget(uses),
        ),
      ];
      for (const task of dueTasks(this.#quota, this.#now())) {
        done.push(
          await this.#record(
            () => this.#tell(organizationId, task),
            () => this.#change((draft) => taskDone(draft, task)),
          ),
        );
      }
      this.#notBefore = done.includes(false) ? this.#now() + RETRY_AFTER : 0;
      this.#change((draft) => dropCounters(edge, draft));
      await this.#written();
    }

    #now(): number {
      return this.#deps.clock().getTime();
    }

    #tell(organizationId: string, task: Task): Promise<void> {
      if (task.kind === 'window') return this.#deps.recordWindow(organizationId, task.window);
      return this.#deps.recordEvent(organizationId, task.event);
    }

    async #record(tell: () => Promise<void>, then: () => void): Promise<boolean> {
      try {
        await tell();
      } catch (error) {
        this.#deps.log.warn('quota.not_recorded', { error: describeError(error) });
        return false;
      }
      then();
      return true;
    }

    #noteUses(answers: readonly AdmitAnswer[], requests: readonly AdmitRequest[]): void {
      const now = this.#now();
      for (const answer of answers) if ('key' in answer && answer.key) this.#uses.note(answer.key.id, now);
      for (const { drawer } of requests.flatMap(({ isolate }) => isolate.reports).flatMap(({ spent }) => spent)) {
        if (drawer.startsWith('key:')) this.#uses.note(drawer.slice('key:'.length), now);
      }
      this.#wake();
    }

    /** Runs a change of the quota, to be written. When that fails, memory is ahead of storage and is given up. */
    #change<T>(run: (draft: Draft) => T): T {
      return this.#orGiveUp(() => {
        const draft: Draft = { state: this.#quota, now: this.#now(), changes: this.#unwritten };
        const result = run(draft);
        this.#wake();
        return result;
      });
    }

    /** Settles when everything that was decided so far is on disk. */
    #written(): Promise<void> | undefined {
      if (this.#unwritten.length > 0) this.#nextWrite ??= this.#write(this.#writing);
      return this.#nextWrite ?? this.#writing;
    }

    async #write(previous: Promise<void> | undefined): Promise<void> {
      await previous;
      this.#writing = this.#nextWrite;
      this.#nextWrite = undefined;
      const changes = this.#unwritten;
      this.#unwritten = [];
      this.#orGiveUp(() => this.ctx.storage.transactionSync(() => writeQuota(this.#sql, this.#quota, changes)));
      await this.ctx.storage.sync();
    }

    #orGiveUp<T>(work: () => T): T {
      try {
        return work();
      } catch (error) {
        this.ctx.abort('a change of the quota failed');
        throw error;
      }
    }

    /** Sets the alarm to when there is something to tell the database. */
    #wake(): void {
      const times = [nextDue(this.#quota, this.#now()), this.#uses.dueAt].filter((at) => at !== undefined);
      const at = Math.max(Math.min(...times), this.#notBefore);
      if (times.length === 0 || at >= this.#alarmAt) return;
      this.#alarmAt = at;
      void this.ctx.storage.setAlarm(at, { allowUnconfirmed: true });
    }
  };
}
