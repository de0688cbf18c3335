import { describe, expect, it } from 'vitest';
import { MAX_AGE, mapStore, newWorld } from './harness.ts';

const HOUR = { headers: { 'cache-control': 'max-age=3600', etag: '"a"' } };

describe('answers from the cache', () => {
  it('say how they came about, and how old they are', async () => {
    const world = newWorld(() => MAX_AGE);
    const first = await world.call();
    expect(first.report).toBe('weir; fwd=uri-miss; fwd-status=200; ttl=60; stored');
    world.wait(10);
    const second = await world.call();
    expect(second).toMatchObject({ status: 200, body: 'hello', report: 'weir; hit; ttl=50' });
    expect(second.headers.get('age')).toBe('10');
    expect(world.asked.length).toBe(1);
  });

  it('are found by another isolate of the data centre', async () => {
    const world = newWorld(() => MAX_AGE);
    await world.call();
    world.otherIsolate();
    expect((await world.call()).report).toBe('weir; hit; ttl=60');
  });

  it('cost neither the store nor a wait where caching is off', async () => {
    const world = newWorld(() => MAX_AGE, { mode: 'off' });
    expect((await world.call()).report).toBeNull();
    expect((await world.call({ method: 'POST' })).report).toBeNull();
    expect([world.asked.length, world.store.gets, world.store.size()]).toEqual([2, 0, 0]);
  });

  it('stand behind the members of caches nearer to the origin', async () => {
    const world = newWorld(() => ({ headers: { 'cache-status': 'cdn; hit', 'cache-control': 'no-store' } }));
    expect((await world.call()).report).toBe('cdn; hit, weir; fwd=uri-miss; fwd-status=200; detail=no-store');
  });

  it('keep those members while they are stored', async () => {
    const world = newWorld(() => ({ headers: { ...MAX_AGE.headers, 'cache-status': 'cdn; hit' } }));
    expect((await world.call()).report).toBe('cdn; hit, weir; fwd=uri-miss; fwd-status=200; ttl=60; stored');
    expect((await world.call()).report).toBe('cdn; hit, weir; hit; ttl=60');
  });

  it('have no Age where the origin itself made or confirmed them for the call (RFC 9111 §5.1)', async () => {
    const world = newWorld((headers) => (headers.has('if-none-match') ? { status: 304 } : HOUR));
    const ageOf = async () => (await world.call()).headers.get('age');
    expect([await ageOf(), await ageOf()]).toEqual([null, '0']);
    world.wait(3_600);
    expect([await ageOf(), await ageOf()]).toEqual([null, '0']);
    const behind = newWorld(() => ({ headers: { ...MAX_AGE.headers, age: '7' } }));
    expect((await behind.call()).headers.get('age')).toBe('7');
  });

  it.each(['no-cache', 'max-age=0', 'min-fresh=3600'])(
    'that are fresh are passed by because the request says %s (RFC 9211 §2.2)',
    async (control) => {
      const world = newWorld((headers) => (headers.has('if-none-match') ? { status: 304 } : HOUR));
      await world.call();
      world.wait(5);
      const again = await world.call({ headers: { 'cache-control': control } });
      expect(again.report).toBe('weir; fwd=request; fwd-status=304; ttl=3600; stored');
    },
  );

  it('serve a HEAD, with the length and without the body', async () => {
    const world = newWorld(() => MAX_AGE);
    await world.call();
    const head = await world.call({ method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, body: '', report: 'weir; hit; ttl=60' });
    expect(head.headers.get('content-length')).toBe('5');
  });

  it('are 304 for a client that has them, and never from a HEAD that was stored', async () => {
    const world = newWorld(() => HOUR);
    expect((await world.call({ method: 'HEAD' })).report).toContain('detail=method');
    const first = await world.call({ headers: { 'if-none-match': '"a"' } });
    expect(first).toMatchObject({ status: 304, body: '' });
    expect(world.asked[1]?.has('if-none-match')).toBe(false);
    expect(await world.call({ headers: { 'if-none-match': 'W/"a"' } })).toMatchObject({
      status: 304,
      report: 'weir; hit; ttl=3600',
    });
    expect(await world.call({ headers: { 'if-none-match': '"b"' } })).toMatchObject({ status: 200, body: 'hello' });
  });

  it('are cut to a range, from the isolate and from the store', async () => {
    const body = 'abc'.repeat(40_000);
    const world = newWorld((_, ask) => ({ ...HOUR, body: ask === undefined ? '' : body }));
    await world.call();
    const cut = await world.call({ headers: { range: 'bytes=1-3', 'if-range': '"a"' } });
    expect(cut).toMatchObject({ status: 206, body: 'bca' });
    expect(cut.headers.get('content-range')).toBe('bytes 1-3/120000');
    expect(await world.call({ headers: { range: 'bytes=1-3', 'if-range': '"b"' } })).toMatchObject({
      status: 200,
      body,
    });
    const beyond = await world.call({ headers: { range: 'bytes=120000-' } });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */120000']);
    expect(world.asked.length).toBe(1);
  });

  it('do not take a range on a miss for the whole', async () => {
    const world = newWorld((headers) =>
      headers.has('range')
        ? { status: 206, headers: { ...HOUR.headers, 'content-range': 'bytes 0-1/5' }, body: 'he' }
        : HOUR,
    );
    expect(await world.call({ headers: { range: 'bytes=0-1' } })).toMatchObject({ status: 206, body: 'he' });
    expect(await world.call()).toMatchObject({ status: 200, body: 'hello' });
    expect(world.asked.length).toBe(2);
  });

  it('of unknown length are stored when they have ended, and not when they are too large', async () => {
    const stream = (bytes: number) => new Blob(['x'.repeat(bytes)]).stream();
    const world = newWorld((_headers, _ask, count) => ({ ...MAX_AGE, body: stream(count === 1 ? 9 : 500_000) }), {
      maxBytes: 100_000,
    });
    expect((await world.call()).body).toBe('xxxxxxxxx');
    expect((await world.call()).report).toBe('weir; hit; ttl=60');
    expect((await world.call({ path: '/large' })).body.length).toBe(500_000);
    expect((await world.call({ path: '/large' })).report).toContain('fwd=uri-miss');
  });

  it('that break off are not stored', async () => {
    const broken = () => {
      let sent = false;
      return new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (sent) return controller.error(new Error('the upstream went away'));
          sent = true;
          controller.enqueue(new Uint8Array(70_000));
        },
      });
    };
    for (const headers of [{}, { 'content-length': '80000' }, { 'content-length': '60000' }]) {
      const world = newWorld(() => ({ headers: { ...MAX_AGE.headers, ...headers }, body: broken() }));
      await expect(world.call()).rejects.toThrow('the upstream went away');
      await world.settle();
      expect(world.store.size()).toBe(0);
    }
  });

  it('go on without a store that fails', async () => {
    const failures: unknown[] = [];
    const down = async () => {
      throw new Error('the store is down');
    };
    const store = { ...mapStore(), get: down, put: down, delete: down };
    const world = newWorld(
      () => ({ ...MAX_AGE, body: 'x'.repeat(100_000) }),
      {},
      { store, onStoreError: (error) => void failures.push(error) },
    );
    expect((await world.call()).body.length).toBe(100_000);
    expect(failures.length).toBeGreaterThan(0);
  });
});

describe('who gets whose answer', () => {
  it('keeps answers to authorized calls from others unless the origin shares them', async () => {
    const world = newWorld((_headers, _ask, count) => ({ ...MAX_AGE, body: `for ${count}` }));
    expect((await world.call({ authorized: true, caller: 'a' })).report).toContain('detail=authorized');
    expect((await world.call({ authorized: true, caller: 'b' })).body).toBe('for 2');
  });

  it('gives each caller a cache of its own with perCaller, and none to a stranger', async () => {
    const world = newWorld((_headers, _ask, count) => ({ ...MAX_AGE, body: `for ${count}` }), { perCaller: true });
    expect((await world.call({ authorized: true, caller: 'a' })).body).toBe('for 1');
    expect((await world.call({ authorized: true, caller: 'b' })).body).toBe('for 2');
    expect((await world.call({ authorized: true, caller: 'a' })).body).toBe('for 1');
    expect((await world.call()).report).toBe('weir; fwd=bypass; detail=anonymous');
  });

  it('tells users apart by what is passed on to the upstream, also with mode ttl', async () => {
    const world = newWorld((headers) => ({ body: `for ${headers.get('cookie')}` }), { mode: 'ttl' });
    for (const cookie of ['u=1', 'u=2', 'u=1'])
      expect((await world.call({ authorized: true, headers: { cookie } })).body).toBe(`for ${cookie}`);
    expect(world.asked.length).toBe(2);
  });

  it('follows Vary, its changes, and the fields of the policy', async () => {
    const world = newWorld((headers) => ({
      headers: { ...MAX_AGE.headers, vary: 'Accept-Language' },
      body: `${headers.get('accept-language')}`,
    }));
    const say = (language: string) => world.call({ headers: { 'accept-language': language } });
    expect((await say('de')).body).toBe('de');
    expect(await say('en')).toMatchObject({
      body: 'en',
      report: 'weir; fwd=vary-miss; fwd-status=200; ttl=60; stored',
    });
    expect(await say('de')).toMatchObject({ body: 'de', report: 'weir; hit; ttl=60' });
    world.otherIsolate();
    expect(await say('en')).toMatchObject({ body: 'en', report: 'weir; hit; ttl=60' });
  });

  it('never gives a gzip body to a client that takes none', async () => {
    const world = newWorld((headers) =>
      headers.get('accept-encoding') === 'identity'
        ? { ...MAX_AGE, body: 'plain' }
        : { headers: { ...MAX_AGE.headers, 'content-encoding': 'gzip' }, body: 'coded' },
    );
    expect((await world.call({ headers: { 'accept-encoding': 'gzip, br' } })).body).toBe('coded');
    expect((await world.call()).body).toBe('plain');
    expect(
      (await world.call({ headers: { 'accept-encoding': 'br, gzip;q=0.5' } })).headers.get('content-encoding'),
    ).toBe('gzip');
    expect(world.asked.length).toBe(2);
  });

  it.each([
    ['a body', { hasBody: true }, 'body'],
    ['X-HTTP-Method-Override', { headers: { 'x-http-method-override': 'POST' } }, 'override'],
    ['X-Original-URL', { headers: { 'x-original-url': '/admin' } }, 'override'],
    ['If-Match', { headers: { 'if-match': '"a"' } }, 'precondition'],
  ])('lets nobody fill the cache by %s, which no key has', async (_title, facts, detail) => {
    const world = newWorld(() => MAX_AGE);
    expect((await world.call(facts)).report).toBe(`weir; fwd=bypass; detail=${detail}`);
    expect(world.store.size()).toBe(0);
  });

  it('sends no parameter on that is not in the key', async () => {
    const world = newWorld(() => MAX_AGE, { queryParameters: ['id'] });
    await world.call({ query: 'id=1&utm=x;id=2' });
    expect(world.asks[0]?.query).toBe('id=1');
    expect((await world.call({ query: 'other=3&id=1' })).report).toBe('weir; hit; ttl=60');
  });
});

describe('confirming stored answers', () => {
  it('asks with the validators and takes over what the 304 names', async () => {
    const world = newWorld((headers) =>
      headers.has('if-none-match')
        ? {
            status: 304,
            headers: { etag: 'W/"a"', 'cache-control': 'max-age=99', 'x-new': '1', 'content-type': 'no/thing' },
          }
        : { headers: { 'cache-control': 'max-age=60', etag: '"a"', 'content-type': 'text/plain', 'x-old': '1' } },
    );
    await world.call();
    world.wait(61);
    const again = await world.call({ headers: { 'if-none-match': '"client"' } });
    expect(again).toMatchObject({
      status: 200,
      body: 'hello',
      report: 'weir; fwd=stale; fwd-status=304; ttl=99; stored',
    });
    expect(world.asked[1]?.get('if-none-match')).toBe('"a"');
    expect(Object.fromEntries(again.headers)).toMatchObject({
      'x-new': '1',
      'x-old': '1',
      'content-type': 'text/plain',
      etag: '"a"',
    });
    world.wait(98);
    expect((await world.call()).report).toBe('weir; hit; ttl=1');
  });

  it('writes a large body back with its new fields', async () => {
    const world = newWorld((headers) =>
      headers.has('if-none-match')
        ? { status: 304, headers: { 'cache-control': 'max-age=60' } }
        : { headers: { 'cache-control': 'max-age=60', etag: '"a"' }, body: 'x'.repeat(100_000) },
    );
    await world.call();
    world.wait(61);
    expect((await world.call()).body.length).toBe(100_000);
    world.otherIsolate();
    expect(await world.call()).toMatchObject({ report: 'weir; hit; ttl=60', body: 'x'.repeat(100_000) });
  });

  it('asks again without condition when the 304 is about another answer', async () => {
    const world = newWorld((headers) =>
      headers.has('if-none-match')
        ? { status: 304, headers: { etag: '"other"' } }
        : { headers: { ...MAX_AGE.headers, etag: '"a"' } },
    );
    await world.call();
    world.wait(61);
    expect(await world.call()).toMatchObject({ status: 200, body: 'hello' });
    expect(world.asked.length).toBe(3);
  });

  it('forgets what the origin has replaced by something that may not be stored', async () => {
    const world = newWorld((_headers, _ask, count) =>
      count === 1 ? HOUR : { headers: { 'cache-control': 'no-store' }, body: 'new' },
    );
    await world.call();
    world.wait(5);
    expect((await world.call({ headers: { 'cache-control': 'no-cache' } })).body).toBe('new');
    expect((await world.call()).body).toBe('new');
  });

  it('answers at once while it asks behind the client (RFC 5861 §3)', async () => {
    const world = newWorld((_headers, _ask, count) => ({
      headers: { 'cache-control': 'max-age=60, stale-while-revalidate=30' },
      body: `${count}`,
    }));
    await world.call();
    world.wait(70);
    expect(await world.call()).toMatchObject({ body: '1', report: 'weir; hit; ttl=-10' });
    expect(world.asks[1]?.behind).toBe(true);
    expect(await world.call()).toMatchObject({ body: '2', report: 'weir; hit; ttl=60' });
  });

  it.each([
    ['a 503', () => ({ status: 503, body: 'down' }), 'weir; fwd=stale; fwd-status=503; ttl=-10; detail=stale-if-error'],
    [
      'no answer',
      () => {
        throw new Error('refused');
      },
      'weir; fwd=stale; ttl=-10; detail=stale-if-error',
    ],
  ])('stands in for an origin that gives %s (RFC 5861 §4)', async (_title, failure, report) => {
    const world = newWorld((_headers, _ask, count) => (count === 1 ? MAX_AGE : failure()), { staleIfErrorSeconds: 30 });
    await world.call();
    world.wait(70);
    expect(await world.call()).toMatchObject({ status: 200, body: 'hello', report });
  });

  it('passes an error on where it may not stand in', async () => {
    const world = newWorld((_headers, _ask, count) => (count === 1 ? MAX_AGE : { status: 503, body: 'down' }));
    await world.call();
    world.wait(70);
    expect(await world.call()).toMatchObject({ status: 503, body: 'down', report: 'weir; fwd=stale; fwd-status=503' });
  });

  it('answers only-if-cached with 504 where nothing is stored', async () => {
    const world = newWorld(() => MAX_AGE);
    const call = world.call({ headers: { 'cache-control': 'only-if-cached' } });
    await expect(call).rejects.toMatchObject({ code: 'gateway_timeout', status: 504 });
    expect(world.refusals).toEqual(['weir; fwd=request; detail=only-if-cached']);
    expect(world.asked.length).toBe(0);
  });

  it('does not store for a client that says no-store', async () => {
    const world = newWorld(() => MAX_AGE);
    await world.call({ headers: { 'cache-control': 'no-store' } });
    expect(world.store.size()).toBe(0);
  });
});

describe('writes (RFC 9111 §4.4)', () => {
  const write = (status: number) => (headers: Headers) =>
    headers.has('x-write') ? { status, headers: { location: '/base/things/7' } } : HOUR;

  it('end what is stored of their path in every variant, and of the path they name', async () => {
    const world = newWorld(write(201));
    const reads = [
      { query: 'a=1' },
      { query: 'a=2' },
      { headers: { 'accept-encoding': 'gzip' } },
      { path: '/things/7' },
      { path: '/other' },
    ];
    for (const one of reads) await world.call(one);
    world.wait(1);
    expect((await world.call({ method: 'POST', headers: { 'x-write': '1' } })).report).toBe('weir; fwd=method');
    world.wait(1);
    const hits = async () =>
      Promise.all(reads.map(async (one) => (await world.call(one)).report?.startsWith('weir; hit')));
    const before = world.asked.length;
    world.otherIsolate();
    expect(await hits()).toEqual([false, false, false, false, true]);
    expect(world.asked.length).toBe(before + 4);
    expect(await hits()).toEqual([true, true, true, true, true]);
  });

  it('that were refused end nothing', async () => {
    const world = newWorld(write(403));
    await world.call();
    await world.call({ method: 'DELETE', headers: { 'x-write': '1' } });
    expect((await world.call()).report).toContain('hit');
  });
});
