import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/gateway/breaker/outcome.ts';
import { createUpstreams } from '../../../src/gateway/watch/upstreams.ts';
import { apiOf, memoryLog, poolOf, upstreamOf } from './fixture.ts';
import { isPicked, type Network, newNetwork } from './network.ts';

const GOOD: Outcome = { kind: 'answered', status: 200, durationMs: 1 };
const BAD: Outcome = { kind: 'answered', status: 503, durationMs: 1 };

/** One call that ends at once; tells which upstream took it. */
function call(network: Network, outcome: Outcome, isolate = 0): string | undefined {
  const picked = network.pick(isolate);
  if (!isPicked(picked)) return undefined;
  picked.done(outcome);
  return picked.upstream.id;
}

function calls(network: Network, count: number, outcome: Outcome, isolate = 0): (string | undefined)[] {
  return Array.from({ length: count }, () => call(network, outcome, isolate));
}

const one = () => newNetwork(poolOf([upstreamOf('a')]), 2);

describe('an isolate', () => {
  it('opens by what it saw itself, without waiting for the object.', () => {
    const network = one();
    expect(calls(network, 6, BAD)).toEqual(['a', 'a', 'a', 'a', 'a', undefined]);
    const picked = network.pick();
    expect(isPicked(picked) || picked.retryAfterMs).toBe(5_000);
  });

  it('learns with its next question what others saw.', async () => {
    const network = one();
    call(network, GOOD, 1);
    await network.settle();
    calls(network, 5, BAD, 0);
    await network.settle();
    expect(network.breakerOf('a')?.state).toBe('open');
    expect(call(network, GOOD, 1)).toBe('a');
    await network.pass(1_000);
    call(network, GOOD, 1);
    await network.settle();
    expect(call(network, GOOD, 1)).toBeUndefined();
  });

  it('asks about once a second, however many calls there are.', async () => {
    const network = one();
    for (let turn = 0; turn < 100; turn += 1) {
      calls(network, 20, GOOD);
      await network.pass(100);
    }
    // The first question is asked twice: the object did not know the pools.
    expect(network.reports.length).toBeLessThanOrEqual(12);
    const told = network.reports.flatMap(({ counts }) => counts).reduce((sum, { calls: n }) => sum + n, 0);
    expect(told).toBeGreaterThan(1_700);
  });

  it('asks nothing while nobody calls.', async () => {
    const network = one();
    call(network, GOOD);
    await network.settle();
    const before = network.reports.length;
    await network.pass(60_000);
    expect(network.reports.length).toBe(before);
  });

  it('counts nothing for calls whose caller went away.', () => {
    const network = one();
    expect(new Set(calls(network, 50, { kind: 'aborted' }))).toEqual(new Set(['a']));
  });

  it('tells an outcome once, however often it is told itself.', async () => {
    const network = one();
    const picked = network.pick();
    if (isPicked(picked)) for (let n = 0; n < 10; n += 1) picked.done(BAD);
    expect(call(network, GOOD)).toBe('a');
  });

  it('takes calls again as soon as all probes succeeded, the first of which waits for its permit.', async () => {
    const network = one();
    calls(network, 5, BAD);
    await network.settle();
    await network.pass(5_000);
    const refused = network.pick();
    if (isPicked(refused)) throw new Error('it is open');
    await refused.recheck?.();
    expect(call(network, GOOD)).toBe('a');
    await network.settle();
    await network.pass(1_000);
    network.pick();
    await network.settle();
    expect(call(network, GOOD)).toBe('a');
    await network.settle();
    expect(network.changes.map(({ change }) => change)).toEqual(['opened', 'half_open', 'closed']);
    expect(calls(network, 10, GOOD)).toEqual(Array(10).fill('a'));
  });

  it('has few calls wait for their probes rather than refuse them once the upstream is well.', async () => {
    const network = newNetwork(
      poolOf([upstreamOf('a')], { breaker: { ...poolOf([]).breaker, openMs: 2_000, probes: 3 } }),
      1,
    );
    calls(network, 5, BAD);
    await network.settle();
    await network.pass(2_000);
    const answers: (string | undefined)[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      const refused = network.pick();
      if (!isPicked(refused)) await refused.recheck?.();
      else refused.done(GOOD);
      answers.push(isPicked(refused) ? refused.upstream.id : call(network, GOOD));
      await network.pass(200);
    }
    expect(answers).toEqual(Array(8).fill('a'));
  });

  it('offers no second look while the time of the breaker is not up.', async () => {
    const network = one();
    calls(network, 5, BAD);
    await network.settle();
    await network.pass(4_000);
    const picked = network.pick();
    expect(picked).toEqual({ unavailable: true, retryAfterMs: 1_000 });
  });

  it('goes on by what it sees itself while the object does not answer, and says so once.', async () => {
    const network = one();
    network.setFate('lost');
    for (let turn = 0; turn < 10; turn += 1) {
      expect(call(network, GOOD)).toBe('a');
      await network.pass(1_000);
    }
    expect(network.lines.map(({ event }) => event)).toEqual(['upstream.watch_unreachable']);
  });

  it('tries one call at a time where it alone fails, and others do well.', async () => {
    const network = one();
    let failed = 0;
    for (let second = 0; second < 30; second += 1) {
      calls(network, 40, GOOD, 1);
      failed += calls(network, 20, BAD, 0).filter((upstream) => upstream !== undefined).length;
      await network.pass(1_000);
    }
    expect(network.breakerOf('a')?.state).toBe('closed');
    // What opened it, and a probe in each of its times.
    expect(failed).toBeGreaterThan(5);
    expect(failed).toBeLessThanOrEqual(5 + 30 / 5);
    await network.pass(5_000);
    expect(calls(network, 10, GOOD, 0)).toEqual(Array(10).fill('a'));
  });

  it('helps itself to one probe when it has heard nothing for half a minute.', async () => {
    const network = one();
    network.setFate('lost');
    calls(network, 5, BAD);
    for (let turn = 0; turn < 28; turn += 1) {
      await network.pass(1_000);
      expect(call(network, GOOD)).toBeUndefined();
    }
    for (let turn = 0; turn < 5; turn += 1) await network.pass(1_000);
    const probe = network.pick();
    expect([isPicked(probe), isPicked(network.pick())]).toEqual([true, false]);
    if (isPicked(probe)) probe.done(GOOD);
    expect(calls(network, 3, GOOD)).toEqual(['a', 'a', 'a']);
  });

  it('tells the object of the pools when it knows of older ones.', async () => {
    const network = one();
    call(network, GOOD);
    await network.settle();
    network.change({ pools: [poolOf([upstreamOf('a'), upstreamOf('b')])] });
    call(network, GOOD);
    await network.settle();
    expect([...network.state().upstreams.keys()]).toEqual(['a', 'b']);
    expect(network.reports.filter(({ settings }) => settings).map(({ revision }) => revision)).toEqual([1, 2]);
  });

  it('keeps what it knows of an upstream when its API changes, unless the address is another one.', async () => {
    const network = one();
    calls(network, 5, BAD);
    network.change({ pools: [poolOf([upstreamOf('a'), upstreamOf('b')])] });
    expect(new Set(calls(network, 4, GOOD))).toEqual(new Set(['b']));
    network.change({ pools: [poolOf([upstreamOf('a', { url: 'https://new.example.com' })])] });
    expect(call(network, GOOD)).toBe('a');
  });
});

describe('a pool', () => {
  it('sends nothing to hosts that are not proven, and says when there is no other.', () => {
    const network = newNetwork(poolOf([upstreamOf('a', { proven: false }), upstreamOf('b')]), 1);
    expect(new Set(calls(network, 10, GOOD))).toEqual(new Set(['b']));
    const none = newNetwork(poolOf([upstreamOf('a', { proven: false })]), 1);
    expect(none.pick()).toEqual({ unavailable: true, retryAfterMs: 30_000 });
  });

  it('goes to a backup while its primaries are open, and back.', async () => {
    const network = newNetwork(poolOf([upstreamOf('a'), upstreamOf('z', { backup: true })]), 1);
    expect(calls(network, 5, BAD)).toEqual(Array(5).fill('a'));
    expect(calls(network, 5, GOOD)).toEqual(Array(5).fill('z'));
    await network.settle();
    for (let turn = 0; turn < 12; turn += 1) {
      await network.pass(1_000);
      calls(network, 2, GOOD);
      await network.settle();
    }
    expect(new Set(calls(network, 5, GOOD))).toEqual(new Set(['a']));
  });

  it('takes one out that failed so often in a row, and lets it back slowly.', async () => {
    const ejection = { consecutiveFailures: 3, forMs: 10_000, slowStartMs: 10_000 };
    const breaker = { ...poolOf([]).breaker, minimumCalls: 1_000 };
    const network = newNetwork(poolOf([upstreamOf('a'), upstreamOf('b')], { ejection, breaker }), 1);
    const first = (count: number) => calls(network, count, GOOD).filter((id) => id === 'a').length;
    await network.settle();
    for (let turn = 0; turn < 6; turn += 1) {
      const picked = network.pick();
      if (isPicked(picked)) picked.done(picked.upstream.id === 'a' ? BAD : GOOD);
    }
    expect(first(100)).toBe(0);
    await network.pass(1_000);
    first(1);
    await network.settle();
    expect(network.changes.map(({ change, upstream }) => [change, upstream])).toEqual([['ejected', 'a']]);
    await network.pass(10_000);
    first(1);
    await network.settle();
    expect(network.changes.map(({ change }) => change)).toEqual(['ejected', 'returned']);
    const soon = first(110);
    expect(soon).toBeGreaterThan(0);
    expect(soon).toBeLessThan(25);
    await network.pass(10_000);
    first(1);
    await network.settle();
    expect(first(100)).toBe(50);
  });

  it('keeps the last one that can take calls.', async () => {
    const ejection = { consecutiveFailures: 3, forMs: 10_000, slowStartMs: 0 };
    const breaker = { ...poolOf([]).breaker, minimumCalls: 1_000 };
    const network = newNetwork(poolOf([upstreamOf('a')], { ejection, breaker }), 1);
    expect(calls(network, 20, BAD)).toEqual(Array(20).fill('a'));
    await network.pass(1_000);
    call(network, BAD);
    await network.settle();
    expect(network.changes).toEqual([]);
  });
});

describe('the memory of an isolate', () => {
  it('holds a thousand APIs, and forgets the one that was called longest ago.', () => {
    let now = 1_700_000_000_000;
    const asked: string[] = [];
    const upstreams = createUpstreams({
      clock: () => new Date(now),
      log: memoryLog().log,
      objectOf: (_, apiId) => ({
        report: () => {
          asked.push(apiId);
          return new Promise(() => {});
        },
      }),
      background: () => {},
      wait: () => new Promise(() => {}),
      random: () => 0.5,
    });
    const apis = Array.from({ length: 1_001 }, () => apiOf([poolOf([upstreamOf('a')])]));
    const pickOf = (api: (typeof apis)[number] | undefined) => {
      const [pool] = api?.pools ?? [];
      if (api && pool) upstreams.pick(api, pool, { hashKey: undefined, exclude: new Set() });
    };
    const [first, second] = apis;
    for (const api of apis.slice(0, 1_000)) pickOf(api);
    now += 1;
    pickOf(first);
    pickOf(apis[1_000]);
    expect(asked.length).toBe(1_001);
    pickOf(first);
    expect(asked.length).toBe(1_001);
    // It was forgotten, and its object is asked as if for the first time.
    pickOf(second);
    expect(asked.at(-1)).toBe(second?.id);
    expect(asked.length).toBe(1_002);
  });
});
