import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import type { EdgeKey, EdgeSnapshot, KeyQuery } from '../../src/access/edge.ts';
import { canonicalBlock } from '../../src/identity/api-keys/limits.ts';
import { changesBetween, identify, isNewer, stateOf } from '../../src/quota/edge-state.ts';

const NOW = new Date('2026-06-01T12:00:00Z');

const key = (fields: Partial<EdgeKey> = {}): EdgeKey => ({
  id: 'key_1',
  hash: 'h1',
  userId: 'u1',
  environment: 'live',
  type: 'standard',
  permissions: ['read'],
  expiresAt: null,
  ipAllowlist: null,
  endpoints: null,
  methods: null,
  ...fields,
});

const snapshot = (version: number, keys: EdgeKey[], deleted = false): EdgeSnapshot => ({
  organizationId: 'o1',
  version,
  deleted,
  keys,
});

const ask = (fields: Partial<EdgeKey>, query: Partial<KeyQuery> = {}) =>
  identify(stateOf(snapshot(1, [key(fields)])), {
    ...{ hash: 'h1', now: NOW, address: '203.0.113.7', method: 'GET', path: '/api/v1/triggers' },
    ...query,
  });

const accepted = (limited: boolean) => ({
  ok: true,
  key: { id: 'key_1', userId: 'u1', environment: 'live', type: 'standard', permissions: ['read'], limited },
});
const refused = (why: string) => ({ ok: false, refused: why });

describe('whether a key is good', () => {
  it('is said with what the key is for, and nothing else of it.', () => {
    expect(ask({})).toEqual(accepted(false));
  });

  it('is no for a key that is not published, of an organization that is deleted or that nothing is known of.', () => {
    expect(ask({}, { hash: 'h2' })).toEqual(refused('unknown'));
    const query = { hash: 'h1', now: NOW, address: undefined, method: 'GET', path: '/' };
    expect(identify(stateOf(snapshot(1, [key()], true)), query)).toEqual(refused('unknown'));
    expect(identify(undefined, query)).toEqual(refused('unknown'));
  });

  it('ends at the very moment of its expiry.', () => {
    expect(ask({ expiresAt: NOW.getTime() + 1 })).toEqual(accepted(true));
    expect(ask({ expiresAt: NOW.getTime() })).toEqual(refused('expired'));
  });

  it('depends on the method, where GET includes HEAD.', () => {
    expect(ask({ methods: ['GET'] }, { method: 'HEAD' })).toEqual(accepted(true));
    expect(ask({ methods: ['GET'] }, { method: 'POST' })).toEqual(refused('method'));
    expect(ask({ methods: ['POST'] }, { method: 'HEAD' })).toEqual(refused('method'));
  });

  it.each([
    ['/api/v1/triggers', '/api/v1/triggers', true],
    ['/api/v1/triggers', '/api/v1/triggers/', false],
    ['/api/v1/triggers', '/api/v1/triggers/7', false],
    ['/api/v1/triggers', '/API/v1/triggers', false],
    ['/api/v1/triggers/*', '/api/v1/triggers/7', true],
    ['/api/v1/triggers/*', '/api/v1/triggers/', false],
    ['/api/v1/triggers/*', '/api/v1/triggers/7/actions', false],
    ['/api/v1/triggers/*/actions', '/api/v1/triggers/7/actions', true],
    ['/api/v1/triggers/**', '/api/v1/triggers', true],
    ['/api/v1/triggers/**', '/api/v1/triggers/7/actions', true],
    ['/api/v1/triggers/**', '/api/v1/triggersx', false],
    ['/**', '/anything/at/all', true],
  ])('by the pattern %s is on %s: %s.', (pattern, path, good) => {
    expect(ask({ endpoints: ['/other', pattern] }, { path })).toEqual(good ? accepted(true) : refused('path'));
  });

  it.each([
    [['10.0.0.0/8'], '10.1.2.3', true],
    [['10.0.0.0/8'], '11.1.2.3', false],
    [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
    [['10.0.0.0/8'], undefined, false],
    [['10.0.0.0/8'], 'unknown', false],
    [['2001:db8::/32'], '2001:db8:1::7', true],
    [['2001:db8::/32'], '2001:db9::7', false],
    [['2001:db8::/32'], '32.1.13.184', false],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['::/0'], '10.1.2.3', false],
    [['10.0.0.0/8', '192.0.2.1/32'], '192.0.2.1', true],
  ])('from the blocks %j is at %s: %s.', (ipAllowlist, address, good) => {
    expect(ask({ ipAllowlist }, { address })).toEqual(good ? accepted(true) : refused('address'));
  });

  it('by address is what a comparison of bits says, for every block and address.', () => {
    const bitsOf = (text: string) => {
      const bytes = ipaddr.parse(text).toByteArray();
      return bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
    };
    const v4 = fc.tuple(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }));
    fc.assert(
      fc.property(v4, ([host, address, bits]) => {
        const expected = bitsOf(host).slice(0, bits) === bitsOf(address).slice(0, bits);
        expect(ask({ ipAllowlist: [canonicalBlock(`${host}/${bits}`) ?? ''] }, { address }).ok).toBe(expected);
      }),
    );
  });
});

describe('a published state', () => {
  it('is newer when its version is greater, and not when it is the same.', () => {
    const state = stateOf(snapshot(5, []));
    expect([4, 5, 6].map((version) => isNewer(snapshot(version, []), state))).toEqual([false, false, true]);
    expect(isNewer(snapshot(1, []), undefined)).toBe(true);
  });

  it('differs from the one before in the keys that are new, changed and gone, and only those are written.', () => {
    const before = stateOf(snapshot(1, [key({ hash: 'a' }), key({ hash: 'b' }), key({ hash: 'c' })]));
    const changed = key({ hash: 'b', methods: ['GET'] });
    const added = key({ hash: 'd' });
    const after = stateOf(snapshot(2, [key({ hash: 'a' }), changed, added]));
    expect(changesBetween(before, after)).toEqual({ put: [changed, added], removed: ['c'] });
    expect(changesBetween(undefined, after).put).toHaveLength(3);
    expect(changesBetween(after, after)).toEqual({ put: [], removed: [] });
  });
});
