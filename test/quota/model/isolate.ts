import { drawerName } from '../../../src/quota/drawer.ts';
import { type Cell, closeEnded, isLow, newCell } from '../../../src/quota/isolate/cell.ts';
import { type Ask, recentKey, refusalFor } from '../../../src/quota/isolate/decide.ts';
import type { Question } from '../../../src/quota/isolate/exchange.ts';
import { spendFallback } from '../../../src/quota/isolate/fallback.ts';
import { countIn } from '../../../src/quota/isolate/pace.ts';
import { type AdmitAnswer, type AdmitRequest, PROTOCOL } from '../../../src/quota/protocol.ts';
import type { Core } from './core.ts';
import type { NodeClock } from './time.ts';

/** As long as the client waits for the object, and leaves it alone after it waited in vain. */
const PATIENCE = 1_000;
const BROKEN_FOR = 1_000;

/** A question on its way, or its answer on the way back. */
export interface Message {
  isolate: ModelIsolate;
  ask: Ask;
  request: AdmitRequest;
  question: Question;
  answer: AdmitAnswer | undefined;
  /** The isolate has taken the answer in, or waits no more. */
  over: boolean;
}

/** What was spent of a lease and may be given back. */
export interface Giving {
  leaseId: string;
  /** Does it, and says how many units came back. */
  take(): number;
}

/** What an isolate lets through or refuses, for whoever keeps the account. */
export interface Watcher {
  byHop(operationId: string): void;
  byLease(leaseId: string, ask: Ask): void;
  byTrust(ask: Ask): void;
  refusedHere(isolate: ModelIsolate, units: number): void;
}

const NOTHING = { units: 0, tier: 0 } as const;
export const USE = { address: undefined, method: 'GET', path: '/' };

/** One isolate's side as the client runs it, but for promises: each step of a question is taken when the model says so. */
export class ModelIsolate {
  readonly #core: Core;
  readonly #newId: () => string;
  readonly #watcher: Watcher;
  readonly id: string;
  readonly clock: NodeClock;
  readonly cell: Cell = newCell();
  isDead = false;

  constructor(core: Core, clock: NodeClock, watcher: Watcher, newId: () => string) {
    this.#core = core;
    this.#newId = newId;
    this.#watcher = watcher;
    this.id = newId();
    this.clock = clock;
  }

  /** Decides a request here, or puts a question; also one for the next lease when this one runs low. */
  admit(ask: Ask): { question: Message | undefined; giveBack: Giving | undefined } {
    const { cell } = this;
    const now = this.clock.now();
    cell.pace = countIn(cell.pace, ask.charge.units, now);
    const decision = this.#core.decideHere(cell, ask, now);
    if (decision) {
      if (!decision.ok) {
        if ('limits' in decision) this.#watcher.refusedHere(this, ask.charge.units);
        return { question: undefined, giveBack: undefined };
      }
      if (ask.drawer.kind === 'key') this.#watcher.byTrust(ask);
      const giveBack = decision.from && this.#spent(decision.from, ask);
      const low = isLow(cell, now) && cell.askedAt === undefined;
      return { question: low ? this.ask({ ...ask, charge: NOTHING }) : undefined, giveBack };
    }
    if (now < cell.brokenUntil) return { question: undefined, giveBack: this.#degraded(ask, this.#newId()) };
    return { question: this.ask(ask), giveBack: undefined };
  }

  ask(ask: Ask, news = this.#core.newsOf): Message {
    const askedAt = this.clock.now();
    const told = news(this.cell, this.id, askedAt, PATIENCE);
    const hash = ask.drawer.kind === 'key' ? ask.drawer.hash : undefined;
    const operationId = this.#newId();
    const request = { protocol: PROTOCOL, operationId, ...ask, isolate: told };
    const question = { hash, units: ask.charge.units, told, askedAt };
    return { isolate: this, ask, request, question, answer: undefined, over: false };
  }

  /** Tells of leases that ended, if there are any to tell of. */
  report(): Message | undefined {
    closeEnded(this.cell, this.clock.now());
    if (this.cell.reports.length === 0) return undefined;
    return this.tell();
  }

  tell(): Message {
    return this.ask({ drawer: { kind: 'anonymous' }, charge: NOTHING, use: USE }, this.#core.reportsOf);
  }

  hear(message: Message): void {
    if (this.isDead || message.over || !message.answer) return;
    if (this.clock.now() >= message.question.askedAt + PATIENCE) {
      this.giveUp(message);
      return;
    }
    message.over = true;
    this.#core.absorb(this.cell, message.question, message.answer);
    if (message.answer.ok) this.#watcher.byHop(message.request.operationId);
  }

  /** Waits no more. What can be let through unasked is. */
  giveUp(message: Message): Giving | undefined {
    if (this.isDead || message.over) return undefined;
    message.over = true;
    this.cell.brokenUntil = this.clock.now() + BROKEN_FOR;
    this.cell.askedAt = undefined;
    if (message.ask.charge.units === 0) return undefined;
    return this.#degraded(message.ask, message.request.operationId);
  }

  #degraded(ask: Ask, operationId: string): Giving | undefined {
    const { cell } = this;
    const at = this.clock.now();
    const verified = recentKey(cell, ask.drawer, at);
    if ((ask.drawer.kind === 'key' && !verified) || refusalFor(verified, ask, at)) return undefined;
    const reserved = this.#core.decideFromReserve(cell, ask, at);
    if (reserved?.ok) return reserved.from && this.#spent(reserved.from, ask);
    const { allowed } = spendFallback(cell, ask.charge.units, at);
    if (!allowed || ask.charge.units === 0) return undefined;
    cell.debts.push({ operationId, drawer: drawerName(ask.drawer, verified?.key), charge: ask.charge, at });
    return undefined;
  }

  /** Books what came out of a lease; tells how much came back when it is given back. */
  #spent({ leaseId, drawer }: { leaseId: string; drawer: string }, ask: Ask): Giving {
    this.#watcher.byLease(leaseId, ask);
    const leftNow = () => (this.cell.lease?.left ?? 0) + (this.cell.reserve?.left ?? 0);
    const take = () => {
      const before = leftNow();
      this.#core.unspend(this.cell, leaseId, drawer, ask.charge, this.clock.now());
      return leftNow() - before;
    };
    return { leaseId, take };
  }
}
