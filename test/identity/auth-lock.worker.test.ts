import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import type { Database, Executor } from '../../src/db/client.ts';
import { argon2id, hashPassword, type Passwords } from '../../src/identity/users/password.ts';
import * as service from '../../src/identity/users/service.ts';
import { later, MINUTE, SECOND } from '../../src/kernel/clock.ts';
import { call, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import { anonymousAt, countingPasswords, logIn, plainPasswords, rowsOf, tokens, trailOf } from './sessions-fixture.ts';

const WRONG = 'not the password';
const NOW = new Date('2026-03-01T12:00:00Z');

const stateOf = async (person: Person) =>
  (
    await rowsOf<{ failures: number; locked: string | null }>(
      sql`select failed_logins as failures, locked_until as locked from users where id = ${person.id}`,
    )
  )[0];

/** Signs in by the verb itself at a given time; passwords are compared as plain text unless a test says how. */
function attempt(person: Person, password: string, now: Date, passwords: Passwords = plainPasswords(person.password)) {
  const input = { username_or_email: person.username, password };
  return service.logIn(anonymousAt(now), { tokens, passwords }, input).then(
    () => 'signed in',
    (error: { code: string }) => error.code,
  );
}

async function fail(person: Person, times: number, now: Date) {
  for (let n = 0; n < times; n += 1) expect(await attempt(person, WRONG, now)).toBe('unauthorized');
}

describe('ten wrong passwords in a row', () => {
  it('lock the account, which then answers the right password, too, like one that does not exist', async () => {
    const person = await signUp();
    for (let n = 0; n < 10; n += 1) await logIn(person, WRONG);
    const nobody = { ...person, username: 'nobody-at-all' };
    const answers = [await logIn(person), await logIn(person, WRONG), await logIn(nobody)];
    for (const { status, body, headers } of answers) {
      expect(status).toBe(401);
      expect(body).toEqual({
        error: 'unauthorized',
        message: 'Invalid credentials',
        request_id: headers.get('X-Request-Id'),
      });
      expect([...headers.keys()]).toEqual([...(answers[0]?.headers.keys() ?? [])]);
    }
  });

  it('are counted exactly when twenty come at once', async () => {
    const person = await signUp();
    const answers = await Promise.all(Array.from({ length: 20 }, () => logIn(person, WRONG)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 401));
    expect(await stateOf(person)).toEqual({ failures: 10, locked: expect.anything() });
    const locks = (await trailOf(person)).filter(({ action }) => action === 'account.lock');
    expect(locks).toMatchObject([
      { actor: 'anonymous', target: { type: 'user', id: person.id }, after: { failed_logins: 10 } },
    ]);
  });

  it('lock for a minute, then for two, and what is tried meanwhile neither counts nor makes it longer', async () => {
    const person = await signUp();
    await fail(person, 10, NOW);
    await fail(person, 5, later(NOW, 30 * SECOND));
    expect(await attempt(person, person.password, later(NOW, MINUTE - 1))).toBe('unauthorized');
    await fail(person, 10, later(NOW, MINUTE));
    expect(await stateOf(person)).toMatchObject({ failures: 20 });
    expect(await attempt(person, person.password, later(NOW, 3 * MINUTE - 1))).toBe('unauthorized');
    expect(await attempt(person, person.password, later(NOW, 3 * MINUTE))).toBe('signed in');
  });

  it('have to be in a row: a right one begins the count anew', async () => {
    const person = await signUp();
    await fail(person, 9, NOW);
    expect(await attempt(person, person.password, NOW)).toBe('signed in');
    expect(await stateOf(person)).toEqual({ failures: 0, locked: null });
    await fail(person, 9, NOW);
    expect(await attempt(person, person.password, NOW)).toBe('signed in');
  });

  it('count also when they come with an Idempotency-Key, which undoes what a refused request wrote', async () => {
    const person = await signUp();
    for (let n = 0; n < 10; n += 1) await logIn(person, WRONG, { 'Idempotency-Key': crypto.randomUUID() });
    expect((await logIn(person)).status).toBe(401);
  });

  it('do not disturb who is signed in already', async () => {
    const person = await signUp();
    for (let n = 0; n < 10; n += 1) await logIn(person, WRONG);
    expect((await call('GET', '/api/v1/organizations', { token: person.token })).status).toBe(200);
    const body = { refresh_token: person.refreshToken };
    expect((await call('POST', '/api/v1/auth/refresh', { body })).status).toBe(200);
  });

  it('beat a right password that was being verified when the tenth was counted', async () => {
    const person = await signUp();
    const slow: Passwords = {
      ...argon2id,
      async verify() {
        await fail(person, 10, NOW);
        return true;
      },
    };
    expect(await attempt(person, person.password, NOW, slow)).toBe('unauthorized');
  });
});

describe('signing in', () => {
  it('does the same work for an unknown account, a locked one and a wrong password', async () => {
    const person = await signUp();
    const locked = await signUp();
    await fail(locked, 10, NOW);
    // Hashing it anew would tell that the password is right.
    const cheap = await hashPassword(locked.password, { memoryKib: 1_024, passes: 1 });
    await database().query.execute(sql`update users set password_hash = ${cheap} where id = ${locked.id}`);
    const known = await signUp();
    expect(await attempt(known, known.password, NOW)).toBe('signed in');
    const tries: [string, string][] = [
      ['nobody-at-all', WRONG],
      [person.username, WRONG],
      [locked.username, WRONG],
      [locked.username, locked.password],
      [known.username, WRONG],
    ];
    for (const [username_or_email, password] of tries) {
      const passwords = countingPasswords();
      const ctx = anonymousAt(NOW);
      let transactions = 0;
      let statements = 0;
      const counted = (tx: Executor) =>
        new Proxy(tx, {
          get(target, name) {
            if (['select', 'insert', 'update', 'execute'].includes(String(name))) statements += 1;
            return Reflect.get(target, name, target);
          },
        });
      const db: Database = {
        query: ctx.db.query,
        transaction(work) {
          transactions += 1;
          return ctx.db.transaction((tx) => work(counted(tx)));
        },
      };
      const attempted = service.logIn({ ...ctx, db }, { tokens, passwords }, { username_or_email, password });
      await expect(attempted).rejects.toMatchObject({ code: 'unauthorized', message: 'Invalid credentials' });
      const work = { ...passwords.work, transactions, statements };
      expect(work).toEqual({ hash: 0, verify: 1, transactions: 1, statements: 4 });
    }
  });

  it('hashes the password anew when it was hashed at a lower cost than today’s, and only then', async () => {
    const person = await signUp();
    const hashOf = async () =>
      (await rowsOf<{ hash: string }>(sql`select password_hash as hash from users where id = ${person.id}`))[0]?.hash;
    for (const cost of [
      { memoryKib: 1_024, passes: 2 },
      { memoryKib: 19_456, passes: 1 },
    ]) {
      const cheap = await hashPassword(person.password, cost);
      await database().query.execute(sql`update users set password_hash = ${cheap} where id = ${person.id}`);
      expect((await logIn(person, WRONG)).status).toBe(401);
      expect(await hashOf()).toBe(cheap);
      expect((await logIn(person)).status).toBe(200);
      const renewed = await hashOf();
      expect(renewed).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
      expect((await logIn(person)).status).toBe(200);
      expect(await hashOf()).toBe(renewed);
    }
  });

  it('twice at once with a hash of lower cost works twice', async () => {
    const person = await signUp();
    const cheap = await hashPassword(person.password, { memoryKib: 1_024, passes: 1 });
    await database().query.execute(sql`update users set password_hash = ${cheap} where id = ${person.id}`);
    const answers = await Promise.all([logIn(person), logIn(person), logIn(person)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await logIn(person)).status).toBe(200);
  });

  it('is refused when the password was changed while the old one was being verified', async () => {
    const person = await signUp();
    const slow: Passwords = {
      ...argon2id,
      async verify() {
        const body = { current_password: person.password, new_password: 'another good password' };
        const changed = await call('POST', '/api/v1/auth/password', { token: person.token, body });
        expect(changed.status).toBe(204);
        return true;
      },
    };
    expect(await attempt(person, person.password, NOW, slow)).toBe('unauthorized');
  });

  it('is refused with its own answer for a disabled account, but only to who knows the password', async () => {
    const person = await signUp();
    await database().query.execute(sql`update users set is_active = false where id = ${person.id}`);
    expect(await logIn(person)).toMatchObject({ status: 403, body: { error: 'account_disabled' } });
    expect(await logIn(person, WRONG)).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
    for (let n = 0; n < 10; n += 1) await logIn(person, WRONG);
    expect(await logIn(person)).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
  });
});
