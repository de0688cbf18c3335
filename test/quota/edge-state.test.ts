import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import type { EdgeGateway, EdgeKey, KeyUse } from '../../src/access/edge.ts';
import { canonicalBlock } from '../../src/outbound/address-block.ts';
import {
  bringsGateway,
  changesBetween,
  isLimited,
  isNewer,
  refusalOf,
  stateOf,
  takesAway,
} from '../../src/quota/edge-state.ts';
import { edgeKey as key, snapshotOf } from '../support/quota.ts';

const NOW = new Date('2026-06-01T12:00:00Z');

const snapshot = (version: number, keys: EdgeKey[], deleted = false) => snapshotOf({ version, keys, deleted });

const ask = (fields: Partial<EdgeKey>, use: Partial<KeyUse> = {}) =>
  refusalOf(key(fields), { address: '203.0.113.7', method: 'GET', path: '/api/v1/triggers', ...use }, NOW.getTime());

describe('whether a key is good', () => {
  it('depends on nothing when the key has no limits.', () => {
    expect(ask({})).toBeUndefined();
    expect(isLimited(key())).toBe(false);
    expect(isLimited(key({ methods: [] }))).toBe(true);
  });

  it('ends at the very moment of its expiry.', () => {
    expect(ask({ expiresAt: NOW.getTime() + 1 })).toBeUndefined();
    expect(ask({ expiresAt: NOW.getTime() })).toBe('expired');
  });

  it('depends on the method, where GET includes HEAD.', () => {
    expect(ask({ methods: ['GET'] }, { method: 'HEAD' })).toBeUndefined();
    expect(ask({ methods: ['GET'] }, { method: 'POST' })).toBe('method');
    expect(ask({ methods: ['POST'] }, { method: 'HEAD' })).toBe('method');
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
    expect(ask({ endpoints: ['/other', pattern] }, { path })).toBe(good ? undefined : 'path');
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
    expect(ask({ ipAllowlist }, { address })).toBe(good ? undefined : 'address');
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
        expect(ask({ ipAllowlist: [canonicalBlock(`${host}/${bits}`) ?? ''] }, { address }) === undefined).toBe(
          expected,
        );
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

  it('takes something away when a key is gone or changed, or the plan, the limits or the organization.', () => {
    const before = stateOf(snapshot(1, [key()]));
    const later = (fields: Partial<Parameters<typeof snapshotOf>[0]>) =>
      takesAway(before, stateOf(snapshotOf({ version: 2, keys: [key()], ...fields })));
    expect(later({ keys: [key(), key({ hash: 'h2' })] })).toBe(false);
    expect(takesAway(undefined, before)).toBe(false);
    expect(later({ keys: [] })).toBe(true);
    expect(later({ keys: [key({ methods: ['GET'] })] })).toBe(true);
    expect(later({ deleted: true })).toBe(true);
    expect(later({ plan: { name: 'pro', unitsPerHour: null, leases: null } })).toBe(true);
  });
});

describe('the registered APIs in a published state', () => {
  const withGateway = (version: number, gateway?: EdgeGateway) => snapshotOf({ version, gateway });
  const announced = (version: number): EdgeGateway => ({ version, parts: null });
  const sent = (version: number): EdgeGateway => ({ version, parts: ['{}'] });

  it('are held at the version that was sent along, and stay until a newer one is.', () => {
    expect(stateOf(withGateway(5)).gateway).toBe(0);
    expect(stateOf(withGateway(5, announced(4))).gateway).toBe(0);
    expect(stateOf(withGateway(5, sent(4))).gateway).toBe(4);
    expect(stateOf(withGateway(6, announced(6)), 4).gateway).toBe(4);
    expect(stateOf(withGateway(6, sent(6)), 4).gateway).toBe(6);
    expect(stateOf(withGateway(7, sent(3)), 4).gateway).toBe(4);
    expect(stateOf(withGateway(8), 4).gateway).toBe(4);
  });

  it('go with the organization, which is a version of theirs.', () => {
    expect(stateOf({ ...withGateway(9), deleted: true }, 4).gateway).toBe(9);
  });

  it('are taken later for a version that is held without them, and never for an older one.', () => {
    const state = stateOf(withGateway(6, announced(6)), 4);
    expect(isNewer(withGateway(6, announced(6)), state)).toBe(false);
    expect(isNewer(withGateway(6, sent(4)), state)).toBe(false);
    expect(isNewer(withGateway(6, sent(6)), state)).toBe(true);
    expect(isNewer(withGateway(5, sent(5)), state)).toBe(false);
    expect(isNewer(withGateway(6, sent(6)), stateOf(withGateway(6, sent(6))))).toBe(false);
  });

  it('come along when they are newer than those that are held.', () => {
    const state = stateOf(withGateway(6, sent(4)));
    expect([3, 4, 5].map((version) => bringsGateway(withGateway(6, sent(version)), state))).toEqual([
      ...[false, false, true],
    ]);
    expect(bringsGateway(withGateway(6, announced(5)), state)).toBe(false);
    expect(bringsGateway(withGateway(6), undefined)).toBe(false);
    expect(bringsGateway(withGateway(6, sent(1)), undefined)).toBe(true);
  });

  it('take something away when they change, so that nobody acts on the older ones.', () => {
    const before = stateOf(withGateway(6, sent(4)));
    expect(takesAway(before, stateOf(withGateway(7, sent(7)), 4))).toBe(true);
    expect(takesAway(before, stateOf(withGateway(7, announced(7)), 4))).toBe(false);
  });
});
