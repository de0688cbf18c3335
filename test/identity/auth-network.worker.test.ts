import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { refreshSession } from '../../src/identity/sessions/service.ts';
import { deleteForgottenNetworks } from '../../src/identity/users/network-store.ts';
import type { Passwords } from '../../src/identity/users/password.ts';
import * as service from '../../src/identity/users/service.ts';
import { DAY, HOUR, later, MINUTE, SECOND } from '../../src/kernel/clock.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import { anonymousAt, logIn, plainPasswords, rowsOf, tokens, trailOf } from './sessions-fixture.ts';

const WRONG = 'not the password';
const NOW = new Date('2026-03-01T12:00:00Z');
const HOME = '198.51.100.20';
const ELSEWHERE = '192.0.2.66';

interface Try {
  at?: string;
  now?: Date;
  password?: string;
  passwords?: Passwords;
}

function attempt(person: Person, { at = HOME, now = NOW, password = person.password, passwords }: Try = {}) {
  const deps = { tokens, passwords: passwords ?? plainPasswords(person.password) };
  return service.logIn(anonymousAt(now, at), deps, { username_or_email: person.username, password }).then(
    ({ refresh_token }) => ({ status: 'signed in', refresh_token }),
    (error: { code: string }) => ({ status: error.code, refresh_token: '' }),
  );
}

const signsIn = async (person: Person, how: Try = {}) => (await attempt(person, how)).status === 'signed in';

async function fail(person: Person, times: number, how: Try) {
  for (let n = 0; n < times; n += 1) expect(await signsIn(person, { ...how, password: WRONG })).toBe(false);
}

/** Somebody who signed in at home, and whose account a stranger then locked for an hour from elsewhere. */
async function besieged(home = HOME, now = NOW): Promise<Person> {
  const person = await signUp();
  expect(await signsIn(person, { at: home, now })).toBe(true);
  await database().query.execute(sql`update users set failed_logins = 69 where id = ${person.id}`);
  await fail(person, 1, { at: ELSEWHERE, now });
  return person;
}

const stateOf = async (person: Person) =>
  (
    await rowsOf<{ everywhere: number; here: number }>(sql`
      select u.failed_logins as everywhere, n.failed_logins as here from users u
      join sign_in_networks n on n.user_id = u.id where u.id = ${person.id} and n.network = ${HOME}`)
  )[0];

describe('an account that a stranger keeps locked', () => {
  it('is signed in to from a known network, again and again, and stays locked elsewhere', async () => {
    const person = await besieged();
    for (const minutes of [1, 30, 59]) {
      const now = later(NOW, minutes * MINUTE);
      expect(await signsIn(person, { now })).toBe(true);
      expect(await signsIn(person, { at: ELSEWHERE, now })).toBe(false);
    }
    await fail(person, 10, { at: ELSEWHERE, now: later(NOW, HOUR) });
    expect(await signsIn(person, { now: later(NOW, HOUR) })).toBe(true);
    expect(await stateOf(person)).toEqual({ everywhere: 80, here: 0 });
    expect(await signsIn(person, { at: ELSEWHERE, now: later(NOW, 2 * HOUR) })).toBe(true);
  });

  it('answers the right password from an unknown network, or from none, as it answers a wrong one', async () => {
    const person = await signUp();
    const at = (address: string) => ({ 'CF-Connecting-IP': address });
    expect((await logIn(person, person.password, at(HOME))).status).toBe(200);
    for (let n = 0; n < 10; n += 1) await logIn(person, WRONG, at(ELSEWHERE));
    const wrong = await logIn(person, WRONG, at(ELSEWHERE));
    for (const headers of [at(ELSEWHERE), at('192.0.2.67'), {}, at('nonsense')]) {
      const { status, body } = await logIn(person, person.password, headers);
      expect(status).toBe(401);
      expect(body).toEqual({ ...(wrong.body as object), request_id: expect.any(String) });
    }
    expect((await logIn(person, person.password, at(HOME))).status).toBe(200);
  });

  it('is known by no address where the platform tells none', async () => {
    const person = await besieged('');
    expect(await signsIn(person, { at: '' })).toBe(false);
  });

  it('is known at the whole /64 of an IPv6 address and not at the next', async () => {
    const person = await besieged('2001:db8:1:2::1');
    expect(await signsIn(person, { at: '2001:db8:1:2:ffff::9' })).toBe(true);
    expect(await signsIn(person, { at: '2001:db8:1:3::1' })).toBe(false);
  });

  it('is known where it was registered', async () => {
    const name = `r-${crypto.randomUUID().slice(0, 8)}`;
    const account = { username: name, email: `${name}@example.com`, password: 'correct horse battery' };
    const { user } = await service.registerUser(
      anonymousAt(NOW, HOME),
      { tokens, passwords: plainPasswords(''), newOrganizations: { plan: 'free', log: createLogger() } },
      account,
    );
    const person = { ...account, id: user.id, token: '', refreshToken: '', personalOrganizationId: '' };
    await fail(person, 10, { at: ELSEWHERE });
    expect(await signsIn(person)).toBe(true);
  });

  it('is not known where somebody else has signed in', async () => {
    const person = await besieged();
    const other = await signUp();
    expect(await signsIn(other, { at: ELSEWHERE })).toBe(true);
    expect(await signsIn(person, { at: ELSEWHERE })).toBe(false);
  });
});

describe('a known network', () => {
  it('is known for 30 days after the last sign-in', async () => {
    for (const [age, expected] of [
      [30 * DAY - 1, true],
      [30 * DAY, false],
    ] as const) {
      const person = await signUp();
      expect(await signsIn(person)).toBe(true);
      await fail(person, 10, { at: ELSEWHERE, now: later(NOW, age) });
      expect(await signsIn(person, { now: later(NOW, age) })).toBe(expected);
    }
  });

  it('stays known while tokens are renewed there, and does not become known by that', async () => {
    const person = await signUp();
    const { refresh_token } = await attempt(person);
    const next = await refreshSession(anonymousAt(later(NOW, 29 * DAY), ELSEWHERE), tokens, refresh_token);
    await refreshSession(anonymousAt(later(NOW, 29 * DAY), HOME), tokens, next.refresh_token);
    const now = later(NOW, 31 * DAY);
    await fail(person, 10, { at: '192.0.2.99', now });
    expect(await signsIn(person, { at: ELSEWHERE, now })).toBe(false);
    expect(await signsIn(person, { now })).toBe(true);
  });

  it('has a lock of its own that grows by the same rule', async () => {
    const person = await besieged();
    await fail(person, 10, {});
    expect(await signsIn(person, { now: later(NOW, MINUTE - 1) })).toBe(false);
    expect((await trailOf(person)).at(-1)).toMatchObject({
      action: 'account.lock',
      after: { failed_logins: 10, network: HOME },
    });
    await fail(person, 10, { now: later(NOW, MINUTE) });
    expect(await signsIn(person, { now: later(NOW, 3 * MINUTE - 1) })).toBe(false);
    expect(await signsIn(person, { now: later(NOW, 3 * MINUTE) })).toBe(true);
    expect(await stateOf(person)).toEqual({ everywhere: 70, here: 0 });
  });

  it('counts ten wrong passwords exactly when twenty come at once, also while the account is locked', async () => {
    const free = await signUp();
    expect(await signsIn(free)).toBe(true);
    for (const person of [free, await besieged()]) {
      const before = await stateOf(person);
      const wrong = { password: WRONG, now: later(NOW, SECOND) };
      const answers = await Promise.all(Array.from({ length: 20 }, () => signsIn(person, wrong)));
      expect(answers).not.toContain(true);
      expect(await stateOf(person)).toEqual({ everywhere: before?.everywhere || 10, here: 10 });
      expect(await signsIn(person, { now: later(NOW, 30 * SECOND) })).toBe(false);
    }
  });

  it('beats a right password that was being verified when its tenth wrong one was counted', async () => {
    const person = await besieged();
    const slow: Passwords = {
      ...plainPasswords(person.password),
      async verify() {
        await fail(person, 10, {});
        return true;
      },
    };
    expect(await signsIn(person, { passwords: slow })).toBe(false);
  });

  it('is deleted when it is known no more', async () => {
    const person = await signUp();
    expect(await signsIn(person)).toBe(true);
    await deleteForgottenNetworks(database().query, later(NOW, 30 * DAY - 1));
    expect(await stateOf(person)).toBeDefined();
    await deleteForgottenNetworks(database().query, later(NOW, 30 * DAY));
    expect(await stateOf(person)).toBeUndefined();
  });
});
