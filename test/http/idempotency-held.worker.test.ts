import { env } from 'cloudflare:workers';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { appDeps } from '../../src/context.ts';
import type { Database } from '../../src/db/client.ts';
import { configOf } from '../../src/env.ts';
import { type Answer, answerOnce } from '../../src/http/idempotency.ts';
import { later, MINUTE } from '../../src/kernel/clock.ts';
import { call, type Person, type Answer as Reply, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import { askChallenge, askLogin, claimOf, linked, newAccount } from '../support/wallets.ts';
import { watchOwnChain } from '../support/watched-chain.ts';

/** Operations that commit by themselves, and so hold a key instead of a transaction. */
let chain: Awaited<ReturnType<typeof watchOwnChain>>;
let agents = 500n;

beforeAll(async () => {
  chain = await watchOwnChain();
});

afterAll(() => chain.stop());

const newKey = () => crypto.randomUUID();

async function ownAgent(account: ReturnType<typeof newAccount>) {
  agents += 1n;
  await chain.setOwner(agents, account.address);
  return agents;
}

interface Mutation {
  path: string;
  body: object | string;
  token?: string;
  /** What the trail of the person's organization gets a row of. */
  action: string;
}

const MUTATIONS: [string, (person: Person) => Promise<Mutation>][] = [
  [
    'login',
    async ({ username, password }) => ({
      path: '/api/v1/auth/login',
      body: { username_or_email: username, password },
      action: 'session.create',
    }),
  ],
  [
    'refreshToken',
    async ({ refreshToken }) => ({
      path: '/api/v1/auth/refresh',
      body: { refresh_token: refreshToken },
      action: 'session.refresh',
    }),
  ],
  [
    'logInWallet',
    async (person) => {
      const account = newAccount();
      await linked(person, await ownAgent(account), account);
      const { challenge } = await askLogin(account.address);
      const signature = await account.signMessage({ message: challenge });
      const body = { wallet_address: account.address, challenge, signature };
      return { path: '/api/v1/auth/wallet', body, action: 'wallet.login' };
    },
  ],
  [
    'linkAgent',
    async (person) => {
      const account = newAccount();
      const claim = claimOf(person, await ownAgent(account), account.address);
      const { challenge } = await askChallenge(person, claim);
      const body = { ...claim, challenge, signature: await account.signMessage({ message: challenge }) };
      return { path: '/api/v1/agents/link', body, token: person.token, action: 'agent.link' };
    },
  ],
  [
    'changePassword',
    async ({ token, password }) => ({
      path: '/api/v1/auth/password',
      body: { current_password: password, new_password: 'another good password' },
      token,
      action: 'password.change',
    }),
  ],
];

const send = ({ path, body, token }: Mutation, key: string): Promise<Reply> =>
  call('POST', path, { token, body, headers: { 'Idempotency-Key': key } });

async function rowsOf({ personalOrganizationId }: Person, action: string): Promise<number> {
  const result = await database().query.execute(
    sql`select count(*)::int as n from audit_logs where organization_id = ${personalOrganizationId} and action = ${action}`,
  );
  return (result as unknown as { rows: [{ n: number }] }).rows[0].n;
}

/** A database that tells how many of its transactions were open at once. */
function watched(db: Database) {
  let open = 0;
  const seen = { most: 0 };
  const transaction: Database['transaction'] = async (work) => {
    open += 1;
    seen.most = Math.max(seen.most, open);
    return db.transaction(work).finally(() => {
      open -= 1;
    });
  };
  return { seen, db: { query: db.query, transaction } };
}

describe.each(MUTATIONS)('%s with an Idempotency-Key', (_, mutationOf) => {
  it('has its effect once of four at once, and answers all of them and the next alike', async () => {
    const person = await signUp();
    const mutation = await mutationOf(person);
    const key = newKey();
    const before = await rowsOf(person, mutation.action);
    const answers = await Promise.all([1, 2, 3, 4].map(() => send(mutation, key)));
    answers.push(await send(mutation, key));
    expect(answers[0]?.status).toBeLessThan(300);
    for (const { status, body } of answers) expect({ status, body }).toEqual(pick(answers[0]));
    expect(answers.filter(({ headers }) => headers.get('Idempotent-Replayed') === null)).toHaveLength(1);
    expect(await rowsOf(person, mutation.action)).toBe(before + 1);
  });

  it('is refused with another body', async () => {
    const mutation = await mutationOf(await signUp());
    const key = newKey();
    expect((await send(mutation, key)).status).toBeLessThan(300);
    const other = { ...mutation, body: `${JSON.stringify(mutation.body)} ` };
    expect(await send(other, key)).toMatchObject({ status: 422, body: { error: 'idempotency_mismatch' } });
  });

  it('holds no connection while it works', async () => {
    const { path, body, token } = await mutationOf(await signUp());
    const deps = appDeps(env);
    const { db, seen } = watched(deps.db);
    const headers = {
      'Content-Type': 'application/json',
      'Idempotency-Key': newKey(),
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    const answer = await createApp({ ...deps, db }).request(`https://weir.test${path}`, init, env);
    expect(answer.status).toBeLessThan(300);
    expect(seen.most).toBe(1);
  });
});

const pick = (answer: Reply | undefined) => ({ status: answer?.status, body: answer?.body });

describe('a refused sign-in', () => {
  it('gives its key back, and is counted', async () => {
    const person = await signUp();
    const key = newKey();
    const attempt = (password: string) =>
      send({ path: '/api/v1/auth/login', body: { username_or_email: person.username, password }, action: '' }, key);
    expect((await attempt('not the password')).status).toBe(401);
    expect((await attempt(person.password)).status).toBe(200);
    expect(await rowsOf(person, 'account.login_failed')).toBe(1);
  });
});

describe('an attempt that holds a key', () => {
  const answerOf = (body: string): Answer => ({ status: 200, body, organizationId: undefined });
  const never = () => new Promise<Answer>(() => {});
  let key: string;
  let now: Date;
  let pauses: number[];
  let whileWaiting: (pause: number) => unknown;

  beforeEach(() => {
    key = newKey();
    now = new Date();
    pauses = [];
    whileWaiting = () => undefined;
  });

  /** The same request from the same caller; `work` takes the handler's place. */
  function ask(work: (db: Database) => Promise<Answer>, parts = ['post', '/somewhere', '{}']) {
    const { keyRing, jwtSecret } = configOf(env);
    const wait = async (pause: number) => {
      pauses.push(pause);
      await whileWaiting(pauses.length);
    };
    const deps = { db: database(), clock: () => now, keyRing, fingerprintSecret: jwtSecret, wait };
    return answerOnce(deps, { principal: 'user:test', key, parts, ownTransactions: true }, work);
  }

  /** Begins an attempt that lasts until it is told how to end; comes back once it holds the key. */
  async function begin() {
    const { promise: answer, resolve, reject } = Promise.withResolvers<Answer>();
    const ended = await new Promise<{ answer: Promise<unknown> }>((begun) => {
      const asked = ask(() => {
        begun({ answer: asked });
        return answer;
      });
    });
    return { resolve, reject, ...ended };
  }

  it('makes the second wait with growing pauses, for ten seconds in all, and then come back', async () => {
    await begin();
    const second = ask(never);
    await expect(second).rejects.toMatchObject({
      code: 'conflict',
      message: 'A request with this Idempotency-Key is still under way',
    });
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    expect(pauses.reduce((sum, pause) => sum + pause, 0)).toBe(10_000);
  });

  it('hands its answer to the second as soon as it is there', async () => {
    const first = await begin();
    whileWaiting = async (times) => {
      if (times < 3) return;
      first.resolve(answerOf('"first"'));
      await first.answer;
    };
    expect(await ask(never)).toMatchObject({ body: '"first"', replayed: true });
    expect(pauses).toHaveLength(3);
  });

  it('leaves the key to the second when it is refused', async () => {
    const first = await begin();
    whileWaiting = async () => {
      first.reject(new Error('no'));
      await expect(first.answer).rejects.toThrow('no');
    };
    expect(await ask(async () => answerOf('"second"'))).toMatchObject({ body: '"second"', replayed: false });
  });

  it('has another request refused without waiting', async () => {
    await begin();
    await expect(ask(never, ['post', '/elsewhere', '{}'])).rejects.toMatchObject({ code: 'idempotency_mismatch' });
    expect(pauses).toEqual([]);
  });

  it('loses the key after a minute, and then stores nothing over the answer of the next', async () => {
    const first = await begin();
    now = later(now, MINUTE);
    expect(await ask(async () => answerOf('"second"'))).toMatchObject({ replayed: false });
    first.resolve(answerOf('"first"'));
    expect(await first.answer).toMatchObject({ body: '"first"', replayed: false });
    expect(await ask(never)).toMatchObject({ body: '"second"', replayed: true });
  });

  it('gives nothing back that it has lost', async () => {
    const first = await begin();
    now = later(now, MINUTE);
    expect(await ask(async () => answerOf('"second"'))).toMatchObject({ replayed: false });
    first.reject(new Error('no'));
    await expect(first.answer).rejects.toThrow('no');
    expect(await ask(never)).toMatchObject({ body: '"second"', replayed: true });
  });
});
