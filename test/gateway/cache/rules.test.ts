import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answer, initialAge, readAnswer } from '../../../src/gateway/cache/answer.ts';
import { acceptsCoding, codingClass } from '../../../src/gateway/cache/coding.ts';
import { notModified, rangeApplies } from '../../../src/gateway/cache/conditions.ts';
import { parseDirectives } from '../../../src/gateway/cache/directives.ts';
import { ageOf, freshLeft, keepFor } from '../../../src/gateway/cache/freshness.ts';
import { parseHttpDate } from '../../../src/gateway/cache/http-date.ts';
import { readRange } from '../../../src/gateway/cache/range.ts';
import { readTerms } from '../../../src/gateway/cache/request.ts';
import { whyNotStored } from '../../../src/gateway/cache/storable.ts';
import { judge, usableOnError } from '../../../src/gateway/cache/verdict.ts';
import { POLICY, START } from './harness.ts';

const DATE = new Date(START).toUTCString();

const stored = (fields: Record<string, string>, status = 200, initial = 0): Answer =>
  readAnswer({
    ...{ kind: 'answer', status, fields: Object.entries({ date: DATE, ...fields }) },
    ...{ requestedAt: START, receivedAt: START, initialAge: initial, length: 5 },
  });

describe('directives (RFC 9111 §5.2)', () => {
  it.each([
    ['max-age=60', { 'max-age': '60' }],
    ['MAX-AGE=60, Public', { 'max-age': '60', public: '' }],
    ['max-age="60"', { 'max-age': '60' }],
    ['ext="a, no-store", max-age=5', { ext: 'a, no-store', 'max-age': '5' }],
    ['max-age=60, max-age=10', { 'max-age': '10' }],
    ['max-age=10, max-age=60', { 'max-age': '10' }],
    ['max-age="60, no-store', { 'no-store': '' }],
    ['max-age = 60, no-cache', { 'no-cache': '' }],
    [',,no-store,', { 'no-store': '' }],
    ['private="set-cookie, x"', { private: 'set-cookie, x' }],
    ['', {}],
  ])('reads %s', (field, expected) => {
    expect(Object.fromEntries(parseDirectives(field))).toEqual(expected);
  });

  it('reads any text in linear time without failing', () => {
    fc.assert(fc.property(fc.string({ maxLength: 2_000 }), (text) => parseDirectives(text) instanceof Map));
    expect(parseDirectives(`a="${'\\'.repeat(100_000)}`).size).toBe(0);
  });
});

describe('dates (RFC 9110 §5.6.7)', () => {
  it.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['Sunday, 06-Nov-94 08:49:37 GMT', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['Sun Nov  6 08:49:37 1994', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['0', null],
    ['-1', null],
    ['2026-11-22T12:00:00Z', null],
    ['Sun, 31 Feb 2026 08:49:37 GMT', null],
    ['Sun, 06 Nov 1994 25:49:37 GMT', null],
    ['Sun, 06 Nov 1994 08:49:37 UTC', null],
  ])('reads %s', (text, expected) => {
    expect(parseHttpDate(text, START)).toBe(expected);
  });

  it('reads back every date that is written', () => {
    const seconds = fc.integer({ min: 0, max: 4_102_444_800 });
    fc.assert(fc.property(seconds, (at) => parseHttpDate(new Date(at * 1_000).toUTCString(), START) === at * 1_000));
  });
});

describe('freshness (RFC 9111 §4.2)', () => {
  it.each([
    ['max-age', { 'cache-control': 'max-age=60' }, 60],
    ['s-maxage over max-age', { 'cache-control': 'max-age=60, s-maxage=10' }, 10],
    ['max-age over Expires', { 'cache-control': 'max-age=60', expires: 'Sun, 22 Nov 2026 13:00:00 GMT' }, 60],
    ['Expires', { expires: 'Sun, 22 Nov 2026 12:00:30 GMT' }, 30],
    ['an Expires that is no date', { expires: '0' }, 0],
    ['a max-age that is no number', { 'cache-control': 'max-age=1.5' }, 0],
    ['a negative max-age', { 'cache-control': 'max-age=-5' }, 0],
    ['a max-age beyond all bounds', { 'cache-control': 'max-age=99999999999999999999' }, 2 ** 31],
    ['no lifetime: none is guessed', { 'last-modified': 'Sun, 22 Nov 2020 12:00:00 GMT' }, 0],
    ['no-cache, whatever max-age', { 'cache-control': 'max-age=60, no-cache' }, 0],
  ])('is told by %s', (_title, fields, seconds) => {
    expect(freshLeft(stored(fields), POLICY, START)).toBe(seconds);
  });

  it.each([
    ['Age is added to the delay', { date: DATE, age: '7' }, 9],
    ['a Date in the past counts when it is more', { date: new Date(START - 58_000).toUTCString(), age: '7' }, 60],
    ['a Date in the future counts nothing', { date: new Date(START + 58_000).toUTCString() }, 2],
    ['the first member of Age counts', { date: DATE, age: '7, 100' }, 9],
    ['an Age that is no number counts nothing', { date: DATE, age: 'abc' }, 2],
    ['a negative Age counts nothing', { date: DATE, age: '-100' }, 2],
  ])('at the beginning: %s', (_title, headers, expected) => {
    expect(initialAge(new Headers(headers), START, START + 2_000)).toBe(expected);
  });

  it('has no part of the second in which it came', () => {
    expect(initialAge(new Headers({ date: DATE }), START + 100, START + 900)).toBe(0);
    expect(initialAge(new Headers({ date: DATE }), START + 1_100, START + 1_900)).toBe(1);
  });

  it('grows with the time here', () => {
    expect(ageOf(stored({}, 200, 5), START + 10_000)).toBe(15);
    expect(freshLeft(stored({ 'cache-control': 'max-age=60' }, 200, 5), POLICY, START + 10_000)).toBe(45);
  });

  it("is the owner's alone with mode ttl, counted from when the answer came", () => {
    const policy = { ...POLICY, mode: 'ttl' as const, ttlSeconds: 30 };
    expect(freshLeft(stored({ 'cache-control': 'no-cache, max-age=1' }, 200, 500), policy, START + 10_000)).toBe(20);
    expect(freshLeft(stored({}, 404), policy, START)).toBe(0);
  });

  it('says how long to keep: fresh time, stale time, and a day where the origin can confirm it', () => {
    expect(keepFor(stored({ 'cache-control': 'max-age=60' }), POLICY, START)).toBe(60);
    expect(keepFor(stored({ 'cache-control': 'max-age=60, stale-if-error=30' }), POLICY, START)).toBe(90);
    expect(keepFor(stored({ 'cache-control': 'max-age=60', etag: '"a"' }), POLICY, START)).toBe(86_460);
    expect(keepFor(stored({ 'cache-control': 'max-age=99999999999' }), POLICY, START)).toBe(30 * 86_400);
  });
});

describe('what may be stored (RFC 9111 §3)', () => {
  const cases: [string, Partial<Parameters<typeof whyNotStored>[0]>, number, Record<string, string>, string | null][] =
    [
      ['200 with max-age', {}, 200, { 'cache-control': 'max-age=60' }, null],
      ['404 with max-age', {}, 404, { 'cache-control': 'max-age=60' }, null],
      ['503 with max-age', {}, 503, { 'cache-control': 'max-age=60' }, null],
      ['302 with max-age', {}, 302, { 'cache-control': 'max-age=60' }, null],
      ['no lifetime and nothing to confirm by', {}, 200, {}, 'no-lifetime'],
      ['an ETag alone', {}, 200, { etag: '"a"' }, null],
      ['an ETag alone at 404', {}, 404, { etag: '"a"' }, 'no-lifetime'],
      ['max-age=0 without validator', {}, 200, { 'cache-control': 'max-age=0' }, 'no-lifetime'],
      ['HEAD', { method: 'HEAD' }, 200, { 'cache-control': 'max-age=60' }, 'method'],
      ['the client said no-store', { noStore: true }, 200, { 'cache-control': 'max-age=60' }, 'no-store'],
      ['the origin said no-store', {}, 200, { 'cache-control': 'no-store, max-age=60' }, 'no-store'],
      ['private', {}, 200, { 'cache-control': 'private, max-age=60' }, 'private'],
      ['private with field names', {}, 200, { 'cache-control': 'private="x", max-age=60' }, 'private'],
      [
        'Set-Cookie, although public',
        {},
        200,
        { 'cache-control': 'public, max-age=60', 'set-cookie': 'a=b' },
        'set-cookie',
      ],
      ['Vary: *', {}, 200, { 'cache-control': 'max-age=60', vary: 'accept, *' }, 'vary'],
      ['206', {}, 206, { 'cache-control': 'max-age=60' }, 'status'],
      ['304', {}, 304, { 'cache-control': 'max-age=60' }, 'status'],
      ['Content-Range on a 200', {}, 200, { 'cache-control': 'max-age=60', 'content-range': 'bytes 0-1/2' }, 'status'],
      ['must-understand over no-store', {}, 200, { 'cache-control': 'must-understand, no-store, max-age=60' }, null],
      ['must-understand, not understood', {}, 299, { 'cache-control': 'must-understand, max-age=60' }, 'status'],
      ['authorized, max-age alone', { authorized: true }, 200, { 'cache-control': 'max-age=60' }, 'authorized'],
      ['authorized, public', { authorized: true }, 200, { 'cache-control': 'public, max-age=60' }, null],
      ['authorized, s-maxage', { authorized: true }, 200, { 'cache-control': 's-maxage=60' }, null],
      [
        'authorized, must-revalidate',
        { authorized: true },
        200,
        { 'cache-control': 'must-revalidate, max-age=6' },
        null,
      ],
      ['authorized, public and private', { authorized: true }, 200, { 'cache-control': 'public, private' }, 'private'],
      ['gzip, taken', { coding: 'gzip' }, 200, { 'cache-control': 'max-age=60', 'content-encoding': 'gzip' }, null],
      ['gzip, not asked for', {}, 200, { 'cache-control': 'max-age=60', 'content-encoding': 'gzip' }, 'coding'],
      ['server-sent events', {}, 200, { 'cache-control': 'max-age=60', 'content-type': 'text/event-stream' }, 'stream'],
    ];
  it.each(cases)('%s', (_title, facts, status, headers, expected) => {
    const all = {
      method: 'GET',
      noStore: false,
      authorized: false,
      caller: null,
      coding: 'identity' as const,
      ...facts,
    };
    expect(whyNotStored(all, status, new Headers(headers), POLICY)).toBe(expected);
  });

  it.each([
    ['a 200 without any field', 200, {}, null],
    ['an answer to an authorized call', 200, { 'cache-control': 'max-age=1' }, null],
    ['no-cache', 200, { 'cache-control': 'no-cache' }, null],
    ['no-store', 200, { 'cache-control': 'no-store' }, 'no-store'],
    ['private', 200, { 'cache-control': 'private' }, 'private'],
    ['a 404 of which the origin says nothing', 404, {}, 'no-lifetime'],
    ['a 500', 500, {}, 'no-lifetime'],
  ])('with mode ttl: %s', (_title, status, headers, expected) => {
    const facts = { method: 'GET', noStore: false, authorized: true, caller: 'a', coding: 'identity' as const };
    expect(whyNotStored(facts, status, new Headers(headers), { ...POLICY, mode: 'ttl' })).toBe(expected);
  });
});

describe('whether it may be used (RFC 9111 §4)', () => {
  const cases: [string, string, string, number, string][] = [
    ['fresh', 'max-age=60', '', 59, 'fresh'],
    ['at its lifetime', 'max-age=60', '', 60, 'validate'],
    ['client: no-cache', 'max-age=60', 'no-cache', 5, 'validate'],
    ['client: no-cache within the second', 'max-age=60', 'no-cache', 0.5, 'fresh'],
    ['client: max-age=0', 'max-age=60', 'max-age=0', 5, 'validate'],
    ['client: max-age above the age', 'max-age=60', 'max-age=10', 5, 'fresh'],
    ['client: max-age below the age', 'max-age=60', 'max-age=4', 5, 'validate'],
    ['client: max-age and max-stale', 'max-age=60', 'max-age=4, max-stale=10', 5, 'fresh'],
    ['client: min-fresh that is there', 'max-age=60', 'min-fresh=10', 50, 'fresh'],
    ['client: min-fresh that is not', 'max-age=60', 'min-fresh=11', 50, 'validate'],
    ['client: max-stale without a number', 'max-age=60', 'max-stale', 5_000, 'stale'],
    ['client: max-stale that suffices', 'max-age=60', 'max-stale=10', 70, 'stale'],
    ['client: max-stale that does not', 'max-age=60', 'max-stale=10', 71, 'validate'],
    ['client: max-stale against must-revalidate', 'max-age=60, must-revalidate', 'max-stale', 61, 'validate'],
    ['client: max-stale against proxy-revalidate', 'max-age=60, proxy-revalidate', 'max-stale', 61, 'validate'],
    ['client: max-stale against s-maxage', 's-maxage=60', 'max-stale', 61, 'validate'],
    ['client: max-stale against no-cache', 'max-age=60, no-cache', 'max-stale', 61, 'validate'],
    ['stale-while-revalidate', 'max-age=60, stale-while-revalidate=10', '', 69, 'behind'],
    ['stale-while-revalidate, over', 'max-age=60, stale-while-revalidate=10', '', 70, 'validate'],
    [
      'stale-while-revalidate with must-revalidate',
      'max-age=6, must-revalidate, stale-while-revalidate=9',
      '',
      7,
      'validate',
    ],
    ['stale-while-revalidate with s-maxage', 's-maxage=6, stale-while-revalidate=9', '', 7, 'behind'],
    ['origin: no-cache', 'no-cache', '', 5, 'validate'],
  ];
  it.each(cases)('%s', (_title, origin, client, after, expected) => {
    const headers = new Headers(client === '' ? {} : { 'cache-control': client });
    expect(judge(stored({ 'cache-control': origin }), readTerms(headers), POLICY, START + after * 1_000)).toBe(
      expected,
    );
  });

  it('reads Pragma only where there is no Cache-Control', () => {
    expect(readTerms(new Headers({ pragma: 'no-cache' })).noCache).toBe(true);
    expect(readTerms(new Headers({ pragma: 'no-cache', 'cache-control': 'max-age=5' })).noCache).toBe(false);
  });

  it('stands in for a failing origin as long as stale-if-error says', () => {
    const answer = stored({ 'cache-control': 'max-age=60, stale-if-error=30' });
    expect(usableOnError(answer, POLICY, START + 89_000)).toBe(true);
    expect(usableOnError(answer, POLICY, START + 90_000)).toBe(false);
    expect(usableOnError(stored({ 'cache-control': 'max-age=60' }), POLICY, START + 61_000)).toBe(false);
    const hard = stored({ 'cache-control': 'max-age=60, must-revalidate, stale-if-error=30' });
    expect(usableOnError(hard, POLICY, START + 61_000)).toBe(false);
    expect(
      usableOnError(stored({ 'cache-control': 'max-age=60' }), { ...POLICY, staleIfErrorSeconds: 5 }, START + 61_000),
    ).toBe(true);
  });
});

describe('conditions and ranges (RFC 9110 §13, §14)', () => {
  const LONG_AGO = 'Sun, 22 Nov 2020 12:00:00 GMT';
  const tagged = stored({ etag: '"a"', 'last-modified': LONG_AGO });
  it.each([
    ['"a"', null, true],
    ['W/"a"', null, true],
    ['"x", W/"a"', null, true],
    ['"x" , "y,z","a"', null, true],
    ['"b"', null, false],
    ['a', null, false],
    ['*', null, true],
    ['"b"', LONG_AGO, false],
    [null, LONG_AGO, true],
    [null, 'Sat, 21 Nov 2020 12:00:00 GMT', false],
    [null, 'yesterday', false],
    [null, null, false],
  ])('If-None-Match %s with If-Modified-Since %s: %s', (ifNoneMatch, ifModifiedSince, expected) => {
    expect(notModified(tagged, { ifNoneMatch, ifModifiedSince })).toBe(expected);
  });

  it('selects no other status than 200', () => {
    expect(notModified(stored({ etag: '"a"' }, 404), { ifNoneMatch: '"a"', ifModifiedSince: null })).toBe(false);
  });

  it.each([
    [null, true],
    ['"a"', true],
    ['W/"a"', false],
    ['"b"', false],
    [LONG_AGO, true],
    ['Sat, 21 Nov 2020 12:00:00 GMT', false],
  ])('If-Range %s: %s', (ifRange, expected) => {
    expect(rangeApplies(tagged, ifRange)).toBe(expected);
  });

  it.each([
    ['bytes=0-3', { first: 0, last: 3 }],
    ['bytes=2-', { first: 2, last: 9 }],
    ['bytes=-3', { first: 7, last: 9 }],
    ['bytes=-30', { first: 0, last: 9 }],
    ['bytes=5-500', { first: 5, last: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-2', 'ignored'],
    ['bytes=0-1,3-4', 'ignored'],
    ['bytes=-', 'ignored'],
    ['items=0-1', 'ignored'],
  ])('Range %s of ten bytes', (field, expected) => {
    expect(readRange(field, 10)).toEqual(expected);
  });
});

describe('content codings (RFC 9110 §12.5.3)', () => {
  it.each([
    [null, 'identity'],
    ['', 'identity'],
    ['gzip, deflate, br, zstd', 'all'],
    ['gzip', 'gzip'],
    ['br;q=1.0, gzip;q=0', 'br'],
    ['*', 'all'],
    ['*;q=0', 'identity'],
    ['identity', 'identity'],
    ['gzip;q=abc', 'identity'],
    ['*, gzip;q=0', 'br'],
  ])('Accept-Encoding %s is %s', (field, expected) => {
    expect(codingClass(field)).toBe(expected);
  });

  it('gives a coded body to nobody who does not take it', () => {
    expect(acceptsCoding('identity', 'gzip')).toBe(false);
    expect(acceptsCoding('gzip', 'br')).toBe(false);
    expect(acceptsCoding('all', 'gzip, br')).toBe(false);
    expect(acceptsCoding('all', 'zstd')).toBe(false);
    expect(acceptsCoding('br', 'BR')).toBe(true);
  });
});
