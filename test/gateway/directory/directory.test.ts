import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createDirectory,
  hostIn,
  hostName,
  shardOf,
  slugIn,
  slugName,
} from '../../../src/gateway/directory/directory.ts';
import { MINUTE, SECOND } from '../../../src/kernel/clock.ts';

function newWorld() {
  const world = { now: 1_000_000 };
  const owners = new Map([['slug:acme', 'o1']]);
  const asked: [name: string, anew: boolean][] = [];
  const directory = createDirectory({
    clock: () => new Date(world.now),
    async ask(name, { anew }) {
      asked.push([name, anew]);
      return owners.get(name);
    },
  });
  return { world, owners, asked, directory };
}

describe("an isolate's directory", () => {
  it('remembers for ten minutes whose a name is.', async () => {
    const { world, owners, asked, directory } = newWorld();
    expect(await directory.find('slug:acme')).toBe('o1');
    owners.set('slug:acme', 'o2');
    world.now += 10 * MINUTE - 1;
    expect(await directory.find('slug:acme')).toBe('o1');
    expect(asked).toEqual([['slug:acme', false]]);
    world.now += 1;
    expect(await directory.find('slug:acme')).toBe('o2');
  });

  it("remembers for five seconds that a name is nobody's.", async () => {
    const { world, owners, asked, directory } = newWorld();
    expect(await directory.find('slug:new')).toBeUndefined();
    owners.set('slug:new', 'o3');
    world.now += 4_999;
    expect(await directory.find('slug:new')).toBeUndefined();
    expect(asked.length).toBe(1);
    world.now += 1;
    expect(await directory.find('slug:new')).toBe('o3');
  });

  it('asks when it is asked anew, and remembers that answer.', async () => {
    const { owners, asked, directory } = newWorld();
    await directory.find('slug:acme');
    owners.delete('slug:acme');
    expect(await directory.find('slug:acme', { anew: true })).toBeUndefined();
    expect(await directory.find('slug:acme')).toBeUndefined();
    expect(asked).toEqual([
      ['slug:acme', false],
      ['slug:acme', true],
    ]);
  });

  it('asks anew no more than once a second, however often a name turns out to be out of date.', async () => {
    const { world, asked, directory } = newWorld();
    for (let n = 0; n < 5; n += 1) await directory.find('slug:acme', { anew: true });
    expect(asked).toEqual([['slug:acme', true]]);
    world.now += SECOND;
    await directory.find('slug:acme', { anew: true });
    expect(asked).toHaveLength(2);
  });

  it('remembers ten thousand names, and forgets those first that it asked about longest ago.', async () => {
    const { asked, directory } = newWorld();
    for (let n = 0; n < 10_000; n += 1) await directory.find(`slug:n${n}`);
    await directory.find('slug:n0', { anew: true });
    await directory.find('slug:acme');
    asked.length = 0;
    for (const name of ['slug:acme', 'slug:n0', 'slug:n2', 'slug:n9999']) await directory.find(name);
    expect(asked).toEqual([]);
    await directory.find('slug:n1');
    expect(asked).toEqual([['slug:n1', false]]);
  });

  it('remembers nothing of a question that failed.', async () => {
    let fails = true;
    const ask = async () => {
      if (fails) throw new Error('the shard is away');
      return 'o1';
    };
    const directory = createDirectory({ clock: () => new Date(0), ask });
    await expect(directory.find('slug:acme')).rejects.toThrow('the shard is away');
    fails = false;
    expect(await directory.find('slug:acme')).toBe('o1');
  });
});

describe('a name', () => {
  it('is of a slug or of a host, and says which.', () => {
    expect([slugIn(slugName('acme')), hostIn(hostName('api.acme.com'))]).toEqual(['acme', 'api.acme.com']);
    expect([slugIn(hostName('acme')), hostIn(slugName('acme'))]).toEqual([undefined, undefined]);
  });

  it('is known by one of 64 shards, always the same.', () => {
    // FNV-1a of these texts: 0x811c9dc5, 0xe40c292c and 0xbf9cf968 (RFC 9923).
    expect(['', 'a', 'foobar'].map(shardOf)).toEqual(['shard-5', 'shard-44', 'shard-40']);
    fc.assert(
      fc.property(fc.string(), (name) => {
        const shard = Number(shardOf(name).slice('shard-'.length));
        expect(shard >= 0 && shard < 64 && Number.isInteger(shard)).toBe(true);
      }),
    );
    expect(new Set(Array.from({ length: 1_000 }, (_, n) => shardOf(slugName(`acme-${n}`)))).size).toBe(64);
  });
});
