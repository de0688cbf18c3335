import { expect } from 'vitest';
import type { EdgeKey, EdgeLimit } from '../../../src/access/edge.ts';
import type { EdgeState } from '../../../src/quota/edge-state.ts';
import { close } from '../../../src/quota/isolate/cell.ts';
import type { Ask } from '../../../src/quota/isolate/decide.ts';
import { type Drawer, PROTOCOL } from '../../../src/quota/protocol.ts';
import type { Core } from './core.ts';
import { type Giving, type Message, ModelIsolate, type Watcher } from './isolate.ts';
import { ModelObject } from './object.ts';
import { Reference } from './reference.ts';
import { NodeClock, type Time } from './time.ts';

/** What a run begins with. */
export interface Setting {
  limit: number;
  leases: boolean;
  /** How fast the clocks run: the object's, then one of each isolate. */
  rates: readonly number[];
}

const START = Date.UTC(2026, 5, 1);

const key = (hash: string, rateLimitOverride: number | null = null): EdgeKey => ({
  ...{ id: hash, hash, userId: 'u', environment: 'live', type: 'standard', permissions: ['read'], expiresAt: null },
  ...{ ipAllowlist: null, endpoints: null, methods: null, rateLimitOverride },
});

const KEYS = [key('k0'), key('k1'), key('k2', 15)];

export const DRAWERS: readonly Drawer[] = [
  ...KEYS.map(({ hash }) => ({ kind: 'key' as const, hash })),
  { kind: 'user', userId: 'u' },
];

const OWN_LIMIT: EdgeLimit = {
  ...{ id: 'l', name: 'own', scope: 'organization', target: null, limit: 12 },
  ...{ window: 'minute', algorithm: 'fixed_window', burst: null },
};

/** An organization's object, its isolates, what is on its way between them, and the account of it all. */
export class World {
  readonly time: Time = { now: START };
  readonly #core: Core;
  readonly #newId: () => string;
  readonly #rates: readonly number[];
  readonly object: ModelObject;
  readonly reference: Reference;
  readonly isolates: ModelIsolate[];
  readonly messages: Message[] = [];
  /** Whether object and isolates are of one version, which they are not for a moment when one is deployed. */
  isKnownVersion = true;
  /** What can be given back, by whoever was let through. */
  readonly givings: (() => void)[] = [];
  /** Keys that nobody may be let through with any more, by the real time from which that holds. */
  readonly #revoked = new Map<string, number>();
  /** What the object refused to an isolate: units, and the real time for which it may go by that. */
  readonly #refusals = new Map<ModelIsolate, { units: number; until: number }[]>();

  constructor(core: Core, { limit, leases, rates }: Setting) {
    let ids = 0;
    this.#newId = () => `id-${ids++}`;
    this.#core = core;
    this.#rates = rates;
    const edge: EdgeState = {
      ...{ organizationId: 'o', version: 1, deleted: false, limits: [], gateway: 0 },
      plan: { name: 'enterprise', unitsPerHour: limit, leases },
      keys: new Map(KEYS.map((each) => [each.hash, each])),
    };
    this.object = new ModelObject(core, new NodeClock(this.time, rates[0] ?? 1, START), edge, this.#newId);
    this.reference = new Reference(this.object);
    this.isolates = [0, 1, 2].map((index) => this.#isolate(index));
  }

  #isolate(index: number): ModelIsolate {
    const clock = new NodeClock(this.time, this.#rates[index + 1] ?? 1, START + 5_000 * (index - 1));
    return new ModelIsolate(this.#core, clock, this.#watcher, this.#newId);
  }

  readonly #watcher: Watcher = {
    byHop: (operationId) => {
      this.reference.admittedByHop(operationId);
      this.givings.push(() => this.reference.giveBack(operationId));
    },
    byLease: (leaseId, { charge }) => this.reference.admittedByLease(leaseId, charge.units),
    byTrust: ({ drawer }) => {
      const since = drawer.kind === 'key' ? this.#revoked.get(drawer.hash) : undefined;
      expect(since ?? Number.POSITIVE_INFINITY, 'a revoked key is let through nowhere').toBeGreaterThan(this.time.now);
    },
    refusedHere: (isolate, units) => {
      const known = this.#refusals.get(isolate) ?? [];
      const because = known.filter((refusal) => refusal.units <= units && refusal.until >= this.time.now);
      expect(because, 'an isolate refuses only what the object refused').not.toEqual([]);
    },
  };

  request(isolate: ModelIsolate, ask: Ask): Message | undefined {
    const { question, giveBack } = isolate.admit(ask);
    this.#mayGiveBack(giveBack);
    if (question) this.messages.push(question);
    return question;
  }

  report(isolate: ModelIsolate): Message | undefined {
    const question = isolate.report();
    if (question) this.messages.push(question);
    return question;
  }

  /** The question reaches the object, for the first time or once more. */
  arrive(message: Message): void {
    const { isolate, request } = message;
    const protocol = this.isKnownVersion ? PROTOCOL : PROTOCOL + 1;
    message.answer = this.reference.admit(structuredClone({ ...request, protocol }));
    if (message.answer.ok || message.answer.refused !== 'quota') return;
    const refusals = this.#refusals.get(isolate) ?? [];
    const until = this.time.now + message.answer.trusted / isolate.clock.rate + SET_BACK_IN_ALL;
    this.#refusals.set(isolate, [...refusals, { units: request.charge.units, until }]);
  }

  answer(message: Message): void {
    message.isolate.hear(message);
  }

  giveUp(message: Message): void {
    this.#mayGiveBack(message.isolate.giveUp(message));
  }

  /** From a lease only once, as the client has it. */
  #mayGiveBack(giving: Giving | undefined): void {
    if (!giving) return;
    let given = false;
    this.givings.push(() => {
      if (!given) this.reference.unspent(giving.leaseId, giving.take());
      given = true;
    });
  }

  kill(index: number): void {
    const isolate = this.isolates[index];
    if (!isolate) return;
    isolate.isDead = true;
    this.isolates[index] = this.#isolate(index);
  }

  publish(change: Partial<EdgeState>): void {
    const { edge } = this.object;
    const settledIn = this.object.publish({ ...edge, ...change, version: edge.version + 1 });
    for (const { hash } of KEYS) {
      if (this.object.edge.keys.has(hash)) this.#revoked.delete(hash);
      else if (!this.#revoked.has(hash)) {
        this.#revoked.set(hash, this.time.now + settledIn / this.object.clock.rate);
      }
    }
    this.reference.published();
  }

  plan(limit: number, leases: boolean): void {
    this.publish({ plan: { name: 'enterprise', unitsPerHour: limit, leases } });
  }

  /** Revokes the key, or makes it good again. */
  toggleKey(hash: string): void {
    const keys = new Map(this.object.edge.keys);
    const known = KEYS.find((each) => each.hash === hash);
    if (!keys.delete(hash) && known) keys.set(hash, known);
    this.publish({ keys });
  }

  toggleOwnLimit(): void {
    this.publish({ limits: this.object.edge.limits.length === 0 ? [OWN_LIMIT] : [] });
  }

  /** Everybody reports what they hold, and is heard. */
  settle(): void {
    for (const isolate of this.isolates) {
      close(isolate.cell, 'lease');
      close(isolate.cell, 'reserve');
      const message = isolate.tell();
      this.arrive(message);
      this.answer(message);
    }
    this.reference.checkNoLeak((id) =>
      this.isolates.some(({ cell }) => cell.lease?.id === id || cell.reserve?.id === id),
    );
  }
}

/** By how much an isolate's clock is set back in a run at most: the rest of the margin is for its drift. */
export const SET_BACK_IN_ALL = 300;
