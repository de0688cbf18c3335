import { describe, expect, it } from 'vitest';
import type { Credentials, FieldChange, RequestTransform, ResponseTransform } from '../../../src/gateway/compiled.ts';
import { checkTransform } from '../../../src/gateway/transform/check.ts';
import { compileRequestTransform, compileResponseTransform } from '../../../src/gateway/transform/compile.ts';
import { callFacts } from './fixtures.ts';

const request = (extra: Partial<RequestTransform> = {}): RequestTransform => ({
  headers: [],
  query: [],
  path: null,
  body: null,
  ...extra,
});

const response = (extra: Partial<ResponseTransform> = {}): ResponseTransform => ({
  headers: [],
  body: null,
  status: [],
  mask: [],
  ...extra,
});

const set = (name: string, value = 'x'): FieldChange => ({ do: 'set', name, value });

const inject = (name: string, template = '{{secret}}', place: 'header' | 'query' = 'header'): Credentials => ({
  passOn: [],
  inject: [{ in: place, name, template, sealed: '' }],
});

describe('a definition', () => {
  it('has no fault where it compiles', () => {
    const policy = {
      request: request({
        headers: [set('X-A', '{{params.id}}'), { do: 'rename', name: 'x-b', value: 'x-c' }],
        query: [{ do: 'remove', name: 'a', value: '' }],
        path: '/v2/{{params.id}}/{{params.rest}}',
        body: { expression: '{a: b}', maxBytes: 10 },
      }),
      response: response({ status: [{ from: 404, to: 200 }], mask: ['/a/*'], headers: [set('Server', 'mine')] }),
      credentials: { ...inject('Authorization', 'Bearer {{secret}}'), passOn: ['cookie'] },
    };
    expect(checkTransform(policy, ['id', 'rest'])).toEqual([]);
    const made = compileRequestTransform(policy.request, '/users/{id}/{rest*}');
    const facts = callFacts({ params: new Map(Object.entries({ id: '7', rest: 'a/b' })) });
    expect(made.path?.(facts)).toBe('/v2/7/a/b');
    expect(compileResponseTransform(policy.response).status?.get(404)).toBe(200);
  });

  it('that is older than a rule does not go around it', () => {
    const headers: FieldChange[] = [
      { do: 'add', name: 'Set-Cookie', value: 'a=1; Domain=weir.test' },
      { do: 'rename', name: 'x-z', value: 'Set-Cookie' },
      { do: 'rename', name: 'x-y', value: 'Content-Location' },
      set('Location', '/a'),
      set('CDN-Cache-Control', 'max-age=1'),
      { do: 'remove', name: 'X-A', value: '' },
    ];
    const answer = new Headers({ 'x-z': 'b=2; Domain=weir.test', 'x-y': 'https://up.test/', 'x-a': '1' });
    compileResponseTransform(response({ headers })).headers?.(answer, callFacts());
    expect(answer.getSetCookie()).toEqual([]);
    expect([...answer.keys()]).toEqual(['cdn-cache-control', 'location', 'x-y', 'x-z']);
  });

  it('costs nothing where it is empty', () => {
    expect(compileRequestTransform(request(), null)).toEqual({ headers: null, query: null, path: null, body: null });
    expect(compileResponseTransform(response())).toEqual({ headers: null, body: null, status: null });
  });

  it.each<[string, Parameters<typeof checkTransform>[0], string, string]>([
    [
      'a connection field',
      { request: request({ headers: [set('Transfer-Encoding')] }) },
      'request.headers.0.name',
      'belongs to the connection or the framing of the message',
    ],
    [
      'a host',
      { request: request({ headers: [set('Host')] }) },
      'request.headers.0.name',
      'belongs to the connection or the framing of the message',
    ],
    [
      'a credential',
      { request: request({ headers: [set('authorization')] }) },
      'request.headers.0.name',
      'is a credential: use "credentials", where it is kept encrypted',
    ],
    [
      'a forged address',
      { request: request({ headers: [set('X-Forwarded-For')] }) },
      'request.headers.0.name',
      'is written by the gateway itself',
    ],
    [
      'the end of what circles are known by',
      { request: request({ headers: [{ do: 'remove', name: 'Via', value: '' }] }) },
      'request.headers.0.name',
      'is written by the gateway itself',
    ],
    [
      'a path in which a whole path is to be one segment',
      { request: request({ path: '/new{{request.path}}' }) },
      'request.path',
      'fills one segment by each name: take a parameter that takes the rest, such as {rest*}',
    ],
    [
      'no field',
      { request: request({ headers: [set('a\r\nb')] }) },
      'request.headers.0.name',
      'is not the name of a header field',
    ],
    [
      'a line break in a field',
      { request: request({ headers: [set('x-a', 'a\r\nx-evil: 1')] }) },
      'request.headers.0.value',
      'must not have control characters',
    ],
    [
      'a rename to a credential',
      { request: request({ headers: [{ do: 'rename', name: 'x-a', value: 'Cookie' }] }) },
      'request.headers.0.value',
      'is a credential: use "credentials", where it is kept encrypted',
    ],
    ['a nameless parameter', { request: request({ query: [set('')] }) }, 'request.query.0.name', 'must not be empty'],
    [
      'a parameter of no path',
      { request: request({ path: '/{{params.other}}' }) },
      'request.path',
      'names the parameter "other", which the path does not have',
    ],
    [
      'a path that leaves',
      { request: request({ path: '/../x' }) },
      'request.path',
      'must not have "." or ".." segments',
    ],
    [
      'a length',
      { response: response({ headers: [set('Content-Length')] }) },
      'response.headers.0.name',
      'belongs to the connection or the framing of the message',
    ],
    [
      'our limits',
      { response: response({ headers: [set('X-RateLimit-Limit')] }) },
      'response.headers.0.name',
      'is written by the gateway itself',
    ],
    [
      'CORS by hand',
      { response: response({ headers: [set('Access-Control-Allow-Origin')] }) },
      'response.headers.0.name',
      'is written by "cors"',
    ],
    [
      'a cookie for the whole host',
      { response: response({ headers: [set('Set-Cookie', 'a=1; Domain=weir.test')] }) },
      'response.headers.0.name',
      'is written by upstreams alone',
    ],
    [
      'a rename to a cookie',
      { response: response({ headers: [{ do: 'rename', name: 'X-Z', value: 'Set-Cookie' }] }) },
      'response.headers.0.value',
      'is written by upstreams alone',
    ],
    [
      'a rename to a redirect',
      { response: response({ headers: [{ do: 'rename', name: 'X-Z', value: 'Location' }] }) },
      'response.headers.0.value',
      'holds addresses, which are rewritten under that name alone',
    ],
    [
      'an answer made up',
      { response: response({ headers: [set('X-Sandbox', 'true')] }) },
      'response.headers.0.name',
      'is written by the gateway itself',
    ],
    [
      'a policy of the host',
      { response: response({ headers: [set('Strict-Transport-Security')] }) },
      'response.headers.0.name',
      'speaks for a whole host, which APIs share',
    ],
    [
      'a mask',
      { response: response({ mask: ['/a', 'b'] }) },
      'response.mask.1',
      'must be a JSON pointer, such as /items/*/email',
    ],
    [
      'a body that goes',
      { response: response({ status: [{ from: 200, to: 204 }] }) },
      'response.status.0.to',
      'an answer with a body cannot become one without',
    ],
    [
      'a 304',
      { response: response({ status: [{ from: 304, to: 200 }] }) },
      'response.status.0.to',
      'a 304 is part of a conditional request and cannot be mapped',
    ],
    [
      'a stranger among the credentials',
      { credentials: { passOn: ['x-org-id'], inject: [] } },
      'credentials.pass_on.0',
      'must be one of authorization, cookie, x-api-key, x-signature, x-timestamp',
    ],
    [
      'a credential as Host',
      { credentials: inject('Host') },
      'credentials.inject.0.name',
      'belongs to the connection or the framing of the message',
    ],
    [
      'another template',
      { credentials: inject('x-a', '{{secret}} {{request.id}}') },
      'credentials.inject.0.template',
      'may only have {{secret}}',
    ],
    [
      'a line break',
      { credentials: inject('x-a', '{{secret}}\r\nx: y') },
      'credentials.inject.0.template',
      'must be printable ASCII',
    ],
  ])('is refused with %s', (_, policy, path, message) => {
    expect(checkTransform(policy, ['id'])).toEqual([{ path, message }]);
  });

  it('is refused with every fault at once, by path', () => {
    const policy = {
      request: request({
        headers: [set('x-a', '{{nope}}'), set('via', '{{')],
        body: { expression: 'a.', maxBytes: 1 },
      }),
      response: response({ body: { expression: 'nope(@)', maxBytes: 1 } }),
    };
    expect(checkTransform(policy, undefined).map(({ path }) => path)).toEqual([
      'request.headers.0.value',
      'request.headers.1.name',
      'request.headers.1.value',
      'request.body.expression',
      'response.body.expression',
    ]);
  });
});
