import { describe, expect, it } from 'vitest';
import { call, signUp } from '../support/api.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

const newAccount = () => {
  const name = `u-${crypto.randomUUID().slice(0, 8)}`;
  return { username: name, email: `${name}@Example.com`, password: 'secure_password_123' };
};

const register = (body: unknown) => call('POST', '/api/v1/auth/register', { body });
const login = (username_or_email: string, password: string) =>
  call('POST', '/api/v1/auth/login', { body: { username_or_email, password } });

describe('POST /api/v1/auth/register', () => {
  it('makes an account and signs it in', async () => {
    const account = newAccount();
    const answer = await register(account);
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      refresh_token: expect.stringMatching(/^rt_[\w-]{43}$/),
      user: {
        id: expect.stringMatching(UUID),
        username: account.username,
        email: account.email,
        created_at: expect.stringMatching(TIMESTAMP),
        last_login_at: null,
        is_active: true,
      },
    });
  });

  it('gives the account a personal organization that it owns', async () => {
    const person = await signUp();
    const { body } = await call('GET', '/api/v1/organizations', { token: person.token });
    expect(body).toMatchObject({
      data: [{ organization: { is_personal: true, name: person.username }, my_role: 'owner' }],
      pagination: { total: 1, limit: 20, offset: 0, has_more: false },
    });
  });

  it('refuses a username or an e-mail address that is taken in another case', async () => {
    const account = newAccount();
    await register(account);
    const sameName = await register({ ...newAccount(), username: account.username.toUpperCase() });
    expect(sameName).toMatchObject({ status: 409, body: { error: 'conflict', message: 'Username already exists' } });
    const sameMail = await register({ ...newAccount(), email: account.email.toLowerCase() });
    expect(sameMail).toMatchObject({ status: 409, body: { error: 'conflict', message: 'Email already exists' } });
  });

  it('lets one of two registrations of the same name at once win, and leaves nothing of the other', async () => {
    const account = newAccount();
    const answers = await Promise.all(
      [0, 1, 2, 3].map((n) => register({ ...account, email: `${n}-${account.email}` })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  });

  it('takes the shortest and longest values of the document and refuses one character less and more', async () => {
    const unique = crypto.randomUUID().slice(0, 3);
    const tries: [object, number][] = [
      [{ username: unique }, 201],
      [{ username: unique.slice(0, 2) }, 400],
      [{ username: unique.padEnd(50, 'x') }, 201],
      [{ username: unique.padEnd(51, 'x') }, 400],
      [{ password: '12345678' }, 201],
      [{ password: '1234567' }, 400],
      [{ password: 'п'.repeat(100) }, 201],
      [{ password: 'п'.repeat(101) }, 400],
    ];
    for (const [fields, status] of tries) {
      const answer = await register({ ...newAccount(), ...fields });
      expect({ fields, status: answer.status }).toEqual({ fields, status });
    }
  });
});

describe('POST /api/v1/auth/login', () => {
  it('signs in by username and by e-mail address, in any case, and tells when that was', async () => {
    const person = await signUp();
    for (const name of [person.username, person.email, person.email.toUpperCase()]) {
      const answer = await login(name, person.password);
      expect(answer).toMatchObject({
        status: 200,
        body: { user: { id: person.id, last_login_at: expect.stringMatching(TIMESTAMP) } },
      });
    }
  });

  it('answers alike for a wrong password and for an account that does not exist', async () => {
    const person = await signUp();
    const wrong = await login(person.username, 'not the password');
    const unknown = await login('nobody-at-all', 'not the password');
    const { request_id: _, ...first } = wrong.body as Record<string, unknown>;
    const { request_id: __, ...second } = unknown.body as Record<string, unknown>;
    expect(wrong.status).toBe(401);
    expect(unknown.status).toBe(401);
    expect(first).toEqual({ error: 'unauthorized', message: 'Invalid credentials' });
    expect(second).toEqual(first);
  });

  it('hashes every byte of a long password that is not ASCII', async () => {
    const account = { ...newAccount(), password: `${'п'.repeat(99)}а` };
    await register(account);
    expect((await login(account.username, account.password)).status).toBe(200);
    expect((await login(account.username, `${'п'.repeat(99)}б`)).status).toBe(401);
    expect((await login(account.username, 'п'.repeat(50))).status).toBe(401);
  });

  it('cannot be shut out by a name that is another’s address, or an address that is another’s name', async () => {
    const victim = await signUp();
    const thief = await register({ ...newAccount(), username: victim.email });
    expect(thief).toMatchObject({ status: 409, body: { message: 'Username already exists' } });
    const named = { ...newAccount(), username: `boss-${crypto.randomUUID().slice(0, 8)}@example.com` };
    expect((await register(named)).status).toBe(201);
    const shadow = await register({ ...newAccount(), email: named.username });
    expect(shadow).toMatchObject({ status: 409, body: { message: 'Email already exists' } });
    expect((await login(named.username, named.password)).status).toBe(200);
    const own = newAccount();
    expect((await register({ ...own, username: own.email })).status).toBe(201);
  });

  it('treats the spellings of a name in Unicode as one, and refuses names that change the direction of writing', async () => {
    const unique = crypto.randomUUID().slice(0, 8);
    const account = { ...newAccount(), username: `Zoe\u0308-${unique}` };
    expect(await register(account)).toMatchObject({ status: 201, body: { user: { username: `Zo\u00eb-${unique}` } } });
    expect((await register({ ...newAccount(), username: `zo\u00eb-${unique}` })).status).toBe(409);
    expect((await register({ ...newAccount(), username: `a\u202egpj-${unique}` })).status).toBe(400);
  });
});

describe('POST /api/v1/auth/refresh', () => {
  const refresh = (refresh_token: string) => call('POST', '/api/v1/auth/refresh', { body: { refresh_token } });

  it('trades a refresh token for a new pair', async () => {
    const person = await signUp();
    const answer = await refresh(person.refreshToken);
    expect(answer).toMatchObject({ status: 200, body: { user: { id: person.id } } });
    const { token } = answer.body as { token: string };
    expect((await call('GET', '/api/v1/organizations', { token })).status).toBe(200);
  });

  it('revokes the whole login when a used token comes back', async () => {
    const person = await signUp();
    const next = (await refresh(person.refreshToken)).body as { refresh_token: string };
    expect((await refresh(person.refreshToken)).status).toBe(401);
    expect((await refresh(next.refresh_token)).status).toBe(401);
  });

  it('lets one of many uses at once win', async () => {
    const person = await signUp();
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(person.refreshToken)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(9);
  });

  it('refuses a token that was never issued', async () => {
    expect(await refresh('rt_made-up')).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
  });
});
