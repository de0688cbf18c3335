import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { asc, eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { organizations } from '../../src/identity/organizations/table.ts';
import { HOUR } from '../../src/kernel/clock.ts';
import type { Debt } from '../../src/quota/protocol.ts';
import { organizationEvents, usageDrawers, usageWindows } from '../../src/quota/usage/table.ts';
import { auditLogs } from '../../src/telemetry/audit/table.ts';
import { database } from '../support/database.ts';
import { admission, admitOne, edgeKey, snapshotOf, withKey } from '../support/quota.ts';

/** An alarm that is set to a moment in the real past would go off at once. */
const NOW = new Date(Date.now() + HOUR);
const passed = (milliseconds: number) => vi.setSystemTime(new Date(NOW.getTime() + milliseconds));

/** When isolates have told all that they will. */
const SETTLED = HOUR + 70_000;

/** An organization on the starter plan with one key, in Postgres and in its object. */
async function newOrganization() {
  const id = crypto.randomUUID();
  const fields = { name: 'A', slug: id, plan: 'starter', createdAt: NOW, updatedAt: NOW } as const;
  await database()
    .query.insert(organizations)
    .values({ id, ...fields });
  const object = env.ORGANIZATION_QUOTA.getByName(id);
  const plan = { name: 'starter', unitsPerHour: null, leases: null };
  await object.publish(snapshotOf({ organizationId: id, plan, keys: [edgeKey()] }));
  const spend = (units: number, tier: 0 | 1 | 2 | 3 = 0) =>
    admitOne(object, admission(withKey('h1'), { charge: { units, tier } }));
  return { id, object, spend };
}

const windowsOf = (id: string) =>
  database()
    .query.select()
    .from(usageWindows)
    .where(eq(usageWindows.organizationId, id))
    .orderBy(asc(usageWindows.startedAt));

const drawersOf = (id: string) =>
  database().query.select().from(usageDrawers).where(eq(usageDrawers.organizationId, id));

async function eventTypes(id: string): Promise<string[]> {
  const rows = await database()
    .query.select({ type: organizationEvents.type })
    .from(organizationEvents)
    .where(eq(organizationEvents.organizationId, id))
    .orderBy(asc(organizationEvents.id));
  return rows.map(({ type }) => type);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('an hour that is over', () => {
  it('is recorded by the alarm, once, with who used what.', async () => {
    const { id, object, spend } = await newOrganization();
    await spend(1);
    await spend(5, 2);
    await admitOne(object, admission({ kind: 'user', userId: 'u7' }));
    passed(HOUR);
    await runDurableObjectAlarm(object);
    expect(await windowsOf(id)).toEqual([]);
    passed(SETTLED);
    await runDurableObjectAlarm(object);
    await runDurableObjectAlarm(object);
    expect(await windowsOf(id)).toMatchObject([
      { startedAt: NOW, endedAt: new Date(NOW.getTime() + HOUR), units: 7, unitLimit: 100 },
    ]);
    const drawers = (await drawersOf(id)).map(({ drawer, units }) => [drawer, units]);
    expect(new Map(drawers as [string, number][])).toEqual(
      new Map([
        ['key:key_1', 6],
        ['user:u7', 1],
      ]),
    );
  });

  it('is recorded beside the one that follows it, which begins with its own first request.', async () => {
    const { id, object, spend } = await newOrganization();
    await spend(3);
    passed(HOUR + 5_000);
    await spend(4);
    await evictDurableObject(object);
    passed(SETTLED);
    await runDurableObjectAlarm(object);
    expect(await windowsOf(id)).toMatchObject([{ startedAt: NOW, units: 3 }]);
    expect(await object.usage()).toMatchObject({ used: 4, startedAt: NOW.getTime() + HOUR + 5_000 });
    passed(2 * SETTLED);
    await runDurableObjectAlarm(object);
    expect((await windowsOf(id)).map(({ units }) => units)).toEqual([3, 4]);
  });

  it('is told again when the database could not take it.', async () => {
    const { id, object, spend } = await newOrganization();
    await spend(3);
    passed(SETTLED);
    await database().query.execute('alter table usage_windows rename to usage_windows_away');
    await runDurableObjectAlarm(object);
    await database().query.execute('alter table usage_windows_away rename to usage_windows');
    expect(await windowsOf(id)).toEqual([]);
    // The database is left alone for a minute, whatever happens meanwhile.
    await spend(1);
    const alarm = await runInDurableObject(object, (_, { storage }) => storage.getAlarm());
    expect(alarm).toBeGreaterThanOrEqual(NOW.getTime() + SETTLED + 60_000);
    passed(SETTLED + 60_000);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await windowsOf(id)).toMatchObject([{ units: 3 }]);
  });
});

describe('a notice', () => {
  it('is recorded at 80 % and at 100 % of an hour, once each, and again in the next one.', async () => {
    const { id, object, spend } = await newOrganization();
    for (let n = 0; n < 7; n += 1) await spend(10);
    await spend(9);
    await runDurableObjectAlarm(object);
    expect(await eventTypes(id)).toEqual([]);
    await spend(1);
    await runDurableObjectAlarm(object);
    expect(await eventTypes(id)).toEqual(['quota.warning']);
    for (let n = 0; n < 5; n += 1) await spend(5, 2);
    await runDurableObjectAlarm(object);
    await evictDurableObject(object);
    await runDurableObjectAlarm(object);
    expect(await eventTypes(id)).toEqual(['quota.warning', 'quota.exhausted']);
    passed(HOUR);
    for (let n = 0; n < 10; n += 1) await spend(10);
    await runDurableObjectAlarm(object);
    expect(await eventTypes(id)).toEqual(['quota.warning', 'quota.exhausted', 'quota.warning', 'quota.exhausted']);
  });

  it('tells of requests that were let through unasked, in the audit trail too.', async () => {
    const { id, object } = await newOrganization();
    const debt = (operationId: string): Debt => ({
      ...{ operationId, drawer: 'key:key_1', charge: { units: 2, tier: 1 }, at: NOW.getTime() },
    });
    const isolate = { id: 'i1', want: 0, reports: [], debts: [debt('a'), debt('b')] };
    await admitOne(object, admission(withKey('h1'), { isolate }));
    await admitOne(object, admission(withKey('h1'), { isolate }));
    expect(await object.usage()).toMatchObject({ used: 6 });
    await runDurableObjectAlarm(object);
    await runDurableObjectAlarm(object);
    expect(await eventTypes(id)).toEqual(['quota.degraded']);
    const rows = await database().query.select().from(auditLogs).where(eq(auditLogs.organizationId, id));
    expect(rows.map(({ action }) => action)).toEqual(['quota.degraded']);
  });
});

describe('a tier that is not in the plan', () => {
  it('is refused and charges nothing.', async () => {
    const { object, spend } = await newOrganization();
    expect(await spend(10, 3)).toMatchObject({ ok: false, refused: 'tier', by: { id: 'key_1' } });
    expect(await object.usage()).toMatchObject({ used: 0 });
    expect(await spend(5, 2)).toMatchObject({ ok: true });
  });
});
