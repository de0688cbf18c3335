import { describe, expect, it } from 'vitest';
import type { EdgeLimit } from '../../../src/access/edge.ts';
import { type LimitedUse, limitsOn } from '../../../src/quota/limits/match.ts';
import { limitOf } from './limit.ts';

const USE: LimitedUse = { method: 'GET', path: '/api/v1/triggers/7', address: '203.0.113.7' };

/** The counter that one limit counts a request by, without the limit's id; nothing when it does not measure it. */
function counted(fields: Partial<EdgeLimit>, use: Partial<LimitedUse> = {}): string | undefined {
  const [on] = limitsOn([limitOf({ id: 'L', ...fields })], { ...USE, ...use });
  return on?.counterKey.replace(/^L:?/, '');
}

describe('a limit', () => {
  it('of the organization counts every request by one counter.', () => {
    expect(counted({ scope: 'organization' })).toBe('');
    expect(counted({ scope: 'organization' }, { address: undefined, keyId: 'key_1', api: 'shop' })).toBe('');
  });

  it.each([
    ['api', { api: 'shop' }, { api: 'news' }, 'shop'],
    ['key', { keyId: 'key_1' }, { keyId: 'key_2' }, 'key_1'],
    ['user', { userId: 'u1' }, { userId: 'u2' }, 'u1'],
  ] as const)('by %s counts each apart, or its target alone, and nothing that has none.', (scope, own, other, name) => {
    expect(counted({ scope }, own)).toBe(name);
    expect(counted({ scope, target: name }, own)).toBe(name);
    expect(counted({ scope, target: name }, other)).toBeUndefined();
    expect(counted({ scope })).toBeUndefined();
    expect(counted({ scope, target: name })).toBeUndefined();
  });

  it.each([
    ['/api/v1/triggers/*', 'GET', true],
    ['/api/v1/triggers/*', 'DELETE', true],
    ['/api/v1/triggers', 'GET', false],
    ['/api/v1/**', 'GET', true],
    ['GET /api/v1/triggers/*', 'GET', true],
    ['GET /api/v1/triggers/*', 'HEAD', true],
    ['GET /api/v1/triggers/*', 'POST', false],
    ['HEAD /api/v1/triggers/*', 'GET', false],
    ['GET /api/v1/events', 'GET', false],
  ])('of the endpoint %s measures a request with %s: %s, whatever path by one counter.', (target, method, measured) => {
    const counter = counted({ scope: 'endpoint', target }, { method });
    expect(counter).toBe(measured ? target : undefined);
  });

  it('of an endpoint without saying which measures nothing, since a caller could make up counters by paths.', () => {
    expect(counted({ scope: 'endpoint' })).toBeUndefined();
  });

  it.each([
    ['203.0.113.0/24', '203.0.113.7', true],
    ['203.0.113.0/24', '203.0.114.7', false],
    ['203.0.113.0/24', undefined, false],
    ['2001:db8::/32', '2001:db8::1', true],
    ['2001:db8::/32', '203.0.113.7', false],
  ])('of the block %s measures a request from %s: %s, by one counter.', (target, address, measured) => {
    expect(counted({ scope: 'address', target }, { address })).toBe(measured ? target : undefined);
  });

  it('by address counts IPv4 addresses and IPv6 sites apart, and those together whose address is not known.', () => {
    expect(counted({ scope: 'address' })).toBe('203.0.113.7');
    expect(counted({ scope: 'address' }, { address: '2001:db8:1:2:3::4' })).toBe('2001:db8:1:2::/64');
    expect(counted({ scope: 'address' }, { address: undefined })).toBe('unknown');
  });
});

it('does not limit the requests about limits, or one that is too low could not be mended.', () => {
  const limits = [limitOf(), limitOf({ scope: 'address' }), limitOf({ scope: 'endpoint', target: '/**' })];
  const on = (path: string) => limitsOn(limits, { ...USE, path }).length;
  expect(on('/api/v1/rate-limits')).toBe(0);
  expect(on('/api/v1/rate-limits/limit_1')).toBe(0);
  expect(on('/api/v1/rate-limitsx')).toBe(3);
});

it('lists every limit that measures the request, in the order given, each with a counter of its own.', () => {
  const limits = [
    limitOf({ id: 'a', scope: 'address' }),
    limitOf({ id: 'b', scope: 'key' }),
    limitOf({ id: 'c', scope: 'key', target: 'key_2' }),
    limitOf({ id: 'd' }),
  ];
  const on = limitsOn(limits, { ...USE, keyId: 'key_1' });
  expect(on.map(({ limit, counterKey }) => [limit.id, counterKey])).toEqual([
    ['a', 'a:203.0.113.7'],
    ['b', 'b:key_1'],
    ['d', 'd'],
  ]);
});
