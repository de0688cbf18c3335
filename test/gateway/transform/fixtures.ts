import type { CallFacts } from '../../../src/gateway/transform/names.ts';

export const callFacts = (extra: Partial<CallFacts> = {}): CallFacts => ({
  requestId: 'req-1',
  method: 'GET',
  scheme: 'https',
  host: 'api.weir.test',
  path: '/orders/7',
  search: 'a=1&b=%20x&a=2',
  headers: new Headers({ 'x-tenant': 'acme', authorization: 'Bearer secret', cookie: 'a=1' }),
  params: new Map([['id', '7']]),
  address: '203.0.113.7',
  caller: { keyId: 'key_1', organizationId: 'org-1', userId: null },
  api: { slug: 'orders', version: 'v1' },
  now: new Date('2026-01-02T03:04:05.678Z'),
  ...extra,
});
