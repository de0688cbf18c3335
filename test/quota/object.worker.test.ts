import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EdgeGateway, EdgeKey } from '../../src/access/edge.ts';
import { apiKeys } from '../../src/identity/api-keys/table.ts';
import { HOUR, MINUTE } from '../../src/kernel/clock.ts';
import { sha256Hex } from '../../src/kernel/crypto.ts';
import { manyKeys } from '../identity/api-keys-fixture.ts';
import { type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import { admission, admitOne, edgeKey, snapshotOf, withKey } from '../support/quota.ts';

/** An alarm that is set to a moment in the real past would go off at once. */
const NOW = new Date(Date.now() + HOUR);
const plus = (ms: number) => new Date(NOW.getTime() + ms);

const objectOf = (organizationId: string) => env.ORGANIZATION_QUOTA.getByName(organizationId);

const named = (id: string, hash: string): EdgeKey => edgeKey({ id, hash });

/** What the object says of a key, on a request that is not metered. */
const asked = (hash: string, address?: string) =>
  admission(withKey(hash), { charge: { units: 0, tier: 0 }, use: { address, method: 'GET', path: '/' } });

const newObject = () => {
  const organizationId = crypto.randomUUID();
  const object = objectOf(organizationId);
  const publish = async (version: number, keys: EdgeKey[]) =>
    (await object.publish(snapshotOf({ organizationId, version, keys }))).version;
  return { object, publish };
};

const UNKNOWN = { ok: false, refused: 'unknown' };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the object of an organization', () => {
  it('writes nothing until something is published to it.', async () => {
    const { object } = newObject();
    expect(await admitOne(object, asked('h'))).toEqual({ ok: false, refused: 'unpublished' });
    await object.giveBack(crypto.randomUUID());
    expect(await object.usage()).toBeUndefined();
    await runInDurableObject(object, async (_, { storage }) => {
      expect(
        storage.sql.exec("select name from sqlite_master where name not like '\\_cf%' escape '\\'").toArray(),
      ).toEqual([]);
      expect(await storage.list()).toEqual(new Map());
      expect(await storage.getAlarm()).toBeNull();
    });
  });

  it('answers each publication with the version that it holds, and keeps the newest whatever their order.', async () => {
    const { object, publish } = newObject();
    const [one, two] = [named('k1', 'h1'), named('k2', 'h2')];
    expect(await publish(2, [two])).toBe(2);
    expect(await publish(1, [one])).toBe(2);
    expect(await publish(2, [one])).toBe(2);
    expect(await admitOne(object, asked('h1'))).toEqual(UNKNOWN);
    expect(await admitOne(object, asked('h2'))).toMatchObject({ ok: true, key: { id: 'k2' } });
  });

  it('remembers what was published when it is evicted.', async () => {
    const { object, publish } = newObject();
    await publish(1, [named('k1', 'h1'), named('k2', 'h2')]);
    await publish(2, [named('k2', 'h2'), named('k3', 'h3')]);
    await evictDurableObject(object);
    expect(await admitOne(object, asked('h1'))).toEqual(UNKNOWN);
    for (const [id, hash] of [
      ['k2', 'h2'],
      ['k3', 'h3'],
    ] as const) {
      expect(await admitOne(object, asked(hash))).toMatchObject({ ok: true, key: { id } });
    }
    expect(await publish(1, [named('k1', 'h1')])).toBe(2);
  });

  it('holds five hundred keys with all their limits.', async () => {
    const { object, publish } = newObject();
    const limited = {
      ipAllowlist: Array(50).fill('2001:db8:1111:2222:3333:4444:5555:6666/128'),
      endpoints: Array(50).fill(`/${'a'.repeat(199)}`),
    };
    await publish(
      1,
      Array.from({ length: 500 }, (_, n) => ({ ...named(`k${n}`, `h${n}`), ...limited })),
    );
    await evictDurableObject(object);
    expect(await admitOne(object, asked('h499', '2001:db8::1'))).toEqual({
      ok: false,
      refused: 'address',
      by: { id: 'k499', userId: 'u1', environment: 'live' },
    });
  });
});

describe('the registered APIs that an object holds', () => {
  const publishing = () => {
    const { object } = newObject();
    const keys = [named('k1', 'h1')];
    const publish = (version: number, gateway?: EdgeGateway, deleted = false) =>
      object.publish(snapshotOf({ version, gateway, deleted, keys: deleted ? [] : keys }));
    return { object, publish };
  };
  const sent = (version: number, parts: string[] = [`head ${version}`, `api ${version}`]) => ({ version, parts });
  const announced = (version: number) => ({ version, parts: null });

  it('are asked for by isolates, which are told only what they lack.', async () => {
    const { object, publish } = publishing();
    expect(await object.gateway(-1)).toBeUndefined();
    await publish(1);
    expect(await object.gateway(-1)).toEqual({ version: 0, parts: [] });
    expect(await publish(2, sent(2))).toMatchObject({ version: 2, gateway: 2 });
    for (const known of [-1, 0, 1]) {
      expect(await object.gateway(known)).toEqual({ version: 2, parts: ['head 2', 'api 2'] });
    }
    for (const known of [2, 3]) expect(await object.gateway(known)).toEqual({ version: 2, parts: null });
  });

  it('outlast publications that are not about them, and an eviction.', async () => {
    const { object, publish } = publishing();
    await publish(2, sent(2, ['head', 'b', 'a', 'c']));
    expect(await publish(3, announced(2))).toMatchObject({ version: 3, gateway: 2 });
    expect(await publish(4)).toMatchObject({ version: 4, gateway: 2 });
    await evictDurableObject(object);
    expect(await object.gateway(0)).toEqual({ version: 2, parts: ['head', 'b', 'a', 'c'] });
    await publish(5, sent(5, ['head']));
    expect(await object.gateway(0)).toEqual({ version: 5, parts: ['head'] });
  });

  it('are said to be missing when a newer version is only announced, and are taken when they follow.', async () => {
    const { object, publish } = publishing();
    await publish(2, sent(2));
    expect(await publish(3, announced(3))).toMatchObject({ version: 3, gateway: 2 });
    expect(await object.gateway(0)).toMatchObject({ version: 2 });
    expect(await publish(3, sent(3))).toMatchObject({ version: 3, gateway: 3 });
    expect(await object.gateway(2)).toEqual({ version: 3, parts: ['head 3', 'api 3'] });
  });

  it('are the newest whatever the order in which they arrive.', async () => {
    const { object, publish } = publishing();
    expect(await publish(5, sent(5))).toMatchObject({ gateway: 5 });
    expect(await publish(3, sent(3))).toMatchObject({ version: 5, gateway: 5 });
    expect(await publish(6, sent(4))).toMatchObject({ version: 6, gateway: 5 });
    expect(await object.gateway(0)).toEqual({ version: 5, parts: ['head 5', 'api 5'] });
  });

  it('are gone with the organization.', async () => {
    const { object, publish } = publishing();
    await publish(2, sent(2));
    await publish(3, announced(2), true);
    expect(await object.gateway(-1)).toMatchObject({ parts: [] });
    await evictDurableObject(object);
    expect(await object.gateway(-1)).toMatchObject({ parts: [] });
  });

  it('answer a request that was routed by older ones `stale`, and charge it nothing until it is routed anew.', async () => {
    const { object, publish } = publishing();
    await publish(2, sent(2));
    await publish(5, sent(5));
    const request = admission(withKey('h1'), { gateway: 2 });
    expect(await admitOne(object, request)).toEqual({ ok: false, refused: 'stale', gateway: 5 });
    expect(await object.usage()).toMatchObject({ used: 0, calls: [0, 0, 0, 0], drawers: [] });
    expect(await admitOne(object, { ...request, gateway: 5 })).toMatchObject({ ok: true, gateway: 5 });
    expect(await object.usage()).toMatchObject({ used: 1 });
  });

  it('do not matter to a request that was not routed by them, or by later ones.', async () => {
    const { object, publish } = publishing();
    await publish(2, sent(2));
    for (const gateway of [undefined, 2, 3]) {
      expect(await admitOne(object, admission(withKey('h1'), { gateway }))).toMatchObject({ ok: true, gateway: 2 });
    }
  });
});

const lastUses = async (person: Person) => {
  const rows = await database()
    .query.select({ id: apiKeys.id, at: apiKeys.lastUsedAt })
    .from(apiKeys)
    .where(eq(apiKeys.organizationId, person.personalOrganizationId));
  return Object.fromEntries(rows.map(({ id, at }) => [id, at]));
};

async function twoPublishedKeys() {
  const person = await signUp();
  const keys = await manyKeys(person, 2);
  const [one, two] = await Promise.all(keys.map(async ({ id, key }) => named(id, sha256Hex(key))));
  if (!one || !two) throw new Error('there are no two keys');
  const organizationId = person.personalOrganizationId;
  const object = objectOf(organizationId);
  await object.publish(snapshotOf({ organizationId, version: 1_000, keys: [one, two] }));
  return { person, object, one, two };
}

/** Who signed up has been charged for a request, so that the alarm is set at least for when their window is over. */
const alarmOf = (object: ReturnType<typeof objectOf>) =>
  runInDurableObject(object, (_, { storage }) => storage.getAlarm());

describe('the last use of a key', () => {
  it('reaches the database by the alarm, a minute after the first use that it has not told of.', async () => {
    const { person, object, one, two } = await twoPublishedKeys();
    await admitOne(object, asked(one.hash));
    vi.setSystemTime(plus(7));
    await admitOne(object, asked(one.hash));
    const alarm = await alarmOf(object);
    expect(alarm).toBe(NOW.getTime() + MINUTE);
    vi.setSystemTime(plus(9));
    await admitOne(object, asked(one.hash));
    expect(await alarmOf(object)).toBe(alarm);
    expect(await lastUses(person)).toEqual({ [one.id]: null, [two.id]: null });
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await lastUses(person)).toEqual({ [one.id]: plus(9), [two.id]: null });
    expect(await alarmOf(object)).toBeGreaterThan(NOW.getTime() + HOUR);
  });

  it('is not lost with the memory of the object.', async () => {
    const { person, object, one, two } = await twoPublishedKeys();
    await admitOne(object, asked(one.hash));
    await evictDurableObject(object);
    vi.setSystemTime(plus(5));
    await admitOne(object, asked(two.hash));
    await runDurableObjectAlarm(object);
    expect(await lastUses(person)).toEqual({ [one.id]: NOW, [two.id]: plus(5) });
  });

  it('never goes back.', async () => {
    const { person, object, one } = await twoPublishedKeys();
    vi.setSystemTime(plus(5));
    await admitOne(object, asked(one.hash));
    await runDurableObjectAlarm(object);
    await admitOne(object, asked(one.hash));
    await runDurableObjectAlarm(object);
    expect((await lastUses(person))[one.id]).toEqual(plus(5));
  });

  it('is told again when the database could not be told.', async () => {
    const { person, object, one } = await twoPublishedKeys();
    await admitOne(object, asked(one.hash));
    await database().query.execute('alter table api_keys rename to api_keys_away');
    await runDurableObjectAlarm(object);
    await database().query.execute('alter table api_keys_away rename to api_keys');
    expect((await lastUses(person))[one.id]).toBeNull();
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect((await lastUses(person))[one.id]).toEqual(NOW);
  });

  it('is not noted when the key was refused.', async () => {
    const { object, one } = await twoPublishedKeys();
    await object.publish(
      snapshotOf({ organizationId: crypto.randomUUID(), version: 1_001, keys: [{ ...one, expiresAt: 0 }] }),
    );
    expect(await admitOne(object, asked(one.hash))).toMatchObject({ ok: false, refused: 'expired' });
    expect(await alarmOf(object)).toBeGreaterThan(NOW.getTime() + HOUR);
  });
});
