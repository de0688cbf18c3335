import { describe, expect, it } from 'vitest';
import type { Predicate } from '../../../src/gateway/compiled.ts';
import { readPath } from '../../../src/gateway/routing/path.ts';
import { createRouter } from '../../../src/gateway/routing/router.ts';
import { endedAt, endpoint, NOW, POLICY, routedOf, routeOf, sampleApi, sampleGateway } from './samples.ts';

const shop = (...endpoints: ReturnType<typeof endpoint>[]) => routeOf(sampleApi({ endpoints }));

describe('routing a call', () => {
  it('finds the endpoint, its parameters, and the path to forward.', () => {
    const route = shop(endpoint('list', 'GET /orders'), endpoint('item', 'GET /orders/{id}/lines/{line}'));
    const call = routedOf(route('GET /orders/caf%c3%a9/lines/%37'));
    expect(call.endpoint?.id).toBe('item');
    expect([...call.params]).toEqual([
      ['id', 'café'],
      ['line', '7'],
    ]);
    expect(call).toMatchObject({ forward: '/orders/caf%C3%A9/lines/7', base: '/g/acme/shop', version: null });
  });

  it('forwards every method and path of an API without endpoints, TRACE excepted.', () => {
    const route = shop();
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'PROPFIND']) {
      expect(routedOf(route(`${method} /any/path/`))).toMatchObject({ endpoint: null, forward: '/any/path/' });
    }
    expect(routedOf(route('GET ')).forward).toBe('');
    expect(endedAt(route('TRACE /any'))).toBe('method_not_allowed: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
  });

  it('knows the APIs by their slugs alone, whatever a slug is called.', () => {
    const router = createRouter(sampleGateway(sampleApi({ slug: 'constructor' })));
    const path = readPath('/');
    if (typeof path === 'string') throw new Error('refused');
    const request = { path, from: 0, method: 'GET', host: 'gw.test', headers: new Headers(), search: '', now: NOW };
    expect(router.route({ ...request, slug: 'constructor' }).kind).toBe('routed');
    expect(router.route({ ...request, slug: 'toString' })).toEqual({ kind: 'unknown_api' });
  });

  it('takes text before text around a parameter before a parameter before the rest, and turns back where a way ends.', () => {
    const route = shop(
      endpoint('rest', 'GET /{rest*}'),
      endpoint('any', 'GET /files/{name}'),
      endpoint('json', 'GET /files/{name}.json'),
      endpoint('min', 'GET /files/{name}.min.json'),
      endpoint('new', 'GET /files/new'),
      endpoint('deep', 'GET /files/{name}/lines'),
      endpoint('new-all', 'GET /files/new/all'),
    );
    expect(endedAt(route('GET /files/new'))).toBe('new');
    expect(endedAt(route('GET /files/a.min.json'))).toBe('min');
    expect(endedAt(route('GET /files/a.json'))).toBe('json');
    expect(endedAt(route('GET /files/.json'))).toBe('any');
    expect(endedAt(route('GET /files/a'))).toBe('any');
    expect(endedAt(route('GET /files/new/lines'))).toBe('deep');
    expect(endedAt(route('GET /files/new/all/of'))).toBe('rest');
    expect(endedAt(route('GET /files'))).toBe('rest');
    expect(endedAt(route('GET '))).toBe('rest');
  });

  it('gives the rest with its slashes, and nothing where there is none.', () => {
    const route = shop(endpoint('rest', 'GET /files/{path*}'));
    expect(routedOf(route('GET /files/a/b%20c')).params.get('path')).toBe('a/b c');
    expect(routedOf(route('GET /files')).params.get('path')).toBe('');
  });

  it('takes the highest priority first, however general its path.', () => {
    const route = shop(endpoint('exact', 'GET /a/b'), endpoint('maintenance', 'GET /{rest*}', { priority: 1 }));
    expect(endedAt(route('GET /a/b'))).toBe('maintenance');
  });

  it.each(['/%6frders', '/orders/', '/%6Frders/', '/orders?x=1'])(
    'lets nobody walk around an endpoint with %s.',
    (path) => {
      const route = shop(endpoint('orders', 'GET /orders'), endpoint('rest', 'GET /{rest*}'));
      expect(endedAt(route(`GET ${path}`))).toBe('orders');
    },
  );

  it('compares what is reserved after decoding, so that `%3A` is no way around a custom verb.', () => {
    const route = shop(endpoint('cancel', 'POST /orders/{id}:cancel'), endpoint('item', 'POST /orders/{id}'));
    expect(endedAt(route('POST /orders/7:cancel'))).toBe('cancel');
    expect(endedAt(route('POST /orders/7%3acancel'))).toBe('cancel');
    expect(routedOf(route('POST /orders/7:cancel')).params.get('id')).toBe('7');
  });

  it('does not take another case of letters for the same path.', () => {
    expect(endedAt(shop(endpoint('orders', 'GET /orders'))('GET /Orders'))).toBe('unknown_endpoint');
  });

  it('merges the endpoint over the version over the API, field by field, and once.', () => {
    const api = sampleApi({
      versioning: { by: ['path'], default: null },
      versions: ['v1', 'v2'].map((name) => ({
        name,
        lifecycle: sampleApi().lifecycle,
        policy: name === 'v1' ? { cost: 2, retries: 3 } : {},
      })),
      endpoints: [endpoint('a', 'GET /a', { policy: { cost: 5 } }), endpoint('b', 'GET /b')],
    });
    const route = routeOf(api);
    const plan = (call: string) => routedOf(route(call)).plan;
    expect(plan('GET /v1/a').policy).toEqual({ ...POLICY, cost: 5, retries: 3 });
    expect(plan('GET /v1/b').policy).toEqual({ ...POLICY, cost: 2, retries: 3 });
    expect(plan('GET /v2/a').policy).toEqual({ ...POLICY, cost: 5 });
    expect(plan('GET /v1/a')).toBe(plan('GET /v1/a'));
    expect(plan('GET /v2/b').policy).toEqual(POLICY);
  });
});

describe('a method', () => {
  const route = shop(
    endpoint('read', 'GET /orders/{id}'),
    endpoint('write', 'PUT,DELETE /orders/{id}'),
    endpoint('head', 'HEAD /files'),
    endpoint('files', 'GET /files'),
    endpoint('any', '* /any'),
    endpoint('own-options', 'OPTIONS /own'),
    endpoint('own', 'PURGE,GET /own'),
    endpoint('rest', 'POST /orders/{rest*}'),
  );

  it('that no endpoint of the path takes is refused with those that some take.', () => {
    expect(endedAt(route('PATCH /orders/1'))).toBe('method_not_allowed: GET, HEAD, POST, PUT, DELETE, OPTIONS');
    expect(endedAt(route('GET /orders/1/2'))).toBe('method_not_allowed: POST, OPTIONS');
    expect(endedAt(route('POST /own'))).toBe('method_not_allowed: GET, HEAD, OPTIONS, PURGE');
    expect(endedAt(route('TRACE /any'))).toBe('method_not_allowed: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
    expect(endedAt(route('PATCH /nothing'))).toBe('unknown_endpoint');
    expect(endedAt(route('TRACE /nothing'))).toBe('unknown_endpoint');
  });

  it('that a more general path takes is taken there.', () => {
    expect(endedAt(route('POST /orders/1'))).toBe('rest');
  });

  it('HEAD goes where GET does, unless another endpoint of the path names it.', () => {
    expect(endedAt(route('HEAD /orders/1'))).toBe('read');
    expect(endedAt(route('HEAD /files'))).toBe('head');
    expect(endedAt(route('HEAD /any'))).toBe('any');
    expect(endedAt(shop(endpoint('get', 'GET /a'), endpoint('post', 'POST /a'))('HEAD /a'))).toBe('get');
    expect(endedAt(shop(endpoint('post', 'POST /a'))('HEAD /a'))).toBe('method_not_allowed: POST, OPTIONS');
  });

  it('OPTIONS is answered with the methods, or by the endpoint that takes it.', () => {
    expect(endedAt(route('OPTIONS /orders/1'))).toBe('options: GET, HEAD, POST, PUT, DELETE, OPTIONS');
    expect(endedAt(route('OPTIONS /own'))).toBe('own-options');
    expect(endedAt(route('OPTIONS /any'))).toBe('any');
    expect(endedAt(route('OPTIONS /nothing'))).toBe('unknown_endpoint');
  });

  it('is what it says: case counts, and no field can stand for another.', () => {
    expect(endedAt(route('get /any'))).toBe('any');
    expect(endedAt(route('get /files'))).toBe('method_not_allowed: GET, HEAD, OPTIONS');
    expect(endedAt(route('GET /orders/1', { headers: { 'x-http-method-override': 'DELETE' } }))).toBe('read');
  });
});

describe('predicates', () => {
  const when = (place: Predicate['in'], name: string, test: Predicate['test']) => ({
    when: [{ in: place, name, test }] satisfies Predicate[],
  });

  it('choose by host, header field and query, and the endpoint without any is what remains.', () => {
    const route = shop(
      endpoint('plain', 'GET /a'),
      endpoint('eu', 'GET /a', { ...when('host', '', { prefix: 'EU.' }), priority: 1 }),
      endpoint('beta', 'GET /a', { ...when('header', 'x-beta', { exists: true }), priority: 1 }),
      endpoint('csv', 'GET /a', { ...when('query', 'format', { oneOf: ['csv', 'tsv'] }), priority: 1 }),
      endpoint('xml', 'GET /a', { ...when('query', 'format', { equals: 'xml' }), priority: 1 }),
    );
    expect(endedAt(route('GET /a'))).toBe('plain');
    expect(endedAt(route('GET /a', { host: 'eu.gw.test' }))).toBe('eu');
    expect(endedAt(route('GET /a', { headers: { 'X-Beta': '' } }))).toBe('beta');
    expect(endedAt(route('GET /a?format=tsv'))).toBe('csv');
    expect(endedAt(route('GET /a?format=%78ml'))).toBe('xml');
    expect(endedAt(route('GET /a?format=json'))).toBe('plain');
  });

  it('must all hold, and of a repeated parameter for every value.', () => {
    const both = endpoint('both', 'GET /a', {
      when: [
        { in: 'query', name: 'tier', test: { equals: 'gold' } },
        { in: 'header', name: 'x-test', test: { exists: false } },
      ],
    });
    const route = shop(both);
    expect(endedAt(route('GET /a?tier=gold'))).toBe('both');
    expect(endedAt(route('GET /a?tier=gold&tier=gold'))).toBe('both');
    expect(endedAt(route('GET /a?tier=gold&tier=none'))).toBe('unknown_endpoint');
    expect(endedAt(route('GET /a?tier=gold', { headers: { 'x-test': '1' } }))).toBe('unknown_endpoint');
    expect(endedAt(route('GET /a'))).toBe('unknown_endpoint');
  });

  it('decide before the method: what is not there for this request adds nothing to `Allow`.', () => {
    const route = shop(
      endpoint('get', 'GET /a'),
      endpoint('put', 'PUT /a', when('header', 'x-admin', { equals: 'yes' })),
    );
    expect(endedAt(route('PATCH /a'))).toBe('method_not_allowed: GET, HEAD, OPTIONS');
    expect(endedAt(route('PUT /a', { headers: { 'x-admin': 'yes' } }))).toBe('put');
  });
});
