import { describe, expect, it } from 'vitest';
import { hashPassword, spendVerification, verifyPassword } from '../../src/identity/users/password.ts';
import { nativeArgon2 } from '../support/lab/client.ts';

const PASSWORDS = [
  'correct horse',
  'пароль из кириллицы',
  'パスワード',
  '🔑'.repeat(50),
  'a\0b',
  'é',
  'x'.repeat(1_000),
];

/** The native package writes the parameters in another order than the reference decoder reads. */
const inReferenceOrder = (hash: string) => hash.replace(/\$m=(\d+),p=(\d+),t=(\d+)\$/, '$$m=$1,t=$3,p=$2$$');

describe('passwords', () => {
  it('are hashed with Argon2id at the cost that OWASP asks for, each with a salt of its own', async () => {
    const [first, second] = [await hashPassword('same'), await hashPassword('same')];
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(first).not.toBe(second);
  });

  it.each(PASSWORDS)('agree with the native implementation, both ways: %#', async (password) => {
    const ours = await hashPassword(password);
    expect(await nativeArgon2.verify(ours, password)).toBe(true);
    const theirs = inReferenceOrder(await nativeArgon2.hash(password));
    expect(await verifyPassword(theirs, password)).toBe(true);
    expect(await verifyPassword(theirs, `${password}x`)).toBe(false);
  });

  it('count to the last byte', async () => {
    const password = `${'ж'.repeat(99)}а`;
    const hash = await hashPassword(password);
    expect(await verifyPassword(hash, password)).toBe(true);
    expect(await verifyPassword(hash, `${'ж'.repeat(99)}б`)).toBe(false);
    expect(await verifyPassword(hash, 'ж'.repeat(99))).toBe(false);
  });

  it('are not matched by a hash that is none', async () => {
    for (const hash of ['', 'x', '$argon2id$', '$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAA$AAAA']) {
      expect(await verifyPassword(hash, 'x')).toBe(false);
    }
  });

  it('can be compared with nothing, for an account that does not exist', async () => {
    await expect(spendVerification('anything')).resolves.toBeUndefined();
  });
});
