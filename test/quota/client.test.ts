import { describe, expect, it } from 'vitest';
import type { EdgeSnapshot } from '../../src/access/edge.ts';
import { admit } from '../../src/quota/admit.ts';
import { createQuotaClient } from '../../src/quota/client.ts';
import { stateOf } from '../../src/quota/edge-state.ts';
import { usage } from '../../src/quota/figures.ts';
import { giveBack } from '../../src/quota/give-back.ts';
import type { Ask } from '../../src/quota/isolate/decide.ts';
import type { AdmitAnswer, AdmitRequest, Drawer } from '../../src/quota/protocol.ts';
import { type Draft, stateFrom } from '../../src/quota/state.ts';
import { edgeKey, snapshotOf, withKey } from '../support/quota.ts';

const START = Date.parse('2026-06-01T12:00:00Z');

interface Faults {
  /** Nothing answers. */
  hangs: boolean;
  fails: boolean;
  /** What was asked is done, and the answer is lost. */
  losesAnswers: boolean;
}

/** One isolate, and the organization's object with the real core behind it; the clock goes only when told to. */
function newScene(fields: Partial<EdgeSnapshot> = {}) {
  let now = START;
  let ids = 0;
  const edge = stateOf(snapshotOf({ keys: [edgeKey()], ...fields }));
  const quota = stateFrom([]);
  const faults: Faults = { hangs: false, fails: false, losesAnswers: false };
  const asked: AdmitRequest[] = [];
  const waits: { until: number; wake: () => void }[] = [];
  const background: Promise<unknown>[] = [];
  const logged: string[] = [];
  const draft = (): Draft => ({ state: quota, now, changes: [] });
  const log = (event: string) => void logged.push(event);
  const client = createQuotaClient({
    clock: () => new Date(now),
    log: { info: log, warn: log, error: log },
    objectOf: () => ({
      async admit(requests): Promise<AdmitAnswer[]> {
        asked.push(...requests);
        if (faults.hangs) return new Promise(() => {});
        if (faults.fails) throw new Error('the machine is gone');
        const answers = requests.map((request) => admit(edge, draft(), request, () => `id-${++ids}`));
        if (faults.losesAnswers) throw new Error('the answer is lost');
        return answers;
      },
      async giveBack(operationId) {
        giveBack(edge, draft(), operationId);
      },
    }),
    publish: async () => {},
    shares: true,
    background: (work) => void background.push(work),
    after(milliseconds, run) {
      const wait = { until: now + milliseconds, wake: run };
      waits.push(wait);
      return () => {
        wait.wake = () => undefined;
      };
    },
  });
  const settle = () => new Promise((done) => setImmediate(done));
  return {
    faults,
    asked,
    logged,
    /** Lets time pass, and wakes what waited for it. */
    async pass(milliseconds: number) {
      now += milliseconds;
      for (const { until, wake } of waits) if (until <= now) wake();
      await settle();
    },
    ask: (fields: Partial<Ask> = {}) => client.admit('o1', { ...ONE, ...fields }),
    used: () => usage(edge, quota, now).used,
    degradedCalls: () => [...quota.windows.values()].reduce((sum, { row }) => sum + row.degraded.calls, 0),
  };
}

const ONE: Ask = {
  drawer: withKey('h1'),
  charge: { units: 1, tier: 0 },
  use: { address: undefined, method: 'GET', path: '/' },
};

const PERSON: Drawer = { kind: 'user', userId: 'u1' };

const LEASED = { plan: { name: 'enterprise', unitsPerHour: 1_000_000, leases: null } };

/** Enough requests, in enough time, that the object lends. */
async function warmUp(scene: ReturnType<typeof newScene>) {
  for (let n = 0; n < 40; n += 1) {
    await scene.ask();
    await scene.pass(100);
  }
}

describe('an isolate', () => {
  it('asks the object for each request where nothing is lent.', async () => {
    const scene = newScene();
    for (let n = 0; n < 5; n += 1) expect((await scene.ask()).ok).toBe(true);
    expect(scene.asked).toHaveLength(5);
    expect(scene.used()).toBe(5);
  });

  it('spends what it was lent without asking, and tells of it when it asks next.', async () => {
    const scene = newScene(LEASED);
    await warmUp(scene);
    const before = scene.asked.length;
    expect(before).toBeLessThan(20);
    const verdict = await scene.ask();
    expect(verdict).toMatchObject({ ok: true, key: { id: 'key_1' }, status: { degraded: false } });
    expect(scene.asked).toHaveLength(before);
    await scene.pass(5_000);
    expect(scene.used()).toBe(41);
  });

  it('gives units back to where they came from.', async () => {
    const scene = newScene(LEASED);
    for (let n = 0; n < 60; n += 1) {
      const verdict = await scene.ask();
      if (verdict.ok) await verdict.giveBack();
      await scene.pass(100);
    }
    await scene.pass(5_000);
    expect(scene.used()).toBe(0);
  });

  it('refuses by itself what was refused just now, but never less than that.', async () => {
    const scene = newScene();
    for (let n = 0; n < 9; n += 1) await scene.ask({ charge: { units: 5, tier: 0 } });
    const before = scene.asked.length;
    const ten = { charge: { units: 10, tier: 0 } } as const;
    expect(await scene.ask(ten)).toMatchObject({ ok: false, refused: 'quota' });
    expect(await scene.ask(ten)).toMatchObject({ ok: false, refused: 'quota', retryIn: 3_600_000 });
    expect(scene.asked).toHaveLength(before + 1);
    expect((await scene.ask({ charge: { units: 5, tier: 0 } })).ok).toBe(true);
  });

  it('asks but once in two seconds about a key that is no good.', async () => {
    const scene = newScene();
    for (let n = 0; n < 50; n += 1) {
      expect(await scene.ask({ drawer: withKey('gone') })).toEqual({ ok: false, refused: 'unknown' });
    }
    expect(scene.asked).toHaveLength(1);
    await scene.pass(2_000);
    await scene.ask({ drawer: withKey('gone') });
    expect(scene.asked).toHaveLength(2);
  });

  it('refuses nobody by that whose key it does not know.', async () => {
    const scene = newScene({ plan: { name: 'free', unitsPerHour: 1, leases: null } });
    await scene.ask();
    expect(await scene.ask()).toMatchObject({ refused: 'quota' });
    expect(await scene.ask({ drawer: withKey('h2') })).toEqual({ ok: false, refused: 'unknown' });
  });
});

describe('while the object cannot be asked', () => {
  it('a request is let through after a second, under a small limit, and the next ones at once.', async () => {
    const scene = newScene();
    await scene.ask();
    scene.faults.hangs = true;
    const first = scene.ask();
    await scene.pass(999);
    let done = false;
    void first.then(() => {
      done = true;
    });
    await scene.pass(0);
    expect(done).toBe(false);
    await scene.pass(1);
    expect(await first).toMatchObject({ ok: true, status: { degraded: true, limits: [{ limit: 10, remaining: 9 }] } });
    const asked = scene.asked.length;
    for (let n = 0; n < 9; n += 1) expect((await scene.ask()).ok).toBe(true);
    expect(await scene.ask()).toMatchObject({ ok: false, refused: 'quota', status: { degraded: true } });
    expect(scene.asked).toHaveLength(asked);
    expect(scene.logged).toContain('quota.unreachable');
    expect(scene.logged).toContain('quota.degraded');
  });

  it('is back by itself, and charges what was let through, once.', async () => {
    const scene = newScene();
    await scene.ask();
    scene.faults.fails = true;
    for (let n = 0; n < 3; n += 1) await scene.ask();
    scene.faults.fails = false;
    await scene.pass(1_000);
    expect(await scene.ask()).toMatchObject({ ok: true, status: { degraded: false, limits: [{ remaining: 45 }] } });
    await scene.ask();
    expect(scene.used()).toBe(6);
    expect(scene.degradedCalls()).toBe(3);
  });

  it('does not charge again what was charged when the answer was lost.', async () => {
    const scene = newScene();
    await scene.ask();
    scene.faults.losesAnswers = true;
    expect(await scene.ask()).toMatchObject({ ok: true, status: { degraded: true } });
    scene.faults.losesAnswers = false;
    await scene.pass(1_000);
    await scene.ask();
    expect(scene.used()).toBe(3);
    expect(scene.degradedCalls()).toBe(0);
  });

  it('takes back what was charged when the answer was lost and the request failed on our side.', async () => {
    const scene = newScene();
    await scene.ask();
    scene.faults.losesAnswers = true;
    const verdict = await scene.ask();
    expect(scene.used()).toBe(2);
    if (verdict.ok) await verdict.giveBack();
    scene.faults.losesAnswers = false;
    await scene.pass(1_000);
    await scene.ask();
    expect(scene.used()).toBe(2);
  });

  it('what fails on our side is not owed.', async () => {
    const scene = newScene();
    await scene.ask();
    scene.faults.fails = true;
    const verdict = await scene.ask();
    if (verdict.ok) await verdict.giveBack();
    scene.faults.fails = false;
    await scene.pass(1_000);
    await scene.ask();
    expect(scene.used()).toBe(2);
  });

  it('a key is let through only if it was seen within the last minute, and only where it may be used.', async () => {
    const scene = newScene({ keys: [edgeKey({ methods: ['GET'] })] });
    scene.faults.fails = true;
    expect(await scene.ask()).toEqual({ ok: false, refused: 'unavailable' });
    scene.faults.fails = false;
    await scene.pass(1_000);
    await scene.ask();
    scene.faults.fails = true;
    await scene.pass(59_999);
    expect((await scene.ask()).ok).toBe(true);
    const posted = await scene.ask({ use: { ...ONE.use, method: 'POST' } });
    expect(posted).toMatchObject({ ok: false, refused: 'method', by: { id: 'key_1' } });
    expect(await scene.ask({ drawer: withKey('h2') })).toEqual({ ok: false, refused: 'unavailable' });
    await scene.pass(1);
    expect(await scene.ask()).toEqual({ ok: false, refused: 'unavailable' });
    expect((await scene.ask({ drawer: PERSON })).ok).toBe(true);
  });

  it('leases are spent first, then what was put aside, and only then the small limit.', async () => {
    const scene = newScene(LEASED);
    await warmUp(scene);
    scene.faults.fails = true;
    expect(await scene.ask()).toMatchObject({ ok: true, status: { degraded: false } });
    await scene.pass(4_500);
    const aside = await scene.ask();
    expect(aside).toMatchObject({ ok: true, status: { degraded: true, limits: [{ name: 'hour' }] } });
    expect((await scene.ask({ charge: { units: 10_000, tier: 0 } })).ok).toBe(false);
    expect(scene.logged.filter((event) => event === 'quota.degraded')).toHaveLength(1);
    scene.faults.fails = false;
    await scene.pass(1_000);
    await scene.ask();
    expect(scene.degradedCalls()).toBe(0);
  });
});

describe('the figures of an isolate that was lent units', () => {
  const remainingOf = (verdict: Awaited<ReturnType<ReturnType<typeof newScene>['ask']>>) =>
    'status' in verdict ? verdict.status?.limits[0].remaining : undefined;

  it('go down by what each request costs, whoever decides it.', async () => {
    const scene = newScene({ plan: { name: 'enterprise', unitsPerHour: 20_000, leases: null } });
    for (let n = 1; n <= 200; n += 1) {
      expect(remainingOf(await scene.ask())).toBe(20_000 - n);
      await scene.pass(70);
    }
    expect(scene.asked.length).toBeLessThan(100);
  });

  it('say with a refusal what is truly left, and when there will be more.', async () => {
    const scene = newScene({ plan: { name: 'enterprise', unitsPerHour: 300, leases: true } });
    const verdicts = [];
    for (let n = 0; n < 310; n += 1) {
      verdicts.push(await scene.ask());
      await scene.pass(10);
    }
    expect(verdicts.filter(({ ok }) => ok)).toHaveLength(300);
    for (const verdict of verdicts.slice(300)) {
      expect(verdict).toMatchObject({ ok: false, refused: 'quota', status: { limits: [{ remaining: 0 }] } });
      if ('retryAt' in verdict) expect(verdict.retryAt).toBe(START + 3_600_000);
    }
  });
});
