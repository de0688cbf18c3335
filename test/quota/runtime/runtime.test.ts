import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Charge } from '../../../src/access/admission.ts';
import { PROTOCOL } from '../../../src/quota/protocol.ts';
import { type Fleet, startFleet } from './fleet.ts';

/**
 * The product's client and object in the real runtime: each gateway is an isolate of its own, the objects keep their
 * SQLite on disk. The slow suites ask for all twenty organizations.
 */
const ORGANIZATIONS = Number(process.env['QUOTA_ORGANIZATIONS'] ?? 4);
const GATEWAYS = 4;
const HOP_LIMIT = 500;
const LEASE_LIMIT = 10_000;

/** Of ten requests: a mean of 2.5 units. */
const MIX: readonly Charge[] = [
  ...Array<Charge>(5).fill({ units: 1, tier: 0 }),
  ...Array<Charge>(3).fill({ units: 2, tier: 1 }),
  { units: 5, tier: 2 },
  { units: 10, tier: 3 },
];
const ONE: Charge = { units: 1, tier: 0 };

const batchOf = (size: number): Charge[] => Array.from({ length: size }, (_, n) => MIX[(7 * n) % MIX.length] ?? ONE);

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(GATEWAYS);
});
afterAll(() => fleet.stop());

async function newOrganization(unitsPerHour: number): Promise<string> {
  const organizationId = crypto.randomUUID();
  await fleet.publish(organizationId, { name: 'enterprise', unitsPerHour, leases: null });
  return organizationId;
}

interface Sum {
  requests: number;
  granted: number;
  refused: number;
}

/** Has a gateway decide these; anything but a grant or a refusal is a failure. */
async function spend(gateway: number, organizationId: string, charges: Charge[]): Promise<Sum> {
  const { outcomes } = await fleet.admit(gateway, organizationId, charges);
  const sum: Sum = { requests: outcomes.length, granted: 0, refused: 0 };
  for (const [n, outcome] of outcomes.entries()) {
    expect(['granted', 'refused']).toContain(outcome);
    if (outcome === 'granted') sum.granted += charges[n]?.units ?? 0;
    else sum.refused += 1;
  }
  return sum;
}

/** Every gateway at once, so many batches of each. */
async function fromEverywhere(organizationId: string, batches: number, charges: Charge[]): Promise<Sum> {
  const gateways = Array.from({ length: batches * GATEWAYS }, (_, n) => n % GATEWAYS);
  const sums = await Promise.all(gateways.map((gateway) => spend(gateway, organizationId, charges)));
  return sums.reduce((a, b) => ({
    requests: a.requests + b.requests,
    granted: a.granted + b.granted,
    refused: a.refused + b.refused,
  }));
}

/** Asks for one unit at a time until every gateway was refused and the object has nothing left. */
async function exhaust(organizationId: string): Promise<number> {
  let granted = 0;
  for (;;) {
    granted += (await fromEverywhere(organizationId, 1, Array<Charge>(50).fill(ONE))).granted;
    const { remaining } = await fleet.usage(organizationId);
    if (remaining === 0) return granted;
  }
}

const newOrganizations = (unitsPerHour: number) =>
  Promise.all(Array.from({ length: ORGANIZATIONS }, () => newOrganization(unitsPerHour)));

describe('several isolates and the object of each organization', () => {
  it('grant exactly the limit where every request is asked for', { timeout: 120_000 }, async () => {
    const organizations = await newOrganizations(HOP_LIMIT);
    const sums = await Promise.all(
      organizations.map(async (id) => {
        const mixed = await fromEverywhere(id, 5, batchOf(26));
        return { requests: mixed.requests, granted: mixed.granted + (await exhaust(id)), refused: mixed.refused };
      }),
    );
    expect(sums.map(({ granted }) => granted)).toEqual(organizations.map(() => HOP_LIMIT));
    expect(sums.reduce((total, { requests }) => total + requests, 0)).toBeGreaterThanOrEqual(500 * ORGANIZATIONS);
    expect(sums.every(({ refused }) => refused > 0)).toBe(true);
  });

  it('grant exactly the limit where units are leased, once the leases have ended', { timeout: 120_000 }, async () => {
    const organizations = await newOrganizations(LEASE_LIMIT);
    const hops = async () => {
      const answers = await Promise.all(
        [0, 1, 2, 3].map((gateway) => fleet.admit(gateway, organizations[0] ?? '', [])),
      );
      return answers.reduce((sum, answer) => sum + answer.hops, 0);
    };
    const before = await hops();
    const busy = await Promise.all(organizations.map((id) => fromEverywhere(id, 5, batchOf(150))));
    const requests = busy.reduce((sum, each) => sum + each.requests, 0);
    expect((await hops()) - before).toBeLessThan(requests / 4);
    const rest = await Promise.all(organizations.map((id) => exhaust(id)));
    expect(busy.map(({ granted }, n) => granted + (rest[n] ?? 0))).toEqual(organizations.map(() => LEASE_LIMIT));
  });
});

describe('a runtime that is killed in the middle of a window', () => {
  it('goes on counting and grants nothing twice', { timeout: 60_000 }, async () => {
    const organizationId = await newOrganization(HOP_LIMIT);
    const before = await fromEverywhere(organizationId, 1, batchOf(20));
    const operationId = crypto.randomUUID();
    const once = {
      ...{ protocol: PROTOCOL, operationId, charge: { units: 7, tier: 0 }, drawer: { kind: 'user', userId: 'u' } },
      use: { address: undefined, method: 'GET', path: '/' },
      isolate: { id: 'i', want: 0, reports: [], debts: [] },
    };
    expect(await fleet.tell('/admit', organizationId, [once])).toMatchObject([{ ok: true }]);
    const inFlight = Array.from({ length: 40 }, (_, n) =>
      fleet.admit(n % GATEWAYS, organizationId, [ONE]).then(
        ({ outcomes }) => Number(outcomes[0] === 'granted'),
        () => 0,
      ),
    );
    await fleet.crash();
    const heard = (await Promise.all(inFlight)).reduce((sum, granted) => sum + granted, 0);
    const charged = before.granted + 7;
    const { used, startedAt } = await fleet.usage(organizationId);
    expect(used).toBeGreaterThanOrEqual(charged + heard);
    expect(used).toBeLessThanOrEqual(charged + inFlight.length);
    expect(await fleet.tell('/admit', organizationId, [once])).toMatchObject([{ ok: true, window: { startedAt } }]);
    expect((await fleet.usage(organizationId)).used).toBe(used);
    expect(await exhaust(organizationId)).toBe(HOP_LIMIT - used);
  });
});

describe('an object that hangs', () => {
  it('lets requests through degraded meanwhile, and is asked again when it answers', {
    timeout: 60_000,
  }, async () => {
    const organizationId = await newOrganization(HOP_LIMIT);
    expect(await fleet.admit(0, organizationId, [ONE])).toMatchObject({ outcomes: ['granted'] });
    await fleet.tell('/shut', organizationId);
    const { outcomes } = await fleet.admit(0, organizationId, Array<Charge>(12).fill(ONE));
    // Answered while the object is still shut: the first waits in vain, the isolate's own small limit is ten a minute.
    expect(outcomes).toEqual([...Array(10).fill('degraded'), 'refused', 'refused']);
    await fleet.tell('/open', organizationId);
    let last: string | undefined;
    do last = (await fleet.admit(0, organizationId, [ONE])).outcomes[0];
    while (last !== 'granted');
    // The one that waited was charged when the object went on, the other nine when they were told of, and each once.
    expect(await fleet.usage(organizationId)).toMatchObject({ used: 12 });
  });
});
