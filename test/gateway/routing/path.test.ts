import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathBefore, pathFrom, type RequestPath, readPath, readTarget } from '../../../src/gateway/routing/path.ts';

function read(raw: string): RequestPath {
  const path = readPath(raw);
  if (typeof path === 'string') throw new Error(`refused: ${path}`);
  return path;
}

describe('the path of a request', () => {
  it('is cut at its slashes, and a slash at the end is kept for the upstream alone.', () => {
    expect(read('/g/acme/shop')).toEqual({
      segments: ['g', 'acme', 'shop'],
      canonical: '/g/acme/shop',
      starts: [1, 3, 8],
    });
    expect(read('/a/')).toMatchObject({ segments: ['a'], canonical: '/a/' });
    expect(read('/')).toMatchObject({ segments: [], canonical: '/' });
    expect(read('')).toMatchObject({ segments: [], canonical: '' });
  });

  it('gives what follows a segment, and what stands before it.', () => {
    const path = read('/g/acme/shop/v1/');
    expect([3, 4, 9].map((index) => pathFrom(path, index))).toEqual(['/v1/', '/', '/']);
    expect([3, 4].map((index) => pathBefore(path, index))).toEqual(['/g/acme/shop', '/g/acme/shop/v1']);
    expect(pathFrom(read('/g/acme/shop'), 3)).toBe('');
    expect(pathBefore(read('/g/acme/shop'), 3)).toBe('/g/acme/shop');
  });

  it.each([
    ['/%61dmin', 'admin', '/admin'],
    ['/%7euser', '~user', '/~user'],
    ['/a%2ejson', 'a.json', '/a.json'],
    ['/caf%c3%a9', 'café', '/caf%C3%A9'],
    ['/café', 'café', '/caf%C3%A9'],
    ['/a%20b', 'a b', '/a%20b'],
    ['/a|b"{c}^[d]', 'a|b"{c}^[d]', '/a%7Cb%22%7Bc%7D%5E%5Bd%5D'],
    ['/me%40x', 'me@x', '/me%40x'],
    ['/me@x:y', 'me@x:y', '/me@x:y'],
    ['/a%3bb', 'a;b', '/a%3Bb'],
    ['/%252e%252e', '%2e%2e', '/%252e%252e'],
    ['/%252f', '%2f', '/%252f'],
    ['/...', '...', '/...'],
    ['/.well-known', '.well-known', '/.well-known'],
    ['/..a', '..a', '/..a'],
    ['/😀', '😀', '/%F0%9F%98%80'],
    ['/%3f%23', '?#', '/%3F%23'],
  ])('reads %s as the segment %s and passes %s on.', (raw, segment, canonical) => {
    expect(read(raw)).toMatchObject({ segments: [segment], canonical });
  });

  it.each([
    ['/a/../b', 'dots'],
    ['/a/./b', 'dots'],
    ['/..', 'dots'],
    ['/a/%2e%2e/b', 'dots'],
    ['/a/%2E%2e', 'dots'],
    ['/a/.%2e/b', 'dots'],
    ['/a/%2e/b', 'dots'],
    ['/a/..;/b', 'dots'],
    ['/a/..;x=1/b', 'dots'],
    ['/a/%2e%2e%3b/b', 'dots'],
    ['/a/..%20/b', 'dots'],
    ['/a/..%2fb', 'slash'],
    ['/a/%2e%2e%2fb', 'slash'],
    ['/a%2Fb', 'slash'],
    ['/a\\b', 'slash'],
    ['/a\\..\\b', 'slash'],
    ['/\\evil.test/x', 'slash'],
    ['/a%5cb', 'slash'],
    ['/a/..%5cb', 'slash'],
    ['//evil.test/x', 'empty'],
    ['/a//b', 'empty'],
    ['/a//', 'empty'],
    ['//', 'empty'],
    ['/%61//b', 'empty'],
    ['/%61//', 'empty'],
    ['*', 'empty'],
    ['/a;x=1/b', 'parameters'],
    ['/a;/b', 'parameters'],
    ['/%61;jsessionid=1', 'parameters'],
    ['/a%00', 'control'],
    ['/a%0d%0aX:1', 'control'],
    ['/a%7f', 'control'],
    ['/a\tb', 'control'],
    ['/a\u0080b', 'control'],
    ['/a%c2%85', 'control'],
    ['/%', 'encoding'],
    ['/a%4', 'encoding'],
    ['/%zz', 'encoding'],
    ['/%u002e', 'encoding'],
    ['/%ff', 'encoding'],
    ['/%c0%ae%c0%ae/a', 'encoding'],
    ['/%c0%af', 'encoding'],
    ['/%ed%a0%80', 'encoding'],
    ['/a\ud800', 'encoding'],
  ])('refuses %j (%s).', (raw, fault) => {
    expect(readPath(raw)).toBe(fault);
  });

  const raw = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '/',
          '/',
          '.',
          '..',
          '%2e',
          '%2E',
          '%2f',
          '%5c',
          '\\',
          ';',
          '%00',
          '%25',
          '%',
          'a',
          'b',
          '%61',
          ' ',
          'é',
        ),
        fc.string({ unit: 'binary', maxLength: 2 }),
      ),
      { maxLength: 12 },
    )
    .map((parts) => `/${parts.join('')}`);

  it('is, once it has been let through, read by a URL parser exactly as it was here, below any base.', () => {
    fc.assert(
      fc.property(raw, (text) => {
        const path = readPath(text);
        if (typeof path === 'string') return;
        const url = new URL(`https://upstream.test/base${path.canonical}`);
        expect(url.host).toBe('upstream.test');
        expect(url.pathname).toBe(`/base${path.canonical}`);
        expect(url.search + url.hash).toBe('');
        const seen = url.pathname.split('/').slice(2).map(decodeURIComponent);
        expect(seen.at(-1) === '' ? seen.slice(0, -1) : seen).toEqual(path.segments);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is canonical: read again, it is the same.', () => {
    fc.assert(
      fc.property(raw, (text) => {
        const path = readPath(text);
        if (typeof path !== 'string') expect(readPath(path.canonical)).toEqual(path);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is read the same way whichever characters are percent-encoded that need not be.', () => {
    const segment = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_~.'), minLength: 3, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.array(segment, { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.boolean()),
        (segments, coins) => {
          const encoded = segments.map((text) =>
            Array.from(text, (character) =>
              coins.next().value ? `%${character.charCodeAt(0).toString(16)}` : character,
            ).join(''),
          );
          expect(readPath(`/${encoded.join('/')}`)).toEqual(readPath(`/${segments.join('/')}`));
        },
      ),
    );
  });
});

describe('the target of a request', () => {
  it.each([
    ['https://GW.test:8443/a/../b?x=1', { host: 'gw.test', path: '/a/../b', search: '?x=1' }],
    ['https://gw.test./a', { host: 'gw.test', path: '/a', search: '' }],
    ['http://gw.test', { host: 'gw.test', path: '', search: '' }],
    ['http://gw.test?x', { host: 'gw.test', path: '', search: '?x' }],
    ['http://[::1]:80/a', { host: '[::1]', path: '/a', search: '' }],
    ['http://[::1]/a?b=/c?d', { host: '[::1]', path: '/a', search: '?b=/c?d' }],
    ['http://gw.test/a?b#c?d', { host: 'gw.test', path: '/a', search: '?b' }],
    ['http://gw.test/a#b?c', { host: 'gw.test', path: '/a', search: '' }],
  ])('is cut out of %s without being interpreted.', (url, target) => {
    expect(readTarget(url)).toEqual(target);
  });

  it.each([
    'http://me@gw.test/a',
    'http://gw.test\\evil/a',
    'http://gw test/a',
    'http:///a',
    'http://gw.test*',
    'http://a%2eb/',
  ])('is refused for its host: %j.', (url) => {
    expect(readTarget(url)).toBe('host');
  });
});
