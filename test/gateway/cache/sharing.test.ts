import { describe, expect, it } from 'vitest';
import type { CachePolicy, FieldChange } from '../../../src/gateway/compiled.ts';
import { type Around, type Facts, MAX_AGE, newWorld } from './harness.ts';

const PUBLIC = { headers: { 'cache-control': 'public, max-age=60' } };
const TTL = { mode: 'ttl' as const };

/** An origin whose every answer is another, and a call that tells which one came. */
function numbered(change: Partial<CachePolicy>, around: Around = {}, answer: object = {}) {
  const world = newWorld((_headers, _ask, count) => ({ ...answer, body: `${count}` }), change, {}, around);
  return { ...world, which: async (facts: Facts) => (await world.call(facts)).body };
}

const set = (name: string, value: string): Around => ({ headers: [{ do: 'set', name, value }] });

describe('what the request transform tells the upstream', () => {
  const changes: [string, FieldChange][] = [
    ['the caller', { do: 'set', name: 'X-Of', value: '{{caller.key_id}}' }],
    ['the caller, among other things', { do: 'add', name: 'X-Of', value: 'k={{caller.key_id}} t={{time.unix}}' }],
    ['a parameter of the path', { do: 'set', name: 'X-Of', value: '{{params.id | upper}}' }],
    ['the address', { do: 'set', name: 'X-Of', value: '{{request.address}}' }],
    ['a field', { do: 'set', name: 'X-Of', value: '{{request.header.x-tenant}}' }],
    ['a parameter of the query', { do: 'set', name: 'X-Of', value: '{{request.query.id}}' }],
    ['a field under another name', { do: 'rename', name: 'X-Tenant', value: 'X-Of' }],
  ];
  const policies: [string, Partial<CachePolicy>, object][] = [
    ['mode ttl, shared', { ...TTL, perCaller: false }, {}],
    ['an origin that says public', {}, PUBLIC],
  ];
  describe.each(policies)('%s', (_title, policy, answer) => {
    it.each(changes)('belongs to the key: %s', async (_name, change) => {
      const { which } = numbered(policy, { headers: [change] }, answer);
      const call = (of: string) => which({ path: '/lookup', authorized: true, caller: of, headers: { 'x-of': of } });
      expect([await call('a'), await call('b'), await call('a')]).toEqual(['1', '2', '1']);
    });
  });

  it('stays out of the key where it tells no resources and no callers apart', async () => {
    const around: Around = {
      headers: [
        { do: 'set', name: 'X-Id', value: '{{request.id}}' },
        { do: 'set', name: 'X-At', value: '{{time.iso}}' },
        { do: 'set', name: 'X-Api', value: '{{api.slug}}/{{api.version}} by {{request.scheme}}' },
        { do: 'remove', name: 'X-Gone', value: '' },
      ],
    };
    const { which } = numbered(TTL, around);
    expect([await which({ headers: { 'x-id': '1' } }), await which({ headers: { 'x-id': '2' } })]).toEqual(['1', '1']);
  });

  it('is a digest in the key, since it may be anything', async () => {
    const { call, store } = numbered(TTL, set('X-Of', '{{request.header.x-token}}'));
    await call({ headers: { 'x-of': 'very-secret' } });
    expect(store.keys().join()).not.toContain('very-secret');
  });
});

describe('the key', () => {
  it('has the scheme, of which the upstream is told', async () => {
    const { which } = numbered(TTL);
    expect([await which({ scheme: 'http' }), await which({ scheme: 'https' })]).toEqual(['1', '2']);
  });

  it('has the pool where several take calls, and does not where one does', async () => {
    const pools = (weight: number): Around => ({
      split: [
        { pool: 'main', weight: 9 },
        { pool: 'canary', weight },
      ],
    });
    const split = numbered(TTL, pools(1));
    expect([await split.which({ pool: 'main' }), await split.which({ pool: 'canary' })]).toEqual(['1', '2']);
    const whole = numbered(TTL, pools(0));
    expect([await whole.which({ pool: 'main' }), await whole.which({ pool: 'canary' })]).toEqual(['1', '1']);
  });
});

describe('answers to authorized requests with mode ttl', () => {
  const of = (caller: string): Facts => ({ authorized: true, caller });

  it("are each caller's own, in the isolate and in the store", async () => {
    const { which, otherIsolate, asked } = numbered(TTL);
    const all = async () => [await which(of('a')), await which(of('b')), await which(of('a')), await which({})];
    expect(await all()).toEqual(['1', '2', '1', '3']);
    otherIsolate();
    expect(await all()).toEqual(['1', '2', '1', '3']);
    expect(asked.length).toBe(3);
  });

  it.each(['public', 's-maxage=5', 'must-revalidate'])('are shared where the origin says %s', async (control) => {
    const { which } = numbered(TTL, {}, { headers: { 'cache-control': control } });
    expect([await which(of('a')), await which(of('b')), await which({})]).toEqual(['1', '1', '1']);
  });

  it('are shared where the policy says so in so many words', async () => {
    const { which } = numbered({ ...TTL, perCaller: false });
    expect([await which(of('a')), await which(of('b'))]).toEqual(['1', '1']);
  });

  it('are not: without a credential everybody shares', async () => {
    const { which } = numbered(TTL);
    expect([await which({}), await which({})]).toEqual(['1', '1']);
  });

  it('are not stored for a caller whom nobody else is, with mode origin', async () => {
    const { call } = numbered({ perCaller: false }, {}, MAX_AGE);
    expect((await call(of('a'))).report).toContain('detail=authorized');
  });

  it('differ by the fields of Vary too', async () => {
    const { which } = numbered(TTL, {}, { headers: { vary: 'X-Language' } });
    const say = (caller: string, language: string) => which({ ...of(caller), headers: { 'x-language': language } });
    expect([await say('a', 'de'), await say('a', 'en'), await say('b', 'de'), await say('a', 'de')]).toEqual([
      '1',
      '2',
      '3',
      '1',
    ]);
  });

  it('do not collapse into one, and do for one caller', async () => {
    const { start, asked } = numbered(TTL);
    const bodies = await Promise.all(['a', 'b', 'a', 'b', 'b'].map(async (caller) => (await start(of(caller))).text()));
    expect(bodies).toEqual(['1', '2', '1', '2', '2']);
    expect(asked.length).toBe(2);
  });

  it("become their caller's own when a confirmation was for that caller", async () => {
    const world = newWorld(
      (headers) =>
        headers.has('if-none-match')
          ? { status: 304, headers: { 'x-user': 'a' } }
          : { headers: { etag: '"1"', 'x-user': 'nobody' } },
      TTL,
    );
    await world.call();
    world.wait(61);
    expect((await world.call(of('a'))).headers.get('x-user')).toBe('a');
    expect((await world.call(of('a'))).report).toBe('weir; hit; ttl=60');
    expect((await world.call(of('b'))).headers.get('x-user')).toBe('nobody');
    expect((await world.call()).headers.get('x-user')).toBe('nobody');
  });

  it('are not confirmed for others by a 304 that makes them private', async () => {
    const world = newWorld((headers) =>
      headers.has('if-none-match')
        ? { status: 304, headers: { 'cache-control': 'private, max-age=60' } }
        : { headers: { ...MAX_AGE.headers, etag: '"1"' } },
    );
    await world.call();
    world.wait(61);
    expect((await world.call()).report).toBe('weir; fwd=stale; fwd-status=304; ttl=60; detail=private');
    expect((await world.call()).report).toContain('fwd=stale');
  });

  it('pass by a Vary that names no field', async () => {
    const { call } = numbered(TTL, {}, { headers: { vary: ':caller, a b' } });
    expect((await call(of('a'))).report).toContain('detail=vary');
  });
});

describe('writes (RFC 9111 §4.4)', () => {
  it.each([
    ['reads', { path: '/db/read-items', target: '/items' }, { path: '/items', target: '/items' }],
    ['writes', { path: '/items', target: '/items' }, { path: '/db/write-items', target: '/items' }],
    ['neither, at one upstream path', { path: '/x', target: '/items' }, { path: '/x', target: '/other' }],
  ])('end what is stored where the address of %s is written anew', async (_title, reading, writing) => {
    const { which, call, wait, otherIsolate } = numbered(TTL);
    expect(await which(reading)).toBe('1');
    wait(1);
    await call({ ...writing, method: 'POST' });
    wait(1);
    expect(await which(reading)).toBe('3');
    otherIsolate();
    expect(await which(reading)).toBe('3');
  });
});
