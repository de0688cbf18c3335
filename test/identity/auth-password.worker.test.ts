import { describe, expect, it } from 'vitest';
import { argon2id, type Passwords } from '../../src/identity/users/password.ts';
import { changePassword } from '../../src/identity/users/service.ts';
import { call, type Person, signUp } from '../support/api.ts';
import { anonymousAt, logIn, refresh, sessionIdOf, signInAgain, statusWith, trailOf } from './sessions-fixture.ts';

const NEW = 'another good password';

const change = (
  person: Person,
  fields: { current_password?: string; new_password?: string } = {},
  headers: Record<string, string> = {},
) =>
  call('POST', '/api/v1/auth/password', {
    token: person.token,
    body: { current_password: person.password, new_password: NEW, ...fields },
    headers,
  });

describe('POST /api/v1/auth/password', () => {
  it('replaces the password, ends every other session and lets the one that asks go on', async () => {
    const person = await signUp();
    const other = await signInAgain(person);
    expect(await change(person)).toMatchObject({ status: 204, body: undefined });
    expect(await statusWith(other.token)).toBe(401);
    expect((await refresh(other.refresh_token)).status).toBe(401);
    expect(await statusWith(person.token)).toBe(200);
    expect((await refresh(person.refreshToken)).status).toBe(200);
    expect((await logIn(person)).status).toBe(401);
    expect((await logIn(person, NEW)).status).toBe(200);
  });

  it('refuses a wrong current password with 403 and changes nothing', async () => {
    const person = await signUp();
    const other = await signInAgain(person);
    expect(await change(person, { current_password: 'not the password' })).toMatchObject({
      status: 403,
      body: { error: 'forbidden', message: 'The current password is wrong' },
    });
    expect(await statusWith(other.token)).toBe(200);
    expect((await logIn(person)).status).toBe(200);
  });

  it('takes a new password by the rules of registration, and not the old one again', async () => {
    const person = await signUp();
    for (const new_password of ['1234567', 'x'.repeat(101), person.password]) {
      const answer = await change(person, { new_password });
      expect(answer).toMatchObject({ status: 400, body: { details: [{ path: 'new_password' }] } });
    }
    expect((await logIn(person)).status).toBe(200);
  });

  it('ends the session with the tenth wrong current password, with an Idempotency-Key too, and locks no account', async () => {
    const person = await signUp();
    const other = await signInAgain(person);
    for (let n = 0; n < 5; n += 1) {
      expect((await change(person, { current_password: 'wrong' })).status).toBe(403);
      const headers = { 'Idempotency-Key': crypto.randomUUID() };
      expect((await change(person, { current_password: 'wrong' }, headers)).status).toBe(403);
    }
    expect((await change(person)).status).toBe(401);
    expect((await refresh(person.refreshToken)).status).toBe(401);
    expect((await trailOf(person)).at(-1)).toMatchObject({
      action: 'session.revoke',
      target: { type: 'session', id: sessionIdOf(person.token) },
      after: { reason: 'wrong_passwords' },
    });
    expect(await statusWith(other.token)).toBe(200);
    expect((await logIn(person)).status).toBe(200);
  });

  it('counts wrong current passwords exactly when many come at once, and ends the session once', async () => {
    const person = await signUp();
    const wrong = () => change(person, { current_password: 'wrong' });
    await Promise.all(Array.from({ length: 9 }, wrong));
    expect(await statusWith(person.token)).toBe(200);
    for (const { status } of await Promise.all(Array.from({ length: 6 }, wrong))) expect([401, 403]).toContain(status);
    expect(await statusWith(person.token)).toBe(401);
    expect((await trailOf(person)).filter(({ action }) => action === 'session.revoke')).toHaveLength(1);
  });

  it('counts wrong current passwords in a row: a change begins the count anew', async () => {
    const person = await signUp();
    for (let n = 0; n < 9; n += 1) await change(person, { current_password: 'wrong' });
    expect((await change(person)).status).toBe(204);
    for (let n = 0; n < 9; n += 1) await change(person, { current_password: 'wrong' });
    expect(await statusWith(person.token)).toBe(200);
  });

  it('is refused when wrong passwords ended the session while the new one was being hashed', async () => {
    const person = await signUp();
    const principal = {
      kind: 'user' as const,
      userId: person.id,
      username: person.username,
      sessionId: sessionIdOf(person.token),
    };
    const slow: Passwords = {
      ...argon2id,
      async hash(password) {
        for (let n = 0; n < 10; n += 1) await change(person, { current_password: 'wrong' });
        return argon2id.hash(password);
      },
    };
    const input = { current_password: person.password, new_password: NEW };
    const changed = changePassword({ ...anonymousAt(new Date()), principal }, slow, input);
    await expect(changed).rejects.toMatchObject({ code: 'unauthorized' });
    expect((await logIn(person, NEW)).status).toBe(401);
  });

  it('works while strangers keep the account locked, and leaves them locked out', async () => {
    const person = await signUp();
    for (let n = 0; n < 10; n += 1) await logIn(person, 'wrong');
    expect((await change(person)).status).toBe(204);
    expect((await logIn(person, NEW)).status).toBe(401);
  });

  it('lets one of two changes at once win', async () => {
    const person = await signUp();
    const candidates = ['first new password', 'second new password'];
    const answers = await Promise.all(candidates.map((new_password) => change(person, { new_password })));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 403]);
    const logins = await Promise.all(candidates.map((password) => logIn(person, password)));
    expect(logins.map(({ status }) => status)).toEqual(answers.map(({ status }) => (status === 204 ? 200 : 401)));
  });

  it('is replayed to the same request with the same Idempotency-Key', async () => {
    const person = await signUp();
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    expect((await change(person, {}, headers)).status).toBe(204);
    const again = await change(person, {}, headers);
    expect(again.status).toBe(204);
    expect(again.headers.get('Idempotent-Replayed')).toBe('true');
  });

  it('needs a signed-in person', async () => {
    const body = { current_password: 'x', new_password: NEW };
    expect((await call('POST', '/api/v1/auth/password', { body })).status).toBe(401);
  });
});
