import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newFeedback } from '../../../scripts/demo/emissions.ts';
import { type Anvil, startAnvil } from '../../../scripts/stack/anvil.ts';
import { emit, installRegistries, REGISTRIES } from '../../../scripts/stack/registries.ts';
import { Chance } from '../../quota/simulation/chance.ts';
import { interrupt, ownEnvironment, type Run, runScript } from '../support/stack.ts';
import { liveAndDie, planKills } from './kills.ts';
import { type Arrival, Receivers } from './receivers.ts';
import { type Recorded, settledRecord } from './record.ts';
import { AGENTS, COUNTING, createTriggers, RECEIVERS, REFUSING, type Sent, TRIGGERS } from './triggers.ts';

/**
 * A stack that is killed at random moments while events come in, and one that reads the same chain afterwards and is left
 * alone. The chain is somebody else's node, and so are the receivers: they live on.
 */
const KILLS = Number(process.env['CHAOS_KILLS'] ?? 20);
const SEED = Number(process.env['CHAOS_SEED'] ?? 1);
const EVENTS = 200;
const OWNER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const SLOWEST_EMISSION_MS = 300;

/** A lease that was lost runs out after a minute, and a refusal may follow it. */
const SETTLED_WITHIN_MS = 240_000;

class OwnStack {
  readonly receivers: Receivers;
  readonly environment: Awaited<ReturnType<typeof ownEnvironment>>;
  readonly variables: Record<string, string>;
  run: Run | undefined;

  private constructor(environment: OwnStack['environment'], rpcUrl: string, seed: number) {
    this.environment = environment;
    this.receivers = new Receivers(REFUSING, new Chance(seed));
    const forChain = { RPC_URL_31337: rpcUrl, CONFIRMATIONS_31337: '2' };
    this.variables = { ...environment.variables, ...forChain, DEFAULT_PLAN: 'enterprise' };
  }

  /** With its triggers, and stopped in good order. */
  static async prepare(rpcUrl: string, seed: number): Promise<OwnStack> {
    const own = new OwnStack(await ownEnvironment(), rpcUrl, seed);
    await own.receivers.start(RECEIVERS);
    await own.start();
    await createTriggers(`http://127.0.0.1:${own.environment.ports.PORT}`, own.receivers);
    await own.stop();
    return own;
  }

  async start(): Promise<void> {
    this.run = runScript('dev', this.variables);
    await this.run.line('ready in');
  }

  async stop(): Promise<void> {
    if (this.run) await interrupt(this.run);
    this.run = undefined;
  }

  /** Runs until everything is settled, and tells what its database holds. */
  async settle(): Promise<Recorded> {
    await this.start();
    const record = await settledRecord(this.environment, { events: EVENTS, withinMs: SETTLED_WITHIN_MS });
    await this.stop();
    return record;
  }

  async remove(): Promise<void> {
    await this.stop();
    this.receivers.stop();
    await this.environment.remove();
  }
}

const sent: Sent[] = [];
let anvil: Anvil;
let killed: OwnStack;
let spared: OwnStack;
let record: Recorded;
let reference: Recorded;

async function send(count: number, chance: Chance): Promise<void> {
  for (let n = 0; n < count; n++) {
    const score = sent.length;
    const agentId = 1 + Math.floor(chance.between(0, AGENTS));
    const { topics, data } = newFeedback(BigInt(agentId), OWNER, BigInt(score), 0);
    sent.push({ transaction: await emit(anvil.url, REGISTRIES.reputation, topics, data), agentId, score });
    await delay(chance.between(0, SLOWEST_EMISSION_MS));
  }
}

beforeAll(async () => {
  anvil = await startAnvil({ blockTime: 1 });
  await installRegistries(anvil.url);
  spared = await OwnStack.prepare(anvil.url, SEED);
  killed = await OwnStack.prepare(anvil.url, SEED + 1);
  const chance = new Chance(SEED);
  const { environment, variables, receivers } = killed;
  for (const [n, kill] of planKills(KILLS, chance).entries()) {
    const due = Math.round(((n + 1) * EVENTS) / KILLS) - sent.length;
    let left = due;
    const emitShare = (share: number) => {
      const count = Math.min(left, Math.ceil(due * share));
      left -= count;
      return send(count, chance);
    };
    await liveAndDie(kill, { dataDir: environment.dataDir, variables, receivers, emit: emitShare });
  }
  record = await killed.settle();
  reference = await spared.settle();
});

afterAll(async () => {
  await killed?.remove();
  await spared?.remove();
  await anvil?.stop();
});

const firesOf = ({ fires }: Recorded, name: string) => fires.filter(({ trigger }) => trigger === name);

const transactionsOf = (items: readonly { transaction: string }[]) => items.map(({ transaction }) => transaction);

/** The deliveries of each receiver, as the database has them. */
const deliveriesTo = (receiver: string) =>
  record.deliveries.filter(({ url }) => url === killed.receivers.urlOf(receiver));

const sorted = (texts: Iterable<string>) => [...texts].sort();

/** A receiver that deduplicates on `webhook-id`: the transactions that it accepts. */
function accept(arrivals: readonly Arrival[]): string[] {
  const known = new Set<string>();
  return arrivals.flatMap(({ id, transaction, accepted }) => {
    if (!accepted || known.has(id)) return [];
    known.add(id);
    return [transaction];
  });
}

describe(`${EVENTS} events and a stack that is killed ${KILLS} times (seed ${SEED})`, () => {
  it('fires a stateless trigger on every event that it should, and on no other.', () => {
    for (const { name, firesOn } of TRIGGERS) {
      if (firesOn) expect(transactionsOf(firesOf(record, name)), name).toEqual(transactionsOf(sent.filter(firesOn)));
    }
  });

  it('fires a stateful trigger on the events on which a run without kills fires it.', () => {
    expect(firesOf(reference, COUNTING).length).toBeGreaterThan(10);
    expect(firesOf(record, COUNTING)).toEqual(firesOf(reference, COUNTING));
  });

  it('records no match twice, and takes none back.', () => {
    const names = record.fires.map(({ trigger, transaction }) => `${trigger} ${transaction}`);
    expect(names).toHaveLength(new Set(names).size);
    expect(record.fires.filter(({ kind }) => kind !== 'fire')).toEqual([]);
  });

  it('records one delivery for each action of a match, and its success once.', () => {
    for (const { name, receivers } of TRIGGERS) {
      const expected = sorted(transactionsOf(firesOf(record, name)));
      for (const receiver of receivers) {
        const deliveries = deliveriesTo(receiver);
        expect(sorted(transactionsOf(deliveries)), receiver).toEqual(expected);
        for (const { status, outcomes } of deliveries) {
          expect(status).toBe('delivered');
          expect(outcomes.filter((outcome) => outcome === 'delivered')).toHaveLength(1);
          expect(outcomes.at(-1)).toBe('delivered');
        }
      }
    }
  });

  it('gives every receiver that deduplicates each of its deliveries once.', () => {
    for (const receiver of RECEIVERS) {
      const arrivals = killed.receivers.arrivals.filter((arrival) => arrival.receiver === receiver);
      expect(sorted(accept(arrivals)), receiver).toEqual(sorted(transactionsOf(deliveriesTo(receiver))));
    }
  });

  it('sends the same delivery whenever it sends a webhook-id again.', () => {
    const known = new Map(record.deliveries.map((delivery) => [delivery.id, delivery]));
    const arrivalsOf = Map.groupBy(killed.receivers.arrivals, ({ id }) => id);
    expect(sorted(arrivalsOf.keys())).toEqual(sorted(known.keys()));
    for (const [id, arrivals] of arrivalsOf) {
      const urls = arrivals.map(({ receiver }) => killed.receivers.urlOf(receiver));
      expect(new Set(urls), id).toEqual(new Set([known.get(id)?.url]));
      expect(new Set(transactionsOf(arrivals)), id).toEqual(new Set([known.get(id)?.transaction]));
      expect(new Set(arrivals.map(({ body }) => body)).size, id).toBe(1);
    }
  });

  it('was hit while it was sending: attempts got lost, and were made again.', () => {
    const lost = record.deliveries.filter(({ outcomes }) => outcomes.includes('unknown'));
    expect(lost.length).toBeGreaterThan(0);
    const twice = [...Map.groupBy(killed.receivers.arrivals, ({ id }) => id).values()].filter(
      (arrivals) => arrivals.filter(({ accepted }) => accepted).length > 1,
    );
    expect(twice.length).toBeGreaterThan(0);
  });
});
