import { describe, expect, it } from 'vitest';
import type { CompiledGateway } from '../../src/gateway/compiled.ts';
import { createSnapshots } from '../../src/gateway/snapshots.ts';
import { apiOf } from './watch/fixture.ts';

const ID = 'organization-1';

const headOf = (...names: string[]) => JSON.stringify({ names, boundTo: { 'host:a.example.com': 'orders' } });

interface Published {
  version: number;
  parts: string[];
}

/** An isolate's snapshots, and what the objects of organizations hold. */
function newWorld() {
  const world = { now: 1_000_000, built: 0 };
  const published = new Map<string, Published>([[ID, { version: 5, parts: [headOf('slug:acme')] }]]);
  const asked: [organizationId: string, known: number][] = [];
  const pauses: Promise<void>[] = [];
  const inBackground: Promise<unknown>[] = [];
  const snapshots = createSnapshots({
    clock: () => new Date(world.now),
    async ask(organizationId, known) {
      asked.push([organizationId, known]);
      const held = published.get(organizationId);
      await pauses.shift();
      return held && { version: held.version, parts: held.version > known ? held.parts : null };
    },
    build(gateway): CompiledGateway {
      world.built += 1;
      return gateway;
    },
    background: (work) => void inBackground.push(work),
  });
  const publish = (version: number, parts = [headOf('slug:acme')], id = ID) => published.set(id, { version, parts });
  const versionOf = async (atLeast?: number, id = ID) => (await snapshots.get(id, atLeast))?.version;
  const confirmed = async () => (await snapshots.confirm(ID))?.version;
  return { world, snapshots, published, publish, asked, pauses, inBackground, versionOf, confirmed };
}

describe('what an isolate serves an organization by', () => {
  it('is what was published of it, made once.', async () => {
    const { snapshots, publish, asked, world } = newWorld();
    const api = apiOf([]);
    publish(5, [headOf('slug:acme'), JSON.stringify(api)]);
    const gateway = await snapshots.get(ID);
    const boundTo = { 'host:a.example.com': 'orders' };
    expect(gateway).toEqual({ organizationId: ID, version: 5, names: ['slug:acme'], boundTo, apis: [api] });
    expect(await snapshots.get(ID, 5)).toBe(gateway);
    expect([asked, world.built]).toEqual([[[ID, -1]], 1]);
  });

  it('is nothing for one that was never published, which is asked for each time.', async () => {
    const { snapshots, asked } = newWorld();
    expect(await snapshots.get('nobody')).toBeUndefined();
    expect(await snapshots.get('nobody', 3)).toBeUndefined();
    expect(await snapshots.confirm('nobody')).toBeUndefined();
    expect(asked.length).toBe(3);
  });

  it('has neither names nor APIs once nothing is left of it.', async () => {
    const { snapshots, publish } = newWorld();
    await snapshots.get(ID);
    publish(6, []);
    const nothing = { organizationId: ID, version: 6, names: [], boundTo: {}, apis: [] };
    expect(await snapshots.get(ID, 6)).toEqual(nothing);
  });

  it('stays as it is while nobody tells of a newer version, and is the newer one then.', async () => {
    const { versionOf, publish, asked } = newWorld();
    await versionOf();
    publish(7);
    expect(await versionOf()).toBe(5);
    expect(await versionOf(6)).toBe(7);
    expect(await versionOf(5)).toBe(7);
    expect(asked).toEqual([
      [ID, -1],
      [ID, 5],
    ]);
  });

  it('is never older than what was told: the object is asked again, and then it fails.', async () => {
    const { versionOf, asked } = newWorld();
    await versionOf();
    await expect(versionOf(6)).rejects.toThrow('the object does not know the version that it told of');
    expect(asked.length).toBe(3);
    expect(await versionOf()).toBe(5);
  });

  it('is asked for once by all who need it at a time, and again by who needs more than comes.', async () => {
    const { versionOf, publish, asked, pauses } = newWorld();
    const pause = Promise.withResolvers<void>();
    pauses.push(pause.promise);
    const early = [versionOf(), versionOf(5)];
    publish(6);
    const late = [versionOf(6), versionOf(6)];
    pause.resolve();
    expect(await Promise.all([...early, ...late])).toEqual([5, 5, 6, 6]);
    expect(asked).toEqual([
      [ID, -1],
      [ID, 5],
    ]);
  });

  it('can be had again after the object could not be reached.', async () => {
    const { versionOf, pauses, inBackground } = newWorld();
    pauses.push(Promise.reject(new Error('the object is away')));
    await expect(Promise.all([versionOf(), versionOf()])).rejects.toMatchObject({
      code: 'service_unavailable',
      cause: new Error('the object is away'),
    });
    expect(await versionOf()).toBe(5);
    expect(await Promise.all(inBackground)).toHaveLength(2);
  });
});

describe('confirming', () => {
  it('asks what is in force, and makes it only if it is new.', async () => {
    const { confirmed, publish, asked, world } = newWorld();
    expect(await confirmed()).toBe(5);
    expect(await confirmed()).toBe(5);
    publish(6);
    expect(await confirmed()).toBe(6);
    expect(asked.map(([, known]) => known)).toEqual([-1, 5, 5]);
    expect(world.built).toBe(2);
  });

  it('asks twenty times a second at most.', async () => {
    const { versionOf, confirmed, publish, asked, world } = newWorld();
    await versionOf();
    for (let n = 0; n < 50; n += 1) await confirmed();
    expect(asked.length).toBe(21);
    publish(6);
    expect(await confirmed()).toBe(5);
    world.now += 1_000;
    expect(await confirmed()).toBe(6);
  });
});

describe('an isolate', () => {
  const small = (world: ReturnType<typeof newWorld>, count: number) => {
    for (let n = 0; n < count; n += 1) world.publish(1, [headOf()], `o${n}`);
  };

  it('holds two hundred organizations, and forgets the one that was asked for longest ago.', async () => {
    const world = newWorld();
    small(world, 201);
    for (let n = 0; n < 200; n += 1) await world.versionOf(0, `o${n}`);
    await world.versionOf(0, 'o0');
    await world.versionOf(0, 'o200');
    world.asked.length = 0;
    for (const id of ['o0', 'o2', 'o199', 'o200']) await world.versionOf(0, id);
    expect(world.asked).toEqual([]);
    await world.versionOf(0, 'o1');
    expect(world.asked).toEqual([['o1', -1]]);
  });

  it('holds eight million characters, and what was asked for last however long it is.', async () => {
    const world = newWorld();
    const long = (millions: number) => [headOf(), JSON.stringify({ text: 'x'.repeat(millions * 1_000_000) })];
    for (const id of ['a', 'b', 'c']) world.publish(1, long(3), id);
    for (const id of ['a', 'b', 'b', 'c', 'c', 'b', 'a']) await world.versionOf(0, id);
    expect(world.asked.map(([id]) => id)).toEqual(['a', 'b', 'c', 'a']);
    world.publish(1, long(9), 'd');
    for (const id of ['d', 'd', 'b', 'b']) await world.versionOf(0, id);
    expect(world.asked.map(([id]) => id)).toEqual(['a', 'b', 'c', 'a', 'd', 'b']);
  });

  it('counts what it holds in the version that it holds.', async () => {
    const world = newWorld();
    const text = (version: number) => [headOf(), JSON.stringify({ version, text: 'x'.repeat(3_000_000) })];
    await world.versionOf(0);
    for (let version = 1; version <= 6; version += 1) {
      world.publish(version, text(version), 'a');
      await world.versionOf(version, 'a');
    }
    world.asked.length = 0;
    await world.versionOf(0);
    expect(world.asked).toEqual([]);
  });

  it('answers who asked while it forgot.', async () => {
    const world = newWorld();
    await world.versionOf();
    small(world, 200);
    const pause = Promise.withResolvers<void>();
    world.pauses.push(pause.promise);
    const confirming = world.confirmed();
    for (let n = 0; n < 200; n += 1) await world.versionOf(0, `o${n}`);
    pause.resolve();
    expect(await confirming).toBe(5);
  });
});
