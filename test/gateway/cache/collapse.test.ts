import { describe, expect, it } from 'vitest';
import type { Timer } from '../../../src/gateway/cache/flights.ts';
import { type Answered, MAX_AGE, newWorld } from './harness.ts';

/** An origin that answers when it is told to. */
function held() {
  const waiting: ((answer: Answered) => void)[] = [];
  const origin = () => new Promise<Answered>((resolve) => waiting.push(resolve));
  /** Lets everything that can go on without the origin go on. */
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  /** Until so many wait at the origin: digests are made outside of the event loop's turns. */
  const arrived = async (count: number) => {
    while (waiting.length < count) await turn();
  };
  return { origin, turn, arrived, waiting, answer: (answer: Answered) => waiting.shift()?.(answer) };
}

const texts = (all: Promise<Response>[]) =>
  Promise.all(all.map(async (one) => [await (await one).text(), (await one).headers.get('cache-status')]));

describe('many callers at once', () => {
  it('are one request to the origin', async () => {
    const { origin, turn, answer, waiting } = held();
    const world = newWorld(origin);
    const all = Array.from({ length: 20 }, () => world.start());
    await turn();
    expect(waiting.length).toBe(1);
    answer(MAX_AGE);
    const got = await texts(all);
    expect(got[0]).toEqual(['hello', 'weir; fwd=uri-miss; fwd-status=200; ttl=60; stored']);
    expect(new Set(got.slice(1).map(String))).toEqual(
      new Set(['hello,weir; fwd=uri-miss; fwd-status=200; ttl=60; collapsed']),
    );
    expect(world.asked.length).toBe(1);
  });

  it('ask each for themselves when what came is not for others, and do not wait in a row the next time', async () => {
    const { origin, turn, arrived, answer, waiting } = held();
    const world = newWorld(origin);
    const all = Array.from({ length: 5 }, () => world.start());
    await turn();
    answer({ headers: { 'cache-control': 'private' }, body: 'mine' });
    await arrived(4);
    expect(waiting.length).toBe(4);
    const later = Array.from({ length: 3 }, () => world.start());
    await turn();
    expect(waiting.length).toBe(7);
    while (waiting.length > 0) answer({ headers: { 'cache-control': 'private' }, body: 'other' });
    expect((await texts(all)).map(([body]) => body)).toEqual(['mine', 'other', 'other', 'other', 'other']);
    await texts(later);
  });

  it('get no answer of another variant', async () => {
    const { origin, arrived, answer } = held();
    const world = newWorld(origin);
    const all = ['de', 'en', 'de'].map((language) => world.start({ headers: { 'accept-language': language } }));
    await arrived(1);
    answer({ headers: { ...MAX_AGE.headers, vary: 'accept-language' }, body: 'de' });
    await arrived(1);
    answer({ headers: { ...MAX_AGE.headers, vary: 'accept-language' }, body: 'en' });
    expect((await texts(all)).map(([body]) => body)).toEqual(['de', 'en', 'de']);
    expect(world.asked.length).toBe(2);
  });

  it('wait for a bounded time, also for a leader that never lands', async () => {
    const { origin, turn, answer, waiting } = held();
    const timers: (() => void)[] = [];
    const timer: Timer = (_ms, fire) => {
      timers.push(fire);
      return () => undefined;
    };
    const world = newWorld(origin, {}, { timer });
    const lost = world.start();
    const follower = world.start();
    await turn();
    expect(waiting.length).toBe(1);
    world.wait(5);
    for (const fire of timers) fire();
    await turn();
    expect(waiting.length).toBe(2);
    for (const _ of [1, 2]) answer(MAX_AGE);
    expect((await texts([follower, lost])).map(([body]) => body)).toEqual(['hello', 'hello']);
  });

  it('share a confirmation, and a failure for which a stale answer stands in', async () => {
    const { origin, turn, answer } = held();
    const world = newWorld(origin, { staleIfErrorSeconds: 30 });
    const first = world.start();
    await turn();
    answer({ headers: { ...MAX_AGE.headers, etag: '"a"' } });
    await (await first).text();
    world.wait(61);
    const failing = [world.start(), world.start()];
    await turn();
    answer({ status: 502, body: '' });
    expect((await texts(failing)).map(([body]) => body)).toEqual(['hello', 'hello']);
    const confirming = [world.start(), world.start(), world.start()];
    await turn();
    answer({ status: 304 });
    expect((await texts(confirming))[2]).toEqual(['hello', 'weir; fwd=stale; fwd-status=304; ttl=60; collapsed']);
    expect(world.asked.length).toBe(3);
  });

  it.each([
    ['answers with 503', () => ({ status: 503, body: 'down' })],
    ['gives no answer', () => Promise.reject(new Error('refused'))],
  ])('ask one after another while the origin %s, and once when it is back', async (_title, failure) => {
    let asking = 0;
    let most = 0;
    const world = newWorld(async (_headers, _ask, count) => {
      most = Math.max(most, ++asking);
      await new Promise((resolve) => setImmediate(resolve));
      asking -= 1;
      return count <= 2 ? failure() : MAX_AGE;
    });
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => world.start()));
    const good = all.filter((one) => one.status === 'fulfilled' && one.value.status === 200);
    expect([world.asked.length, most, good.length]).toEqual([3, 1, 8]);
  });

  it('do not wait for longer than before while it fails', async () => {
    const world = newWorld(async () => {
      world.wait(6);
      await new Promise((resolve) => setImmediate(resolve));
      return { status: 503, body: 'down' };
    });
    await texts(Array.from({ length: 5 }, () => world.start()));
    expect(world.asked.length).toBe(5);
  });

  it('behind whom the answer is stale make one request behind', async () => {
    const { origin, turn, answer, waiting } = held();
    const world = newWorld(origin, { staleWhileRevalidateSeconds: 30 });
    const first = world.start();
    await turn();
    answer(MAX_AGE);
    await (await first).text();
    world.wait(61);
    const got = await texts(Array.from({ length: 10 }, () => world.start()));
    expect(got.every(([, report]) => report === 'weir; hit; ttl=-1')).toBe(true);
    expect(waiting.length).toBe(1);
    answer(MAX_AGE);
    await world.settle();
    expect(world.asked.length).toBe(2);
  });
});
