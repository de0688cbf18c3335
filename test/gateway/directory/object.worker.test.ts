import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { directoryObject } from '../../../src/gateway/directory/object.ts';

const ACME = 'slug:acme';

/** A shard in the storage of another object, so that the test hands in what it is wired to. */
function newShard() {
  const stub = env.ORGANIZATION_QUOTA.getByName(`directory-${crypto.randomUUID()}`);
  const world = { now: 1_000_000 };
  const owners = new Map([[ACME, 'o1']]);
  const lookedUp: string[] = [];
  const pauses: Promise<void>[] = [];
  const Shard = directoryObject(() => ({
    clock: () => new Date(world.now),
    async lookUp(name) {
      lookedUp.push(name);
      await pauses.shift();
      return owners.get(name);
    },
  }));
  type Instance = InstanceType<typeof Shard>;
  let instance: Instance | undefined;
  return {
    ...{ world, owners, lookedUp, pauses },
    run: <T>(work: (shard: Instance, sql: SqlStorage) => Promise<T>) =>
      runInDurableObject(stub, (_, state) => {
        instance ??= new Shard(state, env);
        return work(instance, state.storage.sql);
      }),
    restart: () => {
      instance = undefined;
    },
  };
}

const tablesIn = (sql: SqlStorage) => sql.exec("select name from sqlite_master where name = 'names'").toArray();

const namesIn = (sql: SqlStorage) =>
  sql
    .exec<{ name: string; organization_id: string }>('select * from names order by name')
    .toArray()
    .map(({ name, organization_id: id }) => [name, id]);

describe('a shard of the directory', () => {
  it('looks a name up once, and knows whose it is from then on, over a restart too.', async () => {
    const { run, restart, lookedUp } = newShard();
    await run(async (shard) => {
      expect(await shard.find(ACME)).toBe('o1');
      expect(await shard.find(ACME)).toBe('o1');
    });
    restart();
    await run(async (shard, sql) => {
      expect(await shard.find(ACME)).toBe('o1');
      expect(namesIn(sql)).toEqual([[ACME, 'o1']]);
    });
    expect(lookedUp).toEqual([ACME]);
  });

  it('looks a name up once for all who ask at a time.', async () => {
    const { run, lookedUp, pauses } = newShard();
    const pause = Promise.withResolvers<void>();
    pauses.push(pause.promise);
    await run(async (shard) => {
      const questions = [shard.find(ACME), shard.find(ACME), shard.find(ACME, { anew: true })];
      pause.resolve();
      expect(await Promise.all(questions)).toEqual(['o1', 'o1', 'o1']);
    });
    expect(lookedUp).toEqual([ACME]);
  });

  it('looks up ten names at a time, and refuses others as long, but not those that it knows.', async () => {
    const { run, lookedUp, pauses } = newShard();
    await run(async (shard) => {
      await shard.find(ACME);
      const pause = Promise.withResolvers<void>();
      pauses.push(...Array.from({ length: 10 }, () => pause.promise));
      const questions = Array.from({ length: 10 }, (_, n) => shard.find(`slug:n${n}`));
      await expect(shard.find('slug:n10')).rejects.toThrow('too many names are being looked up');
      expect(await shard.find(ACME)).toBe('o1');
      pause.resolve();
      expect(new Set(await Promise.all(questions))).toEqual(new Set([undefined]));
      expect(await shard.find('slug:n10')).toBeUndefined();
    });
    expect(lookedUp.length).toBe(12);
  });

  it("remembers for five seconds, and stores nothing, when a name is nobody's.", async () => {
    const { run, world, owners, lookedUp } = newShard();
    await run(async (shard, sql) => {
      expect(await shard.find('slug:new')).toBeUndefined();
      owners.set('slug:new', 'o2');
      world.now += 4_999;
      expect(await shard.find('slug:new')).toBeUndefined();
      expect(await shard.find('slug:new', { anew: true })).toBeUndefined();
      expect([lookedUp, tablesIn(sql)]).toEqual([['slug:new'], []]);
      world.now += 1;
      expect(await shard.find('slug:new')).toBe('o2');
      expect(namesIn(sql)).toEqual([['slug:new', 'o2']]);
    });
  });

  it('remembers five thousand such names, and forgets the first of them.', async () => {
    const { run, lookedUp } = newShard();
    await run(async (shard) => {
      for (let n = 0; n <= 5_000; n += 1) await shard.find(`slug:n${n}`);
      lookedUp.length = 0;
      for (const name of ['slug:n1', 'slug:n5000', 'slug:n0']) await shard.find(name);
    });
    expect(lookedUp).toEqual(['slug:n0']);
  });

  it('is corrected by who asks anew, when a name has moved or was given up.', async () => {
    const { run, owners, world } = newShard();
    await run(async (shard, sql) => {
      await shard.find(ACME);
      owners.set(ACME, 'o2');
      expect(await shard.find(ACME)).toBe('o1');
      expect(await shard.find(ACME, { anew: true })).toBe('o2');
      expect(await shard.find(ACME)).toBe('o2');
      owners.delete(ACME);
      expect(await shard.find(ACME, { anew: true })).toBeUndefined();
      expect(await shard.find(ACME)).toBeUndefined();
      expect(namesIn(sql)).toEqual([]);
      owners.set(ACME, 'o3');
      world.now += 5_000;
      expect(await shard.find(ACME)).toBe('o3');
    });
  });

  it('remembers nothing of a look-up that failed.', async () => {
    const { run, pauses } = newShard();
    await run(async (shard, sql) => {
      const pause = Promise.withResolvers<void>();
      pauses.push(pause.promise);
      const question = shard.find(ACME);
      pause.reject(new Error('the database is away'));
      await expect(question).rejects.toThrow('the database is away');
      expect(tablesIn(sql)).toEqual([]);
      expect(await shard.find(ACME)).toBe('o1');
    });
  });
});
