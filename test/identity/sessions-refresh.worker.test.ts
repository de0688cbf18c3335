import { sql } from 'drizzle-orm';
import { describe, expect, it, vi } from 'vitest';
import { sweepSessions } from '../../src/identity/sessions/job.ts';
import { refreshSession } from '../../src/identity/sessions/service.ts';
import { verifyAccessToken } from '../../src/identity/users/tokens.ts';
import { DAY, HOUR, later, MINUTE } from '../../src/kernel/clock.ts';
import { sha256Hex } from '../../src/kernel/crypto.ts';
import { call, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import {
  anonymousAt,
  refresh,
  rowsOf,
  type SignedIn,
  sessionIdOf,
  signInAgain,
  statusWith,
  tokens,
  trailOf,
} from './sessions-fixture.ts';

const reuses = async (person: Person) =>
  (await trailOf(person)).filter(({ action }) => action === 'session.reuse_detected').length;

describe('a spent refresh token that comes back', () => {
  it('ends its session: the access tokens of the thief and of the owner are refused at once', async () => {
    const person = await signUp();
    const other = await signInAgain(person);
    const next = (await refresh(person.refreshToken)).body as SignedIn;
    expect(await statusWith(next.token)).toBe(200);
    expect(await refresh(person.refreshToken)).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
    expect(await statusWith(next.token)).toBe(401);
    expect(await statusWith(person.token)).toBe(401);
    expect((await refresh(next.refresh_token)).status).toBe(401);
    expect(await statusWith(other.token)).toBe(200);
    await refresh(person.refreshToken);
    expect(await reuses(person)).toBe(1);
  });

  it('does so also when it comes with an Idempotency-Key, which undoes what a refused request wrote', async () => {
    const person = await signUp();
    const next = (await refresh(person.refreshToken)).body as SignedIn;
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    const body = { refresh_token: person.refreshToken };
    expect((await call('POST', '/api/v1/auth/refresh', { body, headers })).status).toBe(401);
    expect(await statusWith(next.token)).toBe(401);
  });
});

describe('a refresh token that is used several times at once', () => {
  it('works for one, and those that saw it unspent do not end the session', async () => {
    const person = await signUp();
    const tokenHash = sha256Hex(person.refreshToken);
    const uses: Promise<{ status: number; body: unknown }>[] = [];
    await database().transaction(async (tx) => {
      await tx.execute(sql`select 1 from refresh_tokens where token_hash = ${tokenHash} for update`);
      for (let n = 0; n < 5; n += 1) uses.push(refresh(person.refreshToken));
      // All five have read the token as unspent once all five wait for its row.
      await vi.waitFor(
        async () => {
          const rows = await rowsOf<{ waiting: number }>(
            sql`select count(*)::int as waiting from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'`,
          );
          expect(rows[0]?.waiting).toBe(5);
        },
        { timeout: 10_000 },
      );
    });
    const answers = await Promise.all(uses);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401]);
    const won = answers.find(({ status }) => status === 200)?.body as SignedIn;
    expect(await statusWith(won.token)).toBe(200);
    expect(await reuses(person)).toBe(0);
    expect((await refresh(won.refresh_token)).status).toBe(200);
  });

  it('works for exactly one of fifty', async () => {
    const person = await signUp();
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(person.refreshToken)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(49);
  });
});

describe('a session', () => {
  it('lasts thirty days from signing in, however often its tokens are renewed', async () => {
    const person = await signUp();
    const start = new Date();
    const at = (now: Date, token: string) => refreshSession(anonymousAt(now), tokens, token);
    const second = await at(later(start, 29 * DAY), person.refreshToken);
    const third = await at(later(start, 30 * DAY - 10 * MINUTE), second.refresh_token);
    await expect(at(later(start, 30 * DAY + MINUTE), third.refresh_token)).rejects.toMatchObject({
      code: 'unauthorized',
    });
    const verify = (now: Date) => verifyAccessToken(tokens, third.token, now);
    await expect(verify(later(start, 30 * DAY - MINUTE))).resolves.toMatchObject({ userId: person.id });
    await expect(verify(later(start, 30 * DAY + 2 * MINUTE))).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('is told as last used when its tokens were last renewed', async () => {
    const person = await signUp();
    const now = later(new Date(), HOUR);
    await refreshSession(anonymousAt(now), tokens, person.refreshToken);
    const rows = await rowsOf<{ refreshed: string }>(
      sql`select to_json(refreshed_at) #>> '{}' as refreshed from sessions where id = ${sessionIdOf(person.token)}`,
    );
    expect(new Date(rows[0]?.refreshed ?? '')).toEqual(now);
  });
});

describe('the sweep', () => {
  const sweepAt = (now: Date) => sweepSessions({ db: database(), clock: () => now });
  const counts = async (person: Person) =>
    (
      await rowsOf<{ sessions: number; tokens: number }>(sql`
        select count(distinct s.id)::int as sessions, count(t.token_hash)::int as tokens
        from sessions s left join refresh_tokens t on t.session_id = s.id where s.user_id = ${person.id}`)
    )[0];

  it('deletes what ended a day ago with its tokens, and nothing that runs', async () => {
    const person = await signUp();
    const gone = await signInAgain(person);
    const next = (await refresh(gone.refresh_token)).body as SignedIn;
    await call('POST', '/api/v1/auth/logout', { token: next.token });
    await sweepAt(new Date());
    expect(await counts(person)).toEqual({ sessions: 2, tokens: 3 });
    expect(await sweepAt(later(new Date(), DAY + MINUTE))).toBeGreaterThan(0);
    expect(await counts(person)).toEqual({ sessions: 1, tokens: 1 });
    expect(await statusWith(next.token)).toBe(401);
    expect(await statusWith(person.token)).toBe(200);
    await sweepAt(later(new Date(), 31 * DAY + MINUTE));
    expect(await counts(person)).toEqual({ sessions: 0, tokens: 0 });
    expect(await statusWith(person.token)).toBe(401);
  });
});
