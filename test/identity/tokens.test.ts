import { SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { signAccessToken, verifyAccessToken } from '../../src/identity/users/tokens.ts';
import { utf8 } from '../../src/kernel/crypto.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const settings = { secret: utf8('0123456789abcdef0123456789abcdef'), issuer: 'https://weir.test' };
const principal = { kind: 'user', userId: 'u1', username: 'ann', sessionId: 's1' } as const;
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000);
const verify = (token: string, now = NOW) => verifyAccessToken(settings, token, now);
const refused = { code: 'unauthorized', message: 'The access token is missing, invalid or expired' };

/** A token that is right but for what a test changes. */
function forge(header: Record<string, unknown> = {}, claims: Record<string, unknown> = {}, secret = settings.secret) {
  const now = NOW.getTime() / 1_000;
  const payload = {
    sub: 'u1',
    sid: 's1',
    username: 'ann',
    iss: settings.issuer,
    aud: settings.issuer,
    iat: now,
    exp: now + 3_600,
  };
  return new SignJWT({ ...payload, ...claims })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', ...header })
    .sign(secret);
}

describe('access tokens', () => {
  it('carry the user, the name and the login for one hour', async () => {
    const token = await signAccessToken(settings, principal, NOW);
    expect(await verify(token)).toEqual(principal);
    const payload = JSON.parse(atob(token.split('.')[1] ?? '')) as { iat: number; exp: number };
    expect(payload.exp - payload.iat).toBe(3_600);
    expect(JSON.parse(atob(token.split('.')[0] ?? ''))).toEqual({ alg: 'HS256', typ: 'at+jwt' });
  });

  it('allow 60 seconds of clock skew and not more', async () => {
    const token = await signAccessToken(settings, principal, NOW);
    await expect(verify(token, at(3_600 + 59))).resolves.toEqual(principal);
    await expect(verify(token, at(3_600 + 61))).rejects.toMatchObject(refused);
  });

  it('are good in the form that this test forges, so that the refusals below mean something', async () => {
    expect(await verify(await forge())).toEqual(principal);
  });

  it.each<[string, () => Promise<string> | string]>([
    ['another secret', () => forge({}, {}, utf8('another secret of thirty-two bytes'))],
    ['another algorithm of the same family', () => forge({ alg: 'HS512' }, {}, utf8('0123456789abcdef'.repeat(4)))],
    ['another type', () => forge({ typ: 'JWT' })],
    ['another issuer', () => forge({}, { iss: 'https://evil.test' })],
    ['another audience', () => forge({}, { aud: 'https://evil.test' })],
    ['no expiry', () => forge({}, { exp: undefined })],
    ['an expiry that is text', () => forge({}, { exp: '9999999999' })],
    ['no login', () => forge({}, { sid: undefined })],
    ['no user', () => forge({}, { sub: undefined })],
    ['a username that is no text', () => forge({}, { username: 1 })],
    ['a start in the future', () => forge({}, { nbf: NOW.getTime() / 1_000 + 61 })],
    ['no signature', () => new UnsecuredJWT({ sub: 'u1', sid: 's1', username: 'ann' }).encode()],
    ['an empty signature', async () => (await forge()).replace(/[^.]+$/, '')],
    ['a blank behind it', async () => `${await forge()} `],
    ['padding behind it', async () => `${await forge()}=`],
    [
      'a changed payload',
      async () => (await forge()).replace(/\.[^.]+\./, `.${btoa('{"sub":"u2"}').replaceAll('=', '')}.`),
    ],
    ['nothing', () => ''],
  ])('are refused with %s', async (_, make) => {
    await expect(verify(await make())).rejects.toMatchObject(refused);
  });
});
