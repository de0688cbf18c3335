import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NEVER_PURGED, purge } from '../../../src/gateway/cache/index.ts';
import { type KeyFacts, readQuery, resourceKey, variantKey } from '../../../src/gateway/cache/key.ts';
import { locatedPaths } from '../../../src/gateway/cache/write.ts';
import { scopeOf } from './harness.ts';

const facts = (change: Partial<KeyFacts> = {}): KeyFacts => ({
  ...{
    scheme: 'https',
    host: 'api.example',
    path: '/a',
    query: '',
    headers: new Headers(),
    caller: null,
    pool: 'main',
  },
  ...change,
});

const keyOf = async (change: Partial<KeyFacts>, scope = scopeOf()) =>
  new URL(resourceKey(scope, facts(change), readQuery(change.query ?? '', scope.parameters).keyed, 'identity')).href;

describe('keys', () => {
  it('differ wherever a part differs, whatever the client writes into it', async () => {
    const text = fc.oneof(
      fc.webPath(),
      fc.string({ maxLength: 12 }),
      fc.constantFrom('/..', '/.', '/%2e%2e', '/a/q', '/a?b', '/#'),
    );
    const one = fc.record({ host: fc.constantFrom('a', 'b', 'a/p', '..'), path: text, query: text, lang: text });
    await fc.assert(
      fc.asyncProperty(one, one, async (a, b) => {
        const scope = scopeOf({ varyHeaders: ['x-language'] });
        const key = ({ lang, query, ...rest }: typeof a) =>
          keyOf(
            {
              ...rest,
              query: encodeURIComponent(query),
              headers: new Headers({ 'x-language': encodeURIComponent(lang) }),
            },
            scope,
          );
        expect((await key(a)) === (await key(b))).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  it('are found under no path but their own', async () => {
    expect(await keyOf({ path: '/..' })).not.toBe(await keyOf({ path: '/' }));
    expect(await keyOf({ path: '/x/..' })).not.toBe(await keyOf({ path: '/' }));
    expect(new URL(await keyOf({ path: '/../../o' })).pathname.split('/').length).toBe(
      new URL(await keyOf({})).pathname.split('/').length,
    );
  });

  it('are digests where they would be too long, and where a credential is part of them', async () => {
    const long = await keyOf({ query: `q=${'x'.repeat(20_000)}` });
    expect(long.length).toBeLessThan(300);
    const headers = new Headers({ authorization: 'Bearer secret' });
    const ttl = scopeOf({ mode: 'ttl' });
    expect(await keyOf({ headers }, ttl)).not.toContain('secret');
    expect(await keyOf({ headers }, ttl)).not.toBe(await keyOf({}, ttl));
    expect(await keyOf({ headers })).toBe(await keyOf({}));
  });

  it('name the caller only where the policy wants it', async () => {
    const each = scopeOf({ perCaller: true });
    expect(await keyOf({ caller: 'a' }, each)).not.toBe(await keyOf({ caller: 'b' }, each));
    expect(await keyOf({ caller: 'a' })).toBe(await keyOf({ caller: 'b' }));
  });

  it('of variants follow the fields, with the space around commas left out', async () => {
    const key = (value: string) =>
      variantKey('https://x.invalid/', ['accept-language'], {
        headers: new Headers({ 'accept-language': value }),
        caller: null,
      });
    expect(await key('de, en')).toBe(await key('de,en'));
    expect(await key('de')).not.toBe(await key('en'));
  });
});

describe('queries', () => {
  it.each([
    ['b=2&a=1', null, 'b=2&a=1', 'a=1&b=2'],
    ['a=2&a=1', null, 'a=2&a=1', 'a=2&a=1'],
    ['%61=%7e&b=%3d', null, '%61=%7e&b=%3d', 'a=~&b=%3D'],
    ['id=1&utm=2', ['id'], 'id=1', 'id=1'],
    ['utm=1;id=2', ['id'], '', ''],
    ['id=1&id[]=2&ID=3', ['id'], 'id=1', 'id=1'],
    ['%69d=1', ['id'], '%69d=1', 'id=1'],
    ['%zz=1&id=2', ['id'], 'id=2', 'id=2'],
    ['', ['id'], '', ''],
  ])('%s with the list %s', (query, list, sent, keyed) => {
    expect(readQuery(query, list === null ? null : new Set(list))).toEqual({ sent, keyed });
  });
});

describe('purging', () => {
  it('gives a new key to what is purged and to nothing else', async () => {
    const tagged = (purged: typeof NEVER_PURGED) => keyOf({}, scopeOf({ tags: ['red', 'blue'] }, purged));
    const plain = await tagged(NEVER_PURGED);
    expect(await tagged(purge(NEVER_PURGED, { endpoints: ['e2'], tags: ['green'] }))).toBe(plain);
    expect(await tagged(purge(NEVER_PURGED, { endpoints: ['e1'], tags: [] }))).not.toBe(plain);
    expect(await tagged(purge(NEVER_PURGED, { endpoints: [], tags: ['blue'] }))).not.toBe(plain);
    expect(await tagged(purge(NEVER_PURGED, { all: true }))).not.toBe(plain);
  });

  it('never gives a key again that was given before', async () => {
    const names = fc.array(fc.constantFrom('e1', 'red', 'blue', '__proto__', 'constructor'), {
      minLength: 1,
      maxLength: 3,
    });
    const step = fc.oneof(fc.constant({ all: true as const }), fc.record({ endpoints: names, tags: names }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const seen = new Set<string>();
        let purged = NEVER_PURGED;
        for (const what of [...steps, { all: true as const }]) {
          const key = await keyOf({}, scopeOf({ tags: ['red', 'blue'] }, purged));
          const next = purge(purged, what);
          const after = await keyOf({}, scopeOf({ tags: ['red', 'blue'] }, next));
          seen.add(key);
          expect(after === key || !seen.has(after)).toBe(true);
          purged = next;
        }
      }),
    );
  });

  it('of too many names becomes a purge of all, so that the snapshot stays small', () => {
    const tags = Array.from({ length: 1_001 }, (_, index) => `t${index}`);
    expect(purge(NEVER_PURGED, { endpoints: [], tags })).toEqual({ all: 1, endpoints: {}, tags: {} });
  });
});

describe('the paths that a write changes', () => {
  const bases = [new URL('https://origin.example/base')];
  it.each([
    ['/base/orders/7', ['/orders/7']],
    ['7', ['/orders/7']],
    ['https://origin.example/base/x?y=1', ['/x']],
    ['https://other.example/base/x', []],
    ['/elsewhere', []],
    ['/base/../admin', []],
    ['//other.example/base/x', []],
    ['http://[', []],
  ])('Location %s', (location, expected) => {
    expect(locatedPaths(new Headers({ location }), '/orders/', bases)).toEqual(expected);
  });
});
