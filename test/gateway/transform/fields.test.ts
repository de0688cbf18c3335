import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldChange } from '../../../src/gateway/compiled.ts';
import { compileHeaders, compileQuery } from '../../../src/gateway/transform/fields.ts';
import type { CallFacts } from '../../../src/gateway/transform/names.ts';
import { compilePath, faultOfPath } from '../../../src/gateway/transform/path.ts';
import { compileTemplate, faultOfTemplate } from '../../../src/gateway/transform/template.ts';
import { hostileText } from '../../triggers/actions/fixtures.ts';
import { callFacts } from './fixtures.ts';

const rendered = (text: string, extra: Partial<CallFacts> = {}) =>
  compileTemplate(text, (value) => String(value ?? ''))(callFacts(extra));

function headersAfter(changes: FieldChange[], before: HeadersInit, extra: Partial<CallFacts> = {}) {
  const headers = new Headers(before);
  compileHeaders(changes)?.(headers, callFacts(extra));
  return Object.fromEntries(headers);
}

const queryAfter = (changes: FieldChange[], search: string, extra: Partial<CallFacts> = {}) =>
  compileQuery(changes)?.(search, callFacts(extra));

const change = (verb: FieldChange['do'], name: string, value = ''): FieldChange => ({ do: verb, name, value });

describe('the names of a template', () => {
  it.each<[string, string]>([
    [
      '{{request.id}} {{request.method}} {{request.scheme}} {{request.host}} {{request.path}}',
      'req-1 GET https api.weir.test /orders/7',
    ],
    ['{{request.query}}', 'a=1&b=%20x&a=2'],
    ['{{request.query.a}}|{{request.query.b}}|{{request.query.c}}', '1| x|'],
    ['{{request.header.x-tenant}}|{{request.header.x-none}}', 'acme|'],
    ['{{params.id}}|{{params.other}}|{{params.constructor}}|{{params.__proto__}}', '7|||'],
    ['{{caller.key_id}} {{caller.organization_id}} [{{caller.user_id}}]', 'key_1 org-1 []'],
    ['{{api.slug}}/{{api.version}} {{request.address}}', 'orders/v1 203.0.113.7'],
    ['{{time.iso}} {{time.unix}}', '2026-01-02T03:04:05Z 1767323045'],
    ['{{caller.user_id | default:"nobody" | upper}}', 'NOBODY'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what other engines would expand is text here
    ['${7*7} #{7*7} <%= 7 %>', '${7*7} #{7*7} <%= 7 %>'],
  ])('%s is %s', (text, expected) => expect(rendered(text)).toBe(expected));

  it.each([
    '{{request.nope}}',
    '{{constructor}}',
    '{{__proto__}}',
    '{{request.header.authorization}}',
    '{{request.header.cookie}}',
    '{{request.header.x-api-key}}',
    '{{request.header.X-Tenant}}',
    '{{request.query.}}',
    '{{params.}}',
    '{{constructor.constructor("return 1")()}}',
    '{{request.id | nope}}',
    '{{request.id',
  ])('%s is refused when it is written', (text) => expect(faultOfTemplate(text, undefined)).toBeTypeOf('string'));

  it('are refused where the path does not have the parameter', () => {
    expect(faultOfTemplate('{{params.id}}', ['id'])).toBeUndefined();
    expect(faultOfTemplate('{{params.id}}', [])).toBe('names the parameter "id", which the path does not have');
    expect(faultOfTemplate('{{params.id}}', undefined)).toBeUndefined();
  });

  it('never read a value as a template', () => {
    expect(rendered('{{request.query.t}}', { search: 't=%7B%7Brequest.id%7D%7D' })).toBe('{{request.id}}');
  });
});

describe('changes of header fields', () => {
  it('hold in the order written', () => {
    const changes = [
      change('set', 'X-A', '{{params.id}}'),
      change('add', 'x-b', 'two'),
      change('remove', 'X-C'),
      change('rename', 'X-D', 'X-E'),
      change('rename', 'x-none', 'x-some'),
      change('rename', 'X-A', 'X-F'),
    ];
    expect(headersAfter(changes, { 'x-a': 'old', 'x-b': 'one', 'x-c': '1', 'x-d': '4', 'x-e': 'gone' })).toEqual({
      'x-b': 'one, two',
      'x-e': '4',
      'x-f': '7',
    });
  });

  it('leave a field out that would be empty, also the one the caller sent', () => {
    const changes = [change('set', 'x-user', '{{caller.user_id}}')];
    expect(headersAfter(changes, { 'x-user': 'root' })).toEqual({});
    expect(headersAfter([change('add', 'x-user', '{{caller.user_id}}')], { 'x-user': 'a' })).toEqual({ 'x-user': 'a' });
  });

  it('keep a value one line of one field, whatever it says', () => {
    fc.assert(
      fc.property(hostileText, (value) => {
        const headers = new Headers();
        compileHeaders([change('set', 'x-a', '<{{params.id}}>')])?.(
          headers,
          callFacts({ params: new Map([['id', value]]) }),
        );
        expect([...headers.keys()]).toEqual(['x-a']);
        expect(headers.get('x-a')).toMatch(/^<[\x20-\x7e]*>$/);
      }),
    );
  });

  it('cost nothing where there are none', () => {
    expect(compileHeaders([])).toBeNull();
    expect(compileQuery([])).toBeNull();
  });
});

describe('changes of the query', () => {
  it.each<[string, FieldChange[], string, string]>([
    ['set', [change('set', 'a', 'x y')], 'b=2&a=1&c&a=3', 'b=2&a=x%20y&c'],
    ['set at the end', [change('set', 'z', '{{params.id}}')], 'b=2', 'b=2&z=7'],
    ['set in nothing', [change('set', 'z', '1')], '', 'z=1'],
    ['add', [change('add', 'a', '&=#')], 'a=1', 'a=1&a=%26%3D%23'],
    ['remove', [change('remove', 'a')], 'a=1&%61=2&A=3&aa=4&a', 'A=3&aa=4'],
    ['rename', [change('rename', 'a', 'b c')], 'a=%2F+x&a&x=a', 'b%20c=%2F+x&b%20c&x=a'],
    ['leave others as they are', [change('remove', 'q')], 'x=%7e+%20&&y[]=1&z=%zz', 'x=%7e+%20&y[]=1&z=%zz'],
  ])('%s', (_, changes, before, after) => expect(queryAfter(changes, before)).toBe(after));

  it('keep a value inside its parameter, whatever it says', () => {
    fc.assert(
      fc.property(hostileText, (value) => {
        const query = queryAfter([change('set', 'a', '{{params.id}}')], 'b=1', { params: new Map([['id', value]]) });
        expect([...new URLSearchParams(query)]).toEqual([
          ['b', '1'],
          ['a', value.toWellFormed()],
        ]);
      }),
    );
  });
});

describe('a rewritten path', () => {
  const path = (text: string, params: Record<string, string>, rest: string[] = []) =>
    compilePath(text, rest)(callFacts({ params: new Map(Object.entries(params)) }));

  it.each<[string, Record<string, string>, string | undefined]>([
    ['/v2/users/{{params.id}}', { id: '7' }, '/v2/users/7'],
    ['/v2/users/{{params.id}}/x', { id: 'a b' }, '/v2/users/a%20b/x'],
    ['/v2/{{params.id}}', { id: 'a/../b' }, undefined],
    ['/v2/{{params.id}}', { id: '..' }, undefined],
    ['/v2/{{params.id}}', { id: '.' }, undefined],
    ['/v2/.{{params.id}}', { id: '.' }, undefined],
    ['/v2/{{params.id}}', { id: '%2e%2e' }, '/v2/%252e%252e'],
    ['/v2/{{params.id}}', { id: 'a\\b' }, undefined],
    ['/v2/{{params.id}}', { id: 'a\0b' }, undefined],
    ['/v2/{{params.id}}', { id: 'a?b#c;d' }, '/v2/a%3Fb%23c%3Bd'],
    ['/v2/{{params.id}}', {}, undefined],
    ['/v2/{{params.id}}/x', { id: '' }, undefined],
    ['/v2/{{params.id | default:none}}', {}, '/v2/none'],
    ['/', {}, '/'],
  ])('%s with %j is %s', (text, params, expected) => expect(path(text, params)).toBe(expected));

  it.each<[string, string | undefined]>([
    ['a/b c/d', '/f/a/b%20c/d'],
    ['', '/f/'],
    ['a/../d', undefined],
    ['a//d', undefined],
    ['/a', undefined],
    ['a\\d', undefined],
  ])('takes the several segments %j of a rest parameter as %s', (rest, expected) =>
    expect(path('/f/{{params.rest}}', { rest }, ['rest'])).toBe(expected),
  );

  it('never leaves the base, nor changes the host, whatever the values are', () => {
    const value = fc.oneof(
      hostileText,
      fc.constantFrom('..', '.', '/', '\\', '//evil.test', '%2e%2e', '@evil', '', '\0', ';'),
    );
    fc.assert(
      fc.property(value, fc.array(value), (id, rest) => {
        const made = path('/v2/{{params.id}}/{{params.rest}}', { id, rest: rest.join('/') }, ['rest']);
        if (made === undefined) return;
        const url = new URL(`https://up.example.com/base${made}`);
        expect(url.origin).toBe('https://up.example.com');
        expect(url.pathname).toBe(`/base${made}`);
        expect(url.pathname.startsWith('/base/v2/')).toBe(true);
        expect(url.search + url.hash).toBe('');
      }),
    );
  });

  it.each([
    'v2',
    '/a/../b',
    '/a/./b',
    '/%2e%2E/x',
    '/a//b',
    '/a b',
    '/a?b',
    '/a#b',
    '/a\\b',
    '/a%2Fb',
    '/a%5cb',
    '/a%00',
    '/%zz',
  ])('%s is refused when it is written', (text) => expect(faultOfPath(text)).toBeTypeOf('string'));

  it.each(['/', '/a/b/', '/a%20b/{{params.id}}', '/a:b@c/~'])('%s may be written', (text) =>
    expect(faultOfPath(text)).toBeUndefined(),
  );
});
