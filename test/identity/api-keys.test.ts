import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectivePermissions, holdsScope, isOwnScope } from '../../src/access/key-permissions.ts';
import { isPathPattern } from '../../src/access/path-pattern.ts';
import { ROLE_PERMISSIONS } from '../../src/access/permissions.ts';
import { fromBase62, randomBase62, toBase62 } from '../../src/identity/api-keys/base62.ts';
import { type KeySecrets, mintKey, parseKey } from '../../src/identity/api-keys/key.ts';
import { refuseUnusable } from '../../src/identity/api-keys/permissions.ts';
import { sha256Hex, utf8 } from '../../src/kernel/crypto.ts';
import { canonicalBlock } from '../../src/outbound/address-block.ts';

const OLD = utf8('the secret of last year, in 32 bytes');
const NEW = utf8('the secret of this year, in 32 bytes');
const SECRETS: KeySecrets = [OLD];
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const environment = fc.constantFrom('live', 'test');

describe('base62', () => {
  it('brings every 128-bit number back from 22 digits.', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (value) => {
        const digits = toBase62(value, 22);
        expect(digits).toMatch(/^[0-9A-Za-z]{22}$/);
        expect(fromBase62(digits)).toBe(value);
      }),
    );
  });

  it('draws digits from bytes below 248 only, so that none is likelier than another.', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const text = randomBase62(248, () => bytes);
    expect([...BASE62].map((digit) => text.split(digit).length - 1)).toEqual(Array(62).fill(4));
  });
});

describe('the text of a key', () => {
  it('says its environment and organization, and is shown by its first 15 characters.', async () => {
    await fc.assert(
      fc.asyncProperty(environment, fc.uuid(), async (kind, organizationId) => {
        const { text, prefix, hash } = await mintKey(SECRETS, kind, organizationId);
        expect(text).toMatch(new RegExp(`^sk_${kind}_[0-9A-Za-z]{60}$`));
        expect(prefix).toBe(text.slice(0, 15));
        expect(hash).toBe(sha256Hex(text));
        expect(await parseKey(SECRETS, text)).toEqual({ environment: kind, organizationId, hash });
      }),
    );
  });

  it('is not a key any more when any character of it is another.', async () => {
    const { text } = await mintKey(SECRETS, 'live', '550e8400-e29b-41d4-a716-446655440001');
    for (let index = 0; index < text.length; index += 1) {
      const other = text[index] === 'x' ? 'y' : 'x';
      expect(await parseKey(SECRETS, text.slice(0, index) + other + text.slice(index + 1))).toBeUndefined();
    }
  });

  it('is not a key when it is cut, longer, of another environment or of other letters.', async () => {
    const { text } = await mintKey(SECRETS, 'live', '550e8400-e29b-41d4-a716-446655440001');
    const others = ['', text.slice(0, -1), `${text}0`, ` ${text}`, `${text}\n`, text.toUpperCase()];
    for (const other of [...others, text.replace('live', 'test'), text.replace('live', 'prod')]) {
      expect(await parseKey(SECRETS, other)).toBeUndefined();
    }
  });

  it('is not a key when somebody made it up.', async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[0-9A-Za-z]{60}$/), environment, async (made, kind) => {
        expect(await parseKey(SECRETS, `sk_${kind}_${made}`)).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('stays good while its secret is among those that verify.', async () => {
    const { text } = await mintKey([OLD], 'live', '550e8400-e29b-41d4-a716-446655440001');
    expect(await parseKey([NEW, OLD], text)).toBeDefined();
    expect(await parseKey([NEW], text)).toBeUndefined();
  });

  it('never repeats.', async () => {
    const made = await Promise.all(
      Array.from({ length: 1_000 }, () => mintKey(SECRETS, 'test', '550e8400-e29b-41d4-a716-446655440001')),
    );
    expect(new Set(made.map(({ text }) => text)).size).toBe(1_000);
  });
});

describe('the permissions of a key', () => {
  const scopes = fc.array(fc.constantFrom('read', 'write', 'admin', 'nonsense', ...ROLE_PERMISSIONS.owner));
  const type = fc.constantFrom('standard' as const, 'restricted' as const, 'admin' as const);

  it('are never more than an admin has, whatever the list says.', () => {
    fc.assert(
      fc.property(type, scopes, (keyType, list) => {
        for (const one of effectivePermissions(keyType, list)) expect(ROLE_PERMISSIONS.admin.has(one)).toBe(true);
      }),
    );
  });

  it('only grow with the list, and by what is added to it alone.', () => {
    fc.assert(
      fc.property(type, scopes, scopes, (keyType, some, more) => {
        const both = effectivePermissions(keyType, [...some, ...more]);
        const apart = [...effectivePermissions(keyType, some), ...effectivePermissions(keyType, more)];
        expect(both).toEqual(new Set(apart));
      }),
    );
  });

  it('of a standard key never include the management of members and keys.', () => {
    const all = effectivePermissions('standard', ['read', 'write', 'admin', ...ROLE_PERMISSIONS.owner]);
    expect(all).not.toContain('members:write');
    expect([...all].filter((one) => one.startsWith('keys:'))).toEqual([]);
  });

  it('are what the words say: a viewer’s reading, a member’s writing without reading, all of an admin.', () => {
    expect(effectivePermissions('standard', ['read'])).toEqual(ROLE_PERMISSIONS.viewer);
    expect(effectivePermissions('standard', ['write'])).toEqual(
      new Set(['triggers:write', 'apis:write', 'gateway:write']),
    );
    expect(effectivePermissions('admin', ['admin'])).toEqual(ROLE_PERMISSIONS.admin);
    expect(effectivePermissions('restricted', ['events:read'])).toEqual(new Set(['events:read']));
    expect(effectivePermissions('restricted', [])).toEqual(new Set());
  });

  it.each([
    ['standard', 'admin', 'only a key of type admin'],
    ['restricted', 'admin', 'only a key of type admin'],
    ['standard', 'keys:write', 'cannot hold "keys:write"'],
    ['standard', 'members:write', 'cannot hold "members:write"'],
    ['admin', 'organizations:delete', 'cannot hold "organizations:delete"'],
    ['restricted', 'triggers:fly', '"triggers:fly" is no permission'],
    ['standard', 'keys:refund', '"keys:refund" is no permission'],
    ['standard', 'Orders:refund', '"Orders:refund" is no permission'],
    ['standard', 'orders', '"orders" is no permission'],
    ['standard', 'orders:refund:all', '"orders:refund:all" is no permission'],
    ['standard', `${'o'.repeat(33)}:refund`, 'is no permission'],
  ] as const)('are refused when a %s key asks for %s, which is named.', (keyType, scope, message) => {
    expect(() => refuseUnusable(keyType, ['read', scope])).toThrow(
      expect.objectContaining({ details: [{ path: 'permissions', message: expect.stringContaining(message) }] }),
    );
  });
});

describe('a scope of an organization’s own', () => {
  it.each(['standard', 'restricted', 'admin'] as const)('can be held by a %s key.', (keyType) => {
    expect(() => refuseUnusable(keyType, ['orders:refund', 'line_items:re-open'])).not.toThrow();
  });

  it('means nothing to the platform.', () => {
    expect(effectivePermissions('admin', ['orders:refund'])).toEqual(new Set());
    for (const permission of ROLE_PERMISSIONS.owner) expect(isOwnScope(permission)).toBe(false);
  });

  it('is held by whoever lists it, or is an admin’s.', () => {
    expect(holdsScope(['read', 'orders:refund'], 'orders:refund')).toBe(true);
    expect(holdsScope(['admin'], 'orders:refund')).toBe(true);
    expect(holdsScope(['read', 'write', 'orders:read'], 'orders:refund')).toBe(false);
  });
});

describe('a block of addresses', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7/32'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8::1', '2001:db8::1/128'],
    ['2001:db8:1:2::/32', '2001:db8::/32'],
    ['::ffff:192.0.2.1', '192.0.2.1/32'],
    ['::ffff:192.0.2.1/120', '192.0.2.0/24'],
  ])('%s is %s.', (text, block) => {
    expect(canonicalBlock(text)).toBe(block);
  });

  it.each([
    ...['', '10.0.0.0/33', '10.0.0.0/', '10/8', '010.0.0.1', '0x7f.1', '2001:db8::/129', '::ffff:1.2.3.4/95'],
    ...['example.com', '10.0.0.1/8/8', 'fe80::1%eth0', '[::1]', '1.2.3.4/-1', ' 1.2.3.4'],
  ])('cannot be read from "%s".', (text) => {
    expect(canonicalBlock(text)).toBeUndefined();
  });

  it('is its own canonical form.', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 0, max: 32 }), (host, bits) => {
        const block = canonicalBlock(`${host}/${bits + (host.startsWith('::ffff:') ? 96 : 0)}`);
        if (block !== undefined) expect(canonicalBlock(block)).toBe(block);
      }),
    );
  });
});

describe('a pattern of paths', () => {
  it.each(['/api/v1/triggers', '/api/*/triggers', '/api/**', '/**', '/a%20b'])('may be %s.', (text) => {
    expect(isPathPattern(text)).toBe(true);
  });

  it.each(['', '/', 'api', '/api/', '//api', '/**/a', '/a*', '/../a', '/a?b', '/a#b', '/a b', '/./a'])(
    'may not be "%s".',
    (text) => {
      expect(isPathPattern(text)).toBe(false);
    },
  );
});
