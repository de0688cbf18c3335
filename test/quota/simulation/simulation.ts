import { setImmediate as drain } from 'node:timers/promises';
import type { Charge } from '../../../src/access/admission.ts';
import { createQuotaClient, type QuotaClient } from '../../../src/quota/client.ts';
import { type OrganizationObject, organizationObject } from '../../../src/quota/organization.ts';
import type { AdmitRequest } from '../../../src/quota/protocol.ts';
import { WINDOW_MS } from '../../../src/quota/state.ts';
import type { Verdict } from '../../../src/quota/verdict.ts';
import { newCore } from '../model/core.ts';
import { ModelObject } from '../model/object.ts';
import { NodeClock, type Time } from '../model/time.ts';
import { Agenda } from './agenda.ts';
import { Chance } from './chance.ts';
import { Sales } from './sales.ts';

/** A world of fifty isolates, the busiest of which gets fifty times what the idlest does, and their object. */
export interface Scenario {
  /** Units an hour. */
  limit: number;
  /** Units that are asked for, as a multiple of the limit. */
  demand: number;
  isolates: number;
  /** The least number of requests; whole windows are simulated until there are so many. */
  requests: number;
  seed: number;
}

export interface Outcome {
  requests: number;
  /** Calls to the object by admissions, leases and reports. */
  hops: number;
  windows: number;
  /** Units beyond the limit in the worst window. */
  oversold: number;
  /** Part of the limit that was neither granted nor used by what was let through unasked, on average. */
  undersold: number;
  /** Requests that were let through unasked, or refused because of that. */
  degraded: number;
}

const START = Date.UTC(2026, 5, 1);

/** One way, in milliseconds. */
const LATENCY = [5, 60] as const;
const LOST = 0.001;
const ISOLATE_LIFE = 15 * 60_000;
/** Of the calls that reach it, an object breaks down after one in so many, when it has written and not answered. */
const CRASH_EVERY = 20_000;
/** What was decided on the spot is booked within so many milliseconds of simulated time. */
const DRAIN_EVERY = 200;
const ALARM_EVERY = 60_000;

/** Mean cost: 2.1 units. */
const COSTS: readonly { upTo: number; charge: Charge }[] = [
  { upTo: 0.6, charge: { units: 1, tier: 0 } },
  { upTo: 0.85, charge: { units: 2, tier: 1 } },
  { upTo: 0.95, charge: { units: 5, tier: 2 } },
  { upTo: 1, charge: { units: 10, tier: 3 } },
];
const MEAN_COST = 2.1;

interface Node {
  client: QuotaClient;
  clock: NodeClock;
  isDead: boolean;
}

/** The product's client in each isolate and the product's core in the object; time, network and deaths by chance. */
class Simulation {
  readonly #scenario: Scenario;
  readonly #chance: Chance;
  readonly #agenda = new Agenda();
  readonly #time: Time = { now: START };
  readonly #object: ModelObject;
  readonly #nodes: Node[];
  /** Up to which number of a chance each isolate is meant. */
  readonly #shares: number[];
  readonly sales: Sales;
  requests = 0;
  hops = 0;

  constructor(scenario: Scenario) {
    const { limit, isolates, seed } = scenario;
    this.#scenario = scenario;
    this.#chance = new Chance(seed);
    let ids = 0;
    const edge = {
      ...{ organizationId: 'o', version: 1, deleted: false, limits: [], keys: new Map(), gateway: 0 },
      plan: { name: 'enterprise', unitsPerHour: limit, leases: null },
    };
    this.#object = new ModelObject(newCore(), this.#newClock(), edge, () => `lease-${ids++}`);
    this.sales = new Sales(limit, this.#object);
    this.#nodes = Array.from({ length: isolates }, () => this.#newNode());
    const weights = Array.from({ length: isolates }, (_, n) => 1 / (n + 1));
    const total = weights.reduce((a, b) => a + b, 0);
    let sum = 0;
    this.#shares = weights.map((weight) => (sum += weight / total));
  }

  async run(): Promise<Outcome> {
    const { limit, demand, requests } = this.#scenario;
    const every = (WINDOW_MS * MEAN_COST) / (limit * demand);
    // One more than is needed: the last window may not have ended, and only whole ones are judged.
    const windows = Math.max(1, Math.ceil((requests * every) / WINDOW_MS)) + 0.1;
    const end = START + windows * WINDOW_MS;
    this.#repeat(
      () => this.#chance.until(every),
      () => this.#request(),
    );
    this.#repeat(
      () => ALARM_EVERY,
      () => this.#alarm(),
    );
    for (const index of this.#nodes.keys())
      this.#repeat(
        () => this.#chance.until(ISOLATE_LIFE),
        () => this.#replace(index),
      );
    let drainedAt = START;
    for (let next = this.#agenda.next(); next && next.at <= end; next = this.#agenda.next()) {
      this.#time.now = next.at;
      if (!next.run() && next.at < drainedAt + DRAIN_EVERY) continue;
      await drain();
      drainedAt = next.at;
    }
    await drain();
    return { requests: this.requests, hops: this.hops, ...this.sales.outcome(this.#time.now) };
  }

  #repeat(interval: () => number, run: () => void): void {
    this.#agenda.put(this.#time.now + interval(), () => {
      run();
      this.#repeat(interval, run);
      return false;
    });
  }

  /** Up to 1 % too fast or too slow, and up to a minute off. */
  #newClock(): NodeClock {
    const offset = this.#chance.between(-60_000, 60_000);
    return new NodeClock(this.#time, this.#chance.between(0.99, 1.01), this.#time.now + offset);
  }

  #newNode(): Node {
    const clock = this.#newClock();
    const ignore = () => undefined;
    const client = createQuotaClient({
      clock: () => new Date(clock.now()),
      log: { info: ignore, warn: ignore, error: ignore },
      objectOf: () => organizationObject(() => this.#handle(node)),
      publish: () => Promise.reject(new Error('the organization is published')),
      background: (work) => void work.catch(() => undefined),
      shares: true,
      after: (milliseconds, run) => {
        let isOff = false;
        this.#later(node, milliseconds / clock.rate, () => void (isOff || run()));
        return () => {
          isOff = true;
        };
      },
    });
    const node: Node = { client, clock, isDead: false };
    return node;
  }

  /** What an isolate waits for comes, unless it is dead by then. */
  #later(node: Node, delay: number, come: () => void): void {
    this.#agenda.put(this.#time.now + delay, () => {
      if (!node.isDead) come();
      return true;
    });
  }

  #handle(node: Node) {
    const none = () => Promise.reject(new Error('not part of the simulation'));
    return {
      ...{ publish: none, usage: none, giveBack: none, gateway: none },
      admit: (requests: readonly AdmitRequest[]) => this.#call(node, requests),
    };
  }

  #call(node: Node, requests: readonly AdmitRequest[]): ReturnType<OrganizationObject['admit']> {
    this.hops += 1;
    return new Promise((resolve, reject) => {
      if (this.#chance.next() < LOST) return;
      this.#agenda.put(this.#time.now + this.#chance.between(...LATENCY), () => {
        const answers = structuredClone(requests).map((request) => this.#object.admit(request));
        const breaksDown = this.#chance.next() < 1 / CRASH_EVERY;
        if (breaksDown) this.#object.crash();
        const come = () =>
          breaksDown ? reject(Object.assign(new Error('reset'), { retryable: true })) : resolve(answers);
        if (this.#chance.next() >= LOST) this.#later(node, this.#chance.between(...LATENCY), come);
        return false;
      });
    });
  }

  #request(): void {
    this.requests += 1;
    const at = this.#chance.next();
    const node = this.#nodes[this.#shares.findIndex((share) => at < share)] ?? this.#nodes[0];
    const cost = this.#chance.next();
    const charge = COSTS.find(({ upTo }) => cost < upTo)?.charge;
    if (!node || !charge) return;
    const use = { address: undefined, method: 'GET', path: '/' };
    const offset = node.clock.realTime(0);
    const toRealTime = (at: number) => offset + at / node.clock.rate;
    const book = (verdict: Verdict) => this.sales.book(verdict, charge.units, toRealTime);
    void node.client.admit('o', { drawer: { kind: 'user', userId: 'u' }, charge, use }).then(book);
  }

  #alarm(): void {
    this.sales.look();
    this.#object.alarm();
  }

  #replace(index: number): void {
    const node = this.#nodes[index];
    if (node) node.isDead = true;
    this.#nodes[index] = this.#newNode();
  }
}

export const simulate = (scenario: Scenario): Promise<Outcome> => new Simulation(scenario).run();
