import { env } from 'cloudflare:workers';
import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { appDeps } from '../../src/context.ts';
import { call, expectOk, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import {
  logIn,
  refresh,
  rowsOf,
  type SignedIn,
  sessionIdOf,
  signInAgain,
  statusWith,
  trailOf,
} from './sessions-fixture.ts';

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

interface Listed {
  data: { id: string; current: boolean }[];
  pagination: { total: number };
}

const list = (token: string, query = '') =>
  expectOk<Listed>(200, call('GET', `/api/v1/auth/sessions${query}`, { token }));
const end = (token: string, id: string) => call('DELETE', `/api/v1/auth/sessions/${id}`, { token });
const endOthers = (token: string) => call('DELETE', '/api/v1/auth/sessions', { token });
const logOut = (token: string) => call('POST', '/api/v1/auth/logout', { token });

/** That a session is over: neither of its tokens is taken. */
async function expectEnded({ token, refresh_token }: SignedIn) {
  expect(await statusWith(token)).toBe(401);
  expect((await refresh(refresh_token)).status).toBe(401);
}

const own = (person: Person): SignedIn => ({ token: person.token, refresh_token: person.refreshToken });

describe('GET /api/v1/auth/sessions', () => {
  it('lists the running sessions, newest first, with where they came from and which one asks', async () => {
    const person = await signUp();
    const headers = { 'User-Agent': 'curl/8.5.0', 'CF-Connecting-IP': '198.51.100.4' };
    const second = await signInAgain(person, headers);
    expect(await list(second.token)).toEqual({
      data: [
        {
          id: sessionIdOf(second.token),
          created_at: expect.stringMatching(TIMESTAMP),
          last_used_at: expect.stringMatching(TIMESTAMP),
          user_agent: 'curl/8.5.0',
          address: '198.51.100.4',
          current: true,
        },
        expect.objectContaining({ id: sessionIdOf(person.token), user_agent: null, address: null, current: false }),
      ],
      pagination: { total: 2, limit: 20, offset: 0, has_more: false },
    });
    expect((await list(person.token, '?limit=1&offset=1')).data).toMatchObject([
      { id: sessionIdOf(person.token), current: true },
    ]);
  });

  it('shows nobody else’s sessions and none that has ended', async () => {
    const [person, other] = [await signUp(), await signUp()];
    await signInAgain(other);
    await logOut((await signInAgain(person)).token);
    expect((await list(person.token)).data.map(({ id }) => id)).toEqual([sessionIdOf(person.token)]);
  });
});

describe('POST /api/v1/auth/logout', () => {
  it('ends the session that asks at once, and no other', async () => {
    const person = await signUp();
    const second = await signInAgain(person);
    expect(await logOut(second.token)).toMatchObject({ status: 204, body: undefined });
    await expectEnded(second);
    expect(await statusWith(person.token)).toBe(200);
    expect(await logOut(second.token)).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
  });
});

describe('DELETE /api/v1/auth/sessions/{id}', () => {
  it('ends that session at once', async () => {
    const person = await signUp();
    const second = await signInAgain(person);
    expect((await end(person.token, sessionIdOf(second.token))).status).toBe(204);
    await expectEnded(second);
    expect(await statusWith(person.token)).toBe(200);
  });

  it('ends the session that asks, too', async () => {
    const person = await signUp();
    expect((await end(person.token, sessionIdOf(person.token))).status).toBe(204);
    await expectEnded(own(person));
  });

  it('answers 404 for somebody else’s session, for one that has ended and for what is none', async () => {
    const [person, other] = [await signUp(), await signUp()];
    const gone = await signInAgain(person);
    await logOut(gone.token);
    for (const id of [sessionIdOf(other.token), sessionIdOf(gone.token), crypto.randomUUID(), 'x']) {
      expect(await end(person.token, id)).toMatchObject({ status: 404, body: { error: 'not_found' } });
    }
    expect(await statusWith(other.token)).toBe(200);
  });

  it('does it once when several ask at once', async () => {
    const person = await signUp();
    const id = sessionIdOf((await signInAgain(person)).token);
    const answers = await Promise.all([1, 2, 3, 4].map(() => end(person.token, id)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404, 404, 404]);
  });
});

describe('DELETE /api/v1/auth/sessions', () => {
  it('ends every other session of the person and nobody else’s', async () => {
    const [person, other] = [await signUp(), await signUp()];
    const [second, third] = [await signInAgain(person), await signInAgain(person)];
    expect((await endOthers(third.token)).status).toBe(204);
    await expectEnded(own(person));
    await expectEnded(second);
    expect(await statusWith(third.token)).toBe(200);
    expect((await refresh(third.refresh_token)).status).toBe(200);
    expect(await statusWith(other.token)).toBe(200);
    expect((await endOthers(third.token)).status).toBe(204);
  });

  it('lets one of two sessions that end each other at once go on', async () => {
    const person = await signUp();
    const second = await signInAgain(person);
    const answers = await Promise.all([endOthers(person.token), endOthers(second.token)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 401]);
    expect([await statusWith(person.token), await statusWith(second.token)].sort()).toEqual([200, 401]);
  });
});

describe('an access token', () => {
  it('is refused as soon as its account is disabled', async () => {
    const person = await signUp();
    await database().query.execute(sql`update users set is_active = false where id = ${person.id}`);
    expect(await call('GET', '/api/v1/triggers', { token: person.token })).toMatchObject({
      status: 401,
      body: { error: 'unauthorized' },
    });
    expect(await refresh(person.refreshToken)).toMatchObject({ status: 403, body: { error: 'account_disabled' } });
  });
});

describe('the limit of attempts by address', () => {
  it('is one for signing in, renewing tokens and changing the password', async () => {
    const deps = appDeps(env);
    const app = createApp({ ...deps, config: { ...deps.config, authLimits: { register: 3, login: 3 } } });
    const headers = { 'CF-Connecting-IP': `198.51.100.${Math.floor(Math.random() * 256)}`, 'User-Agent': 'x' };
    const send = async (verb: string) =>
      (await app.request(`https://weir.test/api/v1/auth/${verb}`, { method: 'POST', body: '{}', headers }, env)).status;
    expect([await send('login'), await send('refresh'), await send('password')]).toEqual([400, 400, 401]);
    for (const verb of ['login', 'refresh', 'password']) expect(await send(verb)).toBe(429);
  });
});

describe('the trail of a person', () => {
  it('holds a row for every write about their account, and no secret', async () => {
    const person = await signUp();
    const [second, third] = [await signInAgain(person), await signInAgain(person)];
    await logOut(second.token);
    await endOthers(third.token);
    const body = { current_password: person.password, new_password: 'another good password' };
    await call('POST', '/api/v1/auth/password', { token: third.token, body });
    await signInAgain({ ...person, password: body.new_password });
    await refresh(third.refresh_token);
    await refresh(third.refresh_token);
    await refresh(third.refresh_token);
    const trail = await trailOf(person);
    const actor = `user:${person.id}`;
    const sessionOf = ({ token }: SignedIn) => ({ type: 'session', id: sessionIdOf(token) });
    const itself = { type: 'user', id: person.id };
    expect(trail.filter(({ action }) => !action.startsWith('organization.'))).toMatchObject([
      { action: 'user.register', actor, target: itself, after: { username: person.username } },
      { action: 'session.create', actor, target: sessionOf(second) },
      { action: 'session.create', actor, target: sessionOf(third) },
      { action: 'session.revoke', actor, target: sessionOf(second), after: { reason: 'logout' } },
      { action: 'session.revoke_others', actor, target: itself, after: { ended_sessions: 1 } },
      { action: 'password.change', actor, target: itself, after: { ended_sessions: 0 } },
      { action: 'session.create', actor },
      { action: 'session.refresh', target: sessionOf(third) },
      { action: 'session.reuse_detected', actor: 'anonymous', target: sessionOf(third) },
    ]);
    const text = JSON.stringify(trail);
    for (const secret of [person.password, body.new_password, person.refreshToken, person.token, 'argon2'])
      expect(text).not.toContain(secret);
  });
});

describe('the database', () => {
  it('holds no refresh token as it was given out', async () => {
    const person = await signUp();
    const rows = await rowsOf<{ token_hash: string }>(sql`select token_hash from refresh_tokens`);
    expect(rows.length).toBeGreaterThan(0);
    for (const { token_hash } of rows) expect(token_hash).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify(rows)).not.toContain(person.refreshToken.slice(3));
  });
});

describe('a registration', () => {
  it('signs in: its session is as good as one of a login', async () => {
    const person = await signUp();
    expect((await list(person.token)).data).toMatchObject([{ current: true }]);
    expect((await logIn(person)).status).toBe(200);
  });
});
