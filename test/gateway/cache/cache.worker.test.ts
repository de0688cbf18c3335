import { describe, expect, it } from 'vitest';
import { workersCacheStore } from '../../../src/gateway/cache/index.ts';
import { workersPipe } from '../../../src/gateway/cache/pump.ts';
import { type Facts, newWorld } from './harness.ts';

const store = workersCacheStore(() => caches.open('weir'));

const worldOf = (origin: Parameters<typeof newWorld>[0], host: string) => {
  const world = newWorld(origin, {}, { store, pipe: workersPipe });
  return { ...world, call: (facts: Facts = {}) => world.call({ host, ...facts }) };
};

const gzip = async (text: string) =>
  new Uint8Array(
    await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer(),
  );

describe('the Cache API of workerd', () => {
  it('holds answers with whatever fields, and gives ranges of large ones', async () => {
    const body = 'abc'.repeat(50_000);
    const fields = { 'cache-control': 'max-age=60', etag: '"a"', 'x-text': 'é', 'content-type': 'text/plain' };
    const world = worldOf(() => ({ headers: fields, body }), 'ranges');
    expect((await world.call()).headers.get('content-length')).toBe('150000');
    world.otherIsolate();
    const again = await world.call();
    expect(again).toMatchObject({ status: 200, body, report: 'weir; hit; ttl=60' });
    expect(Object.fromEntries(again.headers)).toMatchObject({
      etag: '"a"',
      'x-text': 'é',
      'cache-control': 'max-age=60',
    });
    expect(await world.call({ headers: { range: 'bytes=149999-' } })).toMatchObject({ status: 206, body: 'c' });
  });

  it('neither undoes nor repeats a content coding', async () => {
    for (const [host, text] of [
      ['small', 'hello'],
      ['large', crypto.randomUUID().repeat(5_000)],
    ] as const) {
      const coded = await gzip(text);
      const headers = {
        'cache-control': 'max-age=60',
        'content-encoding': 'gzip',
        'content-length': String(coded.length),
      };
      const world = worldOf(() => ({ headers, body: new Blob([coded]).stream() }), host);
      for (const isolate of [1, 2]) {
        const response = await world.start({ host, headers: { 'accept-encoding': 'gzip' } });
        expect(response.headers.get('content-encoding')).toBe('gzip');
        expect(new Uint8Array(await response.arrayBuffer())).toEqual(coded);
        await world.settle();
        if (isolate === 1) world.otherIsolate();
      }
      expect(world.asked.length).toBe(1);
    }
  });

  it('does not keep a body that breaks off', async () => {
    let count = 0;
    const broken = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          count += 1;
          if (count % 2 === 0) return controller.error(new Error('the upstream went away'));
          controller.enqueue(new Uint8Array(70_000));
        },
      });
    const headers = { 'cache-control': 'max-age=60', 'content-length': '80000' };
    const world = worldOf(() => ({ headers, body: broken() }), 'broken');
    await expect(world.call()).rejects.toThrow();
    await world.settle();
    world.otherIsolate();
    await expect(world.call()).rejects.toThrow();
    expect(world.asked.length).toBe(2);
    await world.settle();
  });

  it('ends what a write has changed', async () => {
    const world = worldOf(
      (_headers, _ask, count) => ({ headers: { 'cache-control': 'max-age=60' }, body: `${count}` }),
      'write',
    );
    await world.call({ path: '/written' });
    world.wait(1);
    await world.call({ path: '/written', method: 'PUT' });
    world.wait(1);
    world.otherIsolate();
    expect((await world.call({ path: '/written' })).body).toBe('3');
  });
});
