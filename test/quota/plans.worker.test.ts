import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { Charge } from '../../src/access/admission.ts';
import type { EdgePlan } from '../../src/access/edge.ts';
import { HOUR } from '../../src/kernel/clock.ts';
import type { OrganizationObject } from '../../src/quota/organization.ts';
import { type AdmitAnswer, PROTOCOL } from '../../src/quota/protocol.ts';
import { admitOne } from '../support/quota.ts';

/** The plan arithmetic of the product's public description, on the object itself by RPC. */
const TIER_0: Charge = { units: 1, tier: 0 };
const TIER_1: Charge = { units: 2, tier: 1 };
const TIER_2: Charge = { units: 5, tier: 2 };
const TIER_3: Charge = { units: 10, tier: 3 };

const STARTER: EdgePlan = { name: 'starter', unitsPerHour: null, leases: null };
/** As many units, with the tier that the starter plan lacks. */
const HUNDRED_OF_ANY_TIER: EdgePlan = { name: 'enterprise', unitsPerHour: 100, leases: null };

async function newOrganization(plan: EdgePlan) {
  const organizationId = crypto.randomUUID();
  const stub = env.ORGANIZATION_QUOTA.getByName(organizationId);
  // The types of RPC make lists of tuples; what travels is what the object answered.
  const object = stub as unknown as OrganizationObject;
  await object.publish({ organizationId, version: 1, deleted: false, plan, keys: [], limits: [] });
  const admit = (charge: Charge, operationId: string = crypto.randomUUID()): Promise<AdmitAnswer> =>
    admitOne(object, {
      ...{ protocol: PROTOCOL, operationId, charge, drawer: { kind: 'user', userId: 'u' } },
      use: { address: undefined, method: 'GET', path: '/' },
      isolate: { id: 'i', want: 0, reports: [], debts: [] },
    });
  return { stub, object, admit };
}

const times = (count: number, charge: Charge): Charge[] => Array<Charge>(count).fill(charge);

const SPENDINGS: [string, EdgePlan, Charge[]][] = [
  ['100 requests of tier 0', STARTER, times(100, TIER_0)],
  ['50 requests of tier 1', STARTER, times(50, TIER_1)],
  ['20 requests of tier 2', STARTER, times(20, TIER_2)],
  ['10 requests of tier 3', HUNDRED_OF_ANY_TIER, times(10, TIER_3)],
  [
    '40 requests of tier 0, 20 of tier 1 and 4 of tier 2',
    STARTER,
    [...times(40, TIER_0), ...times(20, TIER_1), ...times(4, TIER_2)],
  ],
];

describe('an organization with 100 units an hour', () => {
  it.each(SPENDINGS)(
    'spends them exactly on %s, and the next request is refused until the window ends.',
    async (_, plan, charges) => {
      const { object, admit } = await newOrganization(plan);
      let left = 100;
      for (const charge of charges) {
        left -= charge.units;
        expect(await admit(charge)).toMatchObject({
          ok: true,
          limits: [{ name: 'hour', limit: 100, remaining: left }],
        });
      }
      expect(left).toBe(0);
      const usage = await object.usage();
      expect(usage).toMatchObject({ limit: 100, used: 100, remaining: 0 });
      const refusal = await admit(TIER_0);
      expect(refusal).toMatchObject({
        ok: false,
        refused: 'quota',
        refusedBy: 0,
        limits: [{ name: 'hour', remaining: 0 }],
      });
      if (refusal.ok || refusal.refused !== 'quota') throw new Error('it was not refused for want of units');
      expect(refusal.retryIn).toBe(refusal.window.endsIn);
      expect(refusal.limits[0].resetAt).toBe((usage?.startedAt ?? 0) + HOUR);
      expect(refusal.retryIn).toBeLessThanOrEqual(HOUR);
      expect(await object.usage()).toEqual(usage);
    },
  );

  it('is refused a tier that its plan does not have, and charged nothing for asking.', async () => {
    const { object, admit } = await newOrganization(STARTER);
    expect(await admit(TIER_3)).toEqual({ ok: false, refused: 'tier' });
    expect(await object.usage()).toMatchObject({ used: 0, remaining: 100 });
  });

  it('is refused what costs more than is left, and may still spend what is left.', async () => {
    const { admit } = await newOrganization(STARTER);
    for (const charge of times(19, TIER_2)) await admit(charge);
    for (const charge of times(2, TIER_1)) await admit(charge);
    expect(await admit(TIER_1)).toMatchObject({ ok: false, refused: 'quota', limits: [{ remaining: 1 }] });
    expect(await admit(TIER_0)).toMatchObject({ ok: true, limits: [{ remaining: 0 }] });
  });

  it('goes on where it was when its object is evicted.', async () => {
    const { stub, object, admit } = await newOrganization(STARTER);
    for (const charge of times(30, TIER_1)) await admit(charge);
    const before = await object.usage();
    await evictDurableObject(stub);
    expect(await object.usage()).toEqual(before);
    expect(await admit(TIER_2)).toMatchObject({ ok: true, limits: [{ remaining: 35 }] });
  });

  it('is charged once for a call that is repeated, also after an eviction.', async () => {
    const { stub, object, admit } = await newOrganization(STARTER);
    const operationId = crypto.randomUUID();
    expect(await admit(TIER_2, operationId)).toMatchObject({ ok: true, limits: [{ remaining: 95 }] });
    expect(await admit(TIER_2, operationId)).toMatchObject({ ok: true, limits: [{ remaining: 95 }] });
    await evictDurableObject(stub);
    expect(await admit(TIER_2, operationId)).toMatchObject({ ok: true, limits: [{ remaining: 95 }] });
    expect(await object.usage()).toMatchObject({ used: 5, calls: [0, 0, 1, 0] });
  });

  it('is given back a request once, whenever that is asked for.', async () => {
    const { stub, object, admit } = await newOrganization(STARTER);
    const operationId = crypto.randomUUID();
    await admit(TIER_2, operationId);
    await admit(TIER_0);
    await object.giveBack(operationId);
    await evictDurableObject(stub);
    await object.giveBack(operationId);
    expect(await object.usage()).toMatchObject({ used: 1, calls: [1, 0, 0, 0] });
  });

  it('gets exactly 100 units when 500 requests come at once.', async () => {
    const { object, admit } = await newOrganization(STARTER);
    const charges = Array.from({ length: 500 }, (_, n) => [TIER_0, TIER_1, TIER_2][n % 3] ?? TIER_0);
    const answers = await Promise.all(charges.map((charge) => admit(charge)));
    const granted = charges.reduce((sum, { units }, n) => sum + (answers[n]?.ok ? units : 0), 0);
    expect(granted).toBe(100);
    expect(await object.usage()).toMatchObject({ used: 100, remaining: 0 });
  });
});
