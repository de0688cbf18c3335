import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { CompiledPool } from '../../../src/gateway/compiled.ts';
import type { UpstreamEvent } from '../../../src/gateway/watch/event.ts';
import { upstreamWatchObject } from '../../../src/gateway/watch/object.ts';
import { type Report, settingsOf } from '../../../src/gateway/watch/protocol.ts';
import { DAY, HOUR, MINUTE } from '../../../src/kernel/clock.ts';
import { parseAllowList } from '../../../src/outbound/allow-list.ts';
import { createJudge, createOutbound } from '../../../src/outbound/guarded-fetch.ts';
import { createResolver } from '../../../src/outbound/resolver.ts';
import { newReceiver } from '../../support/lab/client.ts';
import { apiOf, memoryLog, poolOf, upstreamOf } from './fixture.ts';

/** An alarm that is set to a moment in the real past would go off at once. */
const NOW = Date.now() + HOUR;

const fetchAnything: typeof fetch = (input, init) => fetch(input, init);
const systemClock = () => new Date();
const policyOf = (allow: string) => ({
  allow: parseAllowList(allow),
  ownHosts: [],
  dohUrl: `${env.LAB_URL}/hooks/doh`,
});

/** The object in the storage of another one, so that the test hands in what it is wired to. */
function newWatch(allow = 'localhost,127.0.0.0/8') {
  const stub = env.ORGANIZATION_QUOTA.getByName(`watch-${crypto.randomUUID()}`);
  const { log, lines } = memoryLog();
  const events: UpstreamEvent[] = [];
  const world = { now: NOW, fails: false };
  const policy = policyOf(allow);
  const resolve = createResolver({ fetch: fetchAnything, clock: systemClock, dohUrl: policy.dohUrl });
  const Watch = upstreamWatchObject(() => ({
    clock: () => new Date(world.now),
    log,
    outbound: createOutbound({ fetch: fetchAnything, clock: systemClock, policy, resolve }),
    judge: createJudge({ policy, resolve }),
    async recordEvent(_, event) {
      if (world.fails) throw new Error('the database is away');
      events.push(event);
    },
  }));
  type Instance = InstanceType<typeof Watch>;
  let instance: Instance | undefined;
  return {
    events,
    lines,
    world,
    /** Each time with what the last one left in memory, unless it was restarted. */
    run: <T>(work: (watch: Instance, storage: DurableObjectStorage) => Promise<T>) =>
      runInDurableObject(stub, (_, state) => {
        instance ??= new Watch(state, env);
        return work(instance, state.storage);
      }),
    restart: () => {
      instance = undefined;
    },
  };
}

const reportOf = (fields: Partial<Report> = {}): Report => ({
  revision: 1,
  counts: [],
  wants: [],
  results: [],
  ...fields,
});

const failed = (id: string, calls: number) => [{ id, calls, failures: calls, slow: 0, failuresInARow: calls }];

const CHECK: NonNullable<CompiledPool['healthCheck']> = {
  ...{ path: '/health', intervalMs: 10_000, timeoutMs: 1_000, expectedStatus: [200] },
  ...{ healthyAfter: 2, unhealthyAfter: 2 },
};

describe('the object that watches the upstreams of an API', () => {
  it('writes nothing while it knows nothing of an API, and asks for the pools.', async () => {
    const { run } = newWatch();
    await run(async (watch, storage) => {
      expect(await watch.watched()).toBeUndefined();
      const answer = await watch.report(reportOf({ counts: failed('a', 100) }));
      expect(answer).toEqual({ revision: 0, nextInMs: 1_000, standings: [], permits: [] });
      expect(await storage.getAlarm()).toBeNull();
      expect(storage.sql.exec("select name from sqlite_master where name = 'watch'").toArray()).toEqual([]);
    });
  });

  it('merges what isolates saw, opens for all of them, and remembers it over a restart.', async () => {
    const { run, restart, world, events, lines } = newWatch();
    const settings = settingsOf(apiOf([poolOf([upstreamOf('a')])]));
    await run(async (watch) => {
      await watch.report(reportOf({ settings, counts: failed('a', 3) }));
      const { standings } = await watch.report(reportOf({ counts: failed('a', 2) }));
      expect(standings).toMatchObject([{ id: 'a', breaker: 'open', openForMs: 5_000 }]);
    });
    restart();
    world.now += 2_000;
    await run(async (watch, storage) => {
      const { standings } = await watch.report(reportOf());
      expect(standings).toMatchObject([{ id: 'a', breaker: 'open', openForMs: 3_000 }]);
      expect(await storage.getAlarm()).toBeLessThanOrEqual(world.now);
      await watch.alarm();
    });
    const { apiId, slug, organizationId } = settings;
    const figures = { calls: 5, failures: 5, slow: 0 };
    const data = { api_id: apiId, api: slug, pool: 'default', upstream: 'a', ...figures };
    expect(events).toMatchObject([{ type: 'upstream.opened', data, occurredAt: NOW }]);
    const fields = { organization_id: organizationId, api_id: apiId, pool: 'default', place: 0, change: 'opened' };
    expect(lines).toEqual([{ event: 'upstream.changed', fields }]);
  });

  it('gives out no more probes than must succeed, over a restart too, and closes by them.', async () => {
    const { run, restart, world } = newWatch();
    const settings = settingsOf(apiOf([poolOf([upstreamOf('a')])]));
    const wants = [{ upstream: 'a', probes: 5 }];
    await run((watch) => watch.report(reportOf({ settings, counts: failed('a', 5) })));
    world.now += 5_000;
    const { permits } = await run((watch) => watch.report(reportOf({ wants })));
    expect(permits.length).toBe(2);
    restart();
    expect((await run((watch) => watch.report(reportOf({ wants })))).permits).toEqual([]);
    const results = permits.map(({ permitId }) => ({ upstream: 'a', permitId, result: 'succeeded' as const }));
    const { standings } = await run((watch) => watch.report(reportOf({ results })));
    expect(standings).toEqual([]);
    expect(await run((watch) => watch.watched())).toMatchObject({ upstreams: [{ breaker: { state: 'closed' } }] });
  });

  it('keeps what it could not tell the database, and tells it in order when that is back.', async () => {
    const { run, restart, world, events, lines } = newWatch();
    const settings = settingsOf(apiOf([poolOf([upstreamOf('a'), upstreamOf('b')])]));
    world.fails = true;
    await run(async (watch) => {
      await watch.report(reportOf({ settings, counts: [...failed('a', 5), ...failed('b', 5)] }));
      await watch.alarm();
    });
    expect(lines.at(-1)?.event).toBe('upstream.not_recorded');
    restart();
    world.fails = false;
    world.now += MINUTE;
    await run((watch) => watch.alarm());
    expect(events.map(({ type, data }) => [type, data['upstream']])).toEqual([
      ['upstream.opened', 'a'],
      ['upstream.opened', 'b'],
    ]);
    await run((watch) => watch.alarm());
    expect(events.length).toBe(2);
  });

  it('records at most two hundred changes an hour, and then how many it left out.', async () => {
    const { run, world, events } = newWatch();
    const upstreams = Array.from({ length: 203 }, (_, n) => upstreamOf(`u${n}`));
    const settings = settingsOf(apiOf([poolOf(upstreams)]));
    await run(async (watch) => {
      await watch.report(reportOf({ settings, counts: upstreams.slice(0, 202).flatMap(({ id }) => failed(id, 5)) }));
      world.now += HOUR;
      await watch.report(reportOf({ counts: failed('u202', 5) }));
      for (let round = 0; round < 5; round += 1) await watch.alarm();
    });
    expect(events.length).toBe(201);
    expect(events.at(-1)?.data).toMatchObject({ upstream: 'u202', omitted_before: 2 });
  });
});

describe('health checks', () => {
  const watched = async (steps: { status: number }[]) => {
    const receiver = await newReceiver(steps);
    const watch = newWatch();
    const api = apiOf([poolOf([upstreamOf('a', { url: receiver.url }), upstreamOf('b')], { healthCheck: CHECK })]);
    await watch.run((object) => object.publish(settingsOf(api)));
    const round = async () => {
      await watch.run((object) => object.alarm());
      watch.world.now += 11_000;
      const seen = await watch.run((object) => object.watched());
      return seen?.upstreams.find(({ id }) => id === 'a')?.health;
    };
    return { ...watch, receiver, round, api };
  };

  it('begin with the publication, ask the upstream itself, and say healthy at the first good answer.', async () => {
    const { run, round, receiver, events } = await watched([{ status: 200 }]);
    expect(await run((_, storage) => storage.getAlarm())).toBe(NOW);
    expect(await round()).toBe('healthy');
    const [asked] = await receiver.received();
    expect(asked).toMatchObject({ method: 'GET', path: `${new URL(receiver.url).pathname}/health` });
    expect(asked?.headers['user-agent']).toMatch(/^Weir\/\S+ \(health check\)$/);
    expect(events).toEqual([]);
    const alarm = await run((_, storage) => storage.getAlarm());
    expect(alarm).toBeGreaterThanOrEqual(NOW + 9_000);
    expect(alarm).toBeLessThanOrEqual(NOW + 11_000);
  });

  it('take as many answers in a row as are set to change their mind, over restarts.', async () => {
    const good = { status: 200 };
    const bad = { status: 503 };
    const { round, restart, events, run } = await watched([good, bad, good, bad, bad, good, good]);
    const seen: unknown[] = [];
    for (let turn = 0; turn < 7; turn += 1) {
      seen.push(await round());
      restart();
    }
    expect(seen).toEqual([...Array(4).fill('healthy'), 'unhealthy', 'unhealthy', 'healthy']);
    await run((watch) => watch.alarm());
    const ofA = events.filter(({ data }) => data['upstream'] === 'a');
    expect(ofA.map(({ type, data }) => [type, data['reason']])).toEqual([
      ['upstream.unhealthy', 'It answered 503'],
      ['upstream.healthy', undefined],
    ]);
  });

  it('tell isolates what is down, and that nothing is sent to hosts that are not proven.', async () => {
    const receiver = await newReceiver([{ status: 500 }]);
    const { run, world } = newWatch();
    const pool = poolOf(
      [upstreamOf('a', { url: receiver.url }), upstreamOf('b', { url: receiver.url, proven: false })],
      { healthCheck: CHECK },
    );
    const settings = settingsOf(apiOf([pool]));
    await run(async (watch) => {
      await watch.publish(settings);
      await watch.alarm();
      world.now += 11_000;
      await watch.alarm();
    });
    const { standings } = await run((watch) => watch.report(reportOf()));
    expect(standings).toMatchObject([{ id: 'a', unhealthy: true, breaker: 'closed' }]);
    expect((await receiver.received()).length).toBe(2);
  });

  it('find addresses that nothing may be sent to.', async () => {
    const { run, events } = newWatch('127.0.0.0/8');
    const settings = settingsOf(apiOf([poolOf([upstreamOf('a', { url: 'https://10.0.0.1' }), upstreamOf('b')])]));
    await run(async (watch) => {
      await watch.report(reportOf({ settings }));
      await watch.alarm();
      await watch.alarm();
    });
    const { standings } = await run((watch) => watch.report(reportOf()));
    expect(standings).toMatchObject([{ id: 'a', refused: true }]);
    expect(events.map(({ type, data }) => [type, data['reason']])).toEqual([
      ['upstream.unhealthy', 'The address must name a host, not an IP address'],
    ]);
  });

  it('end, and everything is forgotten, when there was neither a call nor a publication for a day.', async () => {
    const { run, restart, world, receiver } = await watched([{ status: 200 }]);
    world.now = NOW + DAY - 1;
    await run((watch) => watch.alarm());
    world.now = NOW + DAY;
    await run((watch) => watch.alarm());
    expect((await receiver.received()).length).toBe(1);
    restart();
    await run(async (watch, storage) => {
      expect(await watch.watched()).toBeUndefined();
      expect(await storage.getAlarm()).toBeNull();
    });
  });

  it('end with the API.', async () => {
    const { run, restart } = await watched([{ status: 200 }]);
    await run((watch) => watch.remove());
    restart();
    await run(async (watch, storage) => {
      await watch.alarm();
      expect(await watch.watched()).toBeUndefined();
      expect(await storage.getAlarm()).toBeNull();
    });
  });
});
