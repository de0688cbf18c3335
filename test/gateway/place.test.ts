import { describe, expect, it } from 'vitest';
import { placeFinder, refuseFault } from '../../src/gateway/place.ts';

const findPlace = placeFinder({
  isOwnHost: (host) => host === 'weir.test',
  reserved: new Set(['triggers', 'api-keys']),
});

/** How the organization is found, and the segments from the service on. */
function found(url: string) {
  const place = findPlace(url);
  if (typeof place !== 'object') return place;
  const { organization, path, at } = place;
  const by = organization.by === 'credential' ? organization.by : `${organization.kind} ${organization.name}`;
  return [by, path.segments.slice(at)];
}

describe('where a request is addressed to', () => {
  it.each([
    ['https://weir.test/g/acme/orders/v1/7?x=1', ['slug slug:acme', ['orders', 'v1', '7']]],
    ['https://WEIR.test:8787/g/acme/orders', ['slug slug:acme', ['orders']]],
    ['https://weir.test./g/acme/', ['slug slug:acme', []]],
    ['https://weir.test/g/', ['slug slug:', []]],
    ['https://weir.test/g/%61cme/orders', ['slug slug:acme', ['orders']]],
    ['https://weir.test/api/v1/orders/7', ['credential', ['orders', '7']]],
    ['https://weir.test/api/v1/orders', ['credential', ['orders']]],
    ['https://api.acme.com/orders/7', ['host host:api.acme.com', ['orders', '7']]],
    ['https://API.Acme.com:8443/', ['host host:api.acme.com', []]],
    ['https://api.acme.com/g/acme/orders', ['host host:api.acme.com', ['g', 'acme', 'orders']]],
    ['https://api.acme.com/api/v1/triggers', ['host host:api.acme.com', ['api', 'v1', 'triggers']]],
    ['https://weir.test.acme.com/g/acme', ['host host:weir.test.acme.com', ['g', 'acme']]],
  ])('%s is for a service.', (url, expected) => {
    expect(found(url)).toEqual(expected);
  });

  it.each([
    'https://weir.test/',
    'https://weir.test/g',
    'https://weir.test/G/acme/orders',
    'https://weir.test/health',
    'https://weir.test/api/v1/',
    'https://weir.test/api/v1/triggers',
    'https://weir.test/api/v1/triggers/7',
    'https://weir.test/api/v1/api-keys/../orders',
    'https://weir.test/api/v1/Orders',
    'https://weir.test/api/v1/-orders',
    'https://weir.test/api/v1/%6frders',
    'https://weir.test/api/v1/orders;x',
    'https://weir.test/api/v1//orders',
    'https://weir.test/api/v2/orders',
    'https://weir.test/a/../g/acme/orders',
  ])('%s is for the control plane.', (url) => {
    expect(found(url)).toBeUndefined();
  });

  it.each([
    ['https://weir.test/g/acme/../globex/orders', 'dots'],
    ['https://weir.test/g//orders', 'empty'],
    ['https://weir.test/g/ac%2fme/orders', 'slash'],
    ['https://weir.test/api/v1/orders/%00', 'control'],
    ['https://api.acme.com/orders;x=1', 'parameters'],
    ['https://api.acme.com/%C0%AE', 'encoding'],
    ['https://a\\b/orders', 'host'],
  ])('%s can be read in two ways.', (url, fault) => {
    expect(found(url)).toBe(fault);
  });

  it('is told with the path as it is passed on, and the query as it came.', () => {
    const place = findPlace('https://weir.test/g/acme/orders/%7e%c3%a4?q=%7e#part');
    expect(place).toMatchObject({
      target: { host: 'weir.test', search: '?q=%7e' },
      path: { canonical: '/g/acme/orders/~%C3%A4' },
      at: 2,
    });
  });
});

describe('the answer to a path that can be read in two ways', () => {
  it('is 400, and names the request as its caller does.', async () => {
    const headers = { 'x-request-id': 'mine-1' };
    const response = refuseFault('dots', new Request('https://weir.test/g/acme', { headers }));
    expect([response.status, response.headers.get('x-request-id')]).toEqual([400, 'mine-1']);
    expect(await response.json()).toMatchObject({ error: 'bad_request', message: 'The path has a dot segment' });
  });

  it('has an id of ours when the caller has none that is plain.', () => {
    const headers = { 'x-request-id': 'not plain' };
    const response = refuseFault('empty', new Request('https://weir.test/g//a', { headers }));
    expect(response.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  });
});
