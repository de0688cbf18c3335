import fc from 'fast-check';
import { WINDOW_MS } from '../../../src/quota/state.ts';
import { USE } from './isolate.ts';
import { DRAWERS, SET_BACK_IN_ALL, type Setting, type World } from './world.ts';

/** How far a question gets before anything else happens: the rest of its way is a step of its own, or never taken. */
const FATES = ['answered', 'arrived', 'sent', 'repeated', 'answer lost', 'lost'] as const;

const EDGES = ['trust', 'lease', 'reserve', 'refusal', 'window', 'patience'] as const;

/** One thing that may happen; numbers that choose among what there is are taken modulo its count. */
export type Step =
  | { do: 'request'; isolate: number; drawer: number; cost: number; fate: (typeof FATES)[number]; times: number }
  | { do: 'report'; isolate: number; fate: (typeof FATES)[number] }
  | { do: 'arrive' | 'answer' | 'give up'; message: number }
  | { do: 'give back'; which: number; twice: boolean }
  | { do: 'wait'; milliseconds: number }
  | {
      do: 'request at';
      edge: (typeof EDGES)[number];
      delta: number;
      isolate: number;
      drawer: number;
      cost: number;
      /** The key that asks is revoked while the isolate still trusts it. */
      revoked: boolean;
    }
  | { do: 'set back'; node: number; milliseconds: number }
  | { do: 'kill'; isolate: number }
  | { do: 'plan'; limit: number; leases: boolean }
  | { do: 'key'; which: number }
  | { do: 'crash' | 'alarm' | 'own limit' | 'version' | 'settle' };

const COSTS = [
  { units: 0, tier: 0 },
  { units: 1, tier: 0 },
  { units: 2, tier: 1 },
  { units: 5, tier: 2 },
  { units: 10, tier: 3 },
] as const;

const index = fc.nat({ max: 11 });
const cost = fc.nat({ max: 4 });
const fate = fc.oneof(
  { weight: 5, arbitrary: fc.constant('answered' as const) },
  { weight: 3, arbitrary: fc.constantFrom(...FATES) },
);
const limit = fc.constantFrom(5, 20, 40, 100, 400);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constant('request' as const),
      ...{ isolate: index, drawer: index, cost, fate, times: fc.constantFrom(1, 1, 2, 8) },
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('report' as const), isolate: index, fate }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('arrive', 'answer', 'give up' as const), message: index }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('give back' as const), which: index, twice: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      milliseconds: fc.oneof(
        fc.nat({ max: 1_000 }),
        fc.constantFrom(2_000, 5_100, 61_000, 600_000, WINDOW_MS, 3_680_000),
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('request at' as const),
      ...{ edge: fc.constantFrom(...EDGES, 'trust', 'trust'), delta: fc.constantFrom(-1, 0, 1, 60) },
      ...{ isolate: index, drawer: index, cost, revoked: fc.constantFrom(true, false, false) },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('set back' as const), node: index, milliseconds: fc.nat({ max: 200 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), isolate: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('plan' as const), limit, leases: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('key' as const), which: fc.nat({ max: 1 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('crash', 'crash', 'own limit', 'alarm', 'version', 'settle' as const),
    }),
  },
);

/** From 1 % too slow to 1 % too fast. */
const rate = fc.constantFrom(0.99, 0.995, 1, 1.005, 1.01);

export const history: fc.Arbitrary<{ setting: Setting; steps: Step[] }> = fc.record({
  setting: fc.record({
    limit,
    leases: fc.boolean(),
    rates: fc.array(rate, { minLength: 4, maxLength: 4 }),
  }),
  steps: fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }),
});

const at = <T>(items: readonly T[], number: number): T | undefined => items[number % items.length];

/** Takes steps one after the other, and remembers what may not be repeated without bound. */
export class Walk {
  readonly #world: World;
  #setBack = SET_BACK_IN_ALL;

  constructor(world: World) {
    this.#world = world;
  }

  take(step: Step): void {
    const world = this.#world;
    switch (step.do) {
      case 'request':
        for (let n = 0; n < step.times; n++) this.#request(step);
        return;
      case 'report': {
        const isolate = at(world.isolates, step.isolate);
        this.#travel(isolate && world.report(isolate), step.fate);
        return;
      }
      case 'arrive':
      case 'answer':
      case 'give up':
        this.#goOn(step);
        return;
      case 'give back': {
        const giveBack = at(world.givings, step.which);
        giveBack?.();
        if (step.twice) giveBack?.();
        return;
      }
      case 'wait':
        world.time.now += step.milliseconds;
        return;
      case 'request at':
        this.#waitUntil(step);
        this.#request({ ...step, do: 'request', fate: 'answered', times: 1 });
        return;
      case 'set back':
        this.#setClockBack(step.node % 4, step.milliseconds);
        return;
      case 'kill':
        world.kill(step.isolate % 3);
        return;
      default:
        this.#toObject(step);
    }
  }

  #toObject(
    step: Extract<Step, { do: 'plan' | 'key' | 'crash' | 'alarm' | 'own limit' | 'version' | 'settle' }>,
  ): void {
    const world = this.#world;
    if (step.do === 'plan') world.plan(step.limit, step.leases);
    if (step.do === 'key') world.toggleKey(`k${step.which}`);
    if (step.do === 'crash') world.object.crash();
    if (step.do === 'alarm') world.object.alarm();
    if (step.do === 'own limit') world.toggleOwnLimit();
    if (step.do === 'version') world.isKnownVersion = !world.isKnownVersion;
    if (step.do === 'settle') world.settle();
  }

  #request({ isolate: i, drawer: d, cost, fate }: Extract<Step, { do: 'request' }>): void {
    const isolate = at(this.#world.isolates, i);
    const drawer = at(DRAWERS, d);
    const charge = at(COSTS, cost);
    if (isolate && drawer && charge) this.#travel(this.#world.request(isolate, { drawer, charge, use: USE }), fate);
  }

  #travel(message: ReturnType<World['report']>, fate: (typeof FATES)[number]): void {
    if (!message || fate === 'sent') return;
    const world = this.#world;
    if (fate !== 'lost') world.arrive(message);
    if (fate === 'repeated') world.arrive(message);
    if (fate === 'answered' || fate === 'repeated') world.answer(message);
    if (fate === 'answer lost' || fate === 'lost') world.giveUp(message);
  }

  #goOn(step: Extract<Step, { message: number }>): void {
    const world = this.#world;
    // The last ones: most of what is older is over.
    const message = at(world.messages.slice(-4), step.message);
    if (!message) return;
    if (step.do === 'arrive') world.arrive(message);
    else if (step.do === 'answer') world.answer(message);
    else world.giveUp(message);
  }

  #waitUntil({ isolate: i, drawer: d, edge, delta, revoked }: Extract<Step, { do: 'request at' }>): void {
    const { isolates, object, time } = this.#world;
    const isolate = at(isolates, i);
    const drawer = at(DRAWERS, d);
    if (!isolate) return;
    if (revoked && drawer?.kind === 'key' && object.edge.keys.has(drawer.hash)) this.#world.toggleKey(drawer.hash);
    const { cell, clock } = isolate;
    const opened = object.open()?.row.startedAt;
    const until = {
      trust: drawer?.kind === 'key' ? cell.keys.get(drawer.hash)?.trustedUntil : undefined,
      lease: cell.lease?.endsAt,
      reserve: cell.reserve?.endsAt,
      refusal: cell.refusal?.until,
      window: opened && opened + WINDOW_MS,
      patience: cell.askedAt && cell.askedAt + 1_000,
    }[edge];
    if (until !== undefined) time.now += (edge === 'window' ? object.clock : clock).realUntil(until + delta);
  }

  /** The object's clock may jump as it likes; an isolate's within what the margin allows for. */
  #setClockBack(node: number, milliseconds: number): void {
    const { isolates, object } = this.#world;
    if (node === 3) {
      object.clock.setBack(5 * milliseconds);
      return;
    }
    const by = Math.min(milliseconds, this.#setBack);
    this.#setBack -= by;
    at(isolates, node)?.clock.setBack(by);
  }
}
