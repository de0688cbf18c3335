import { describe, expect, it } from 'vitest';
import { matchMixed, readPattern } from '../../../src/gateway/routing/pattern.ts';

const shape = (path: string) => {
  const pattern = readPattern(path);
  return typeof pattern === 'string' ? pattern : pattern.shape;
};

describe('a path pattern', () => {
  it.each([
    ['/', '/'],
    ['/orders/', '/orders'],
    ['/orders/{id}/lines/{line-no}', '/orders/{}/lines/{}'],
    ['/files/{rest*}', '/files/{*}'],
    ['/caf%c3%a9/%61', '/caf%C3%A9/a'],
    ['/café/a', '/caf%C3%A9/a'],
    ['/orders/{id}:cancel', '/orders/{}%3Acancel'],
    ['/range/{from}..{to}', '/range/{}..{}'],
    ['/a/%7Bid%7D', '/a/%7Bid%7D'],
  ])('%s has the shape %s.', (path, expected) => {
    expect(shape(path)).toBe(expected);
  });

  it.each([
    ['orders', 'A path begins with a slash'],
    ['/a//b', 'A path has no empty segments'],
    ['/{rest*}/b', '{rest*} can only be the last segment'],
    ['/{id}/{id}', 'The parameter id is there twice'],
    ['/{a}{b}', '{a}{b} has parameters with nothing between them'],
    ['/{}', '{} is no segment: a parameter is {name}, the rest {name*}'],
    ['/{a b}', '{a b} is no segment: a parameter is {name}, the rest {name*}'],
    ['/x{rest*}', 'x{rest*} is no segment: a parameter is {name}, the rest {name*}'],
    ['/a}', 'a} is no segment: a parameter is {name}, the rest {name*}'],
    ['/../b', '.. has a part that no request can have (dots)'],
    ['/%2e/b', '%2e has a part that no request can have (dots)'],
    ['/a;b', 'a;b has a part that no request can have (parameters)'],
    ['/a%2fb', 'a%2fb has a part that no request can have (slash)'],
    ['/{a}%00', '{a}%00 has a part that no request can have (control)'],
    ['/%zz', '%zz has a part that no request can have (encoding)'],
  ])('%s is refused: %s.', (path, fault) => {
    expect(readPattern(path)).toBe(fault);
  });
});

describe('text around parameters', () => {
  it('gives each as little as it can and the last what remains, never nothing.', () => {
    expect(matchMixed(['', '.', ''], 'a.b.c')).toEqual(['a', 'b.c']);
    expect(matchMixed(['', '.', ''], '.b')).toBeNull();
    expect(matchMixed(['', '.', ''], 'a.')).toBeNull();
    expect(matchMixed(['', '.', ''], '..b')).toEqual(['.', 'b']);
    expect(matchMixed(['v', ''], 'v')).toBeNull();
    expect(matchMixed(['ab', 'ba'], 'aba')).toBeNull();
    expect(matchMixed(['ab', 'ba'], 'abxba')).toEqual(['x']);
  });

  it('takes one pass over a long segment.', () => {
    const texts = ['', ...Array.from({ length: 50 }, () => 'a'), 'b'];
    expect(matchMixed(texts, 'a'.repeat(16_000))).toBeNull();
  });
});
