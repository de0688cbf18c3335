import { env } from 'cloudflare:workers';
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApp } from '../../src/app.ts';
import { appDeps } from '../../src/context.ts';
import { meterOf, publisherDeps } from '../../src/context-quota.ts';
import { connectRedis } from '../../src/db/redis.ts';
import { publishOrganization } from '../../src/identity/edge/publisher.ts';
import { bumpEdge } from '../../src/identity/edge/store.ts';
import { organizations } from '../../src/identity/organizations/table.ts';
import { HOUR } from '../../src/kernel/clock.ts';
import { anonymousQuota } from '../../src/quota/anonymous.ts';
import { OrganizationQuota } from '../../src/worker.ts';
import { newKey } from '../identity/api-keys-fixture.ts';
import { type Answer, call, newTrigger, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';

/** An hour that nothing of this file's sign-ups fell into; alarms of the real past would go off at once. */
const NOW = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 3 * HOUR);

async function setPlan(organizationId: string, fields: Partial<typeof organizations.$inferInsert>) {
  await database().transaction(async (tx) => {
    await bumpEdge(tx, organizationId);
    await tx.update(organizations).set(fields).where(eq(organizations.id, organizationId));
  });
  await publishOrganization(publisherDeps(env), organizationId);
}

/** Somebody whose personal organization is on the plan and has used nothing of its window. */
async function onPlan(plan: 'free' | 'starter' | 'pro' | 'enterprise'): Promise<Person> {
  vi.setSystemTime(new Date(NOW.getTime() - 2 * HOUR));
  const person = await signUp();
  await setPlan(person.personalOrganizationId, { plan });
  vi.setSystemTime(NOW);
  return person;
}

/** Sessions last an hour: of whoever signed in before, nothing but the key is good now. */
async function keyOn(plan: Parameters<typeof onPlan>[0], fields: object = {}) {
  vi.setSystemTime(new Date(NOW.getTime() - 2 * HOUR));
  const person = await signUp();
  const { key } = await newKey(person, { permissions: ['read', 'write'], ...fields });
  await setPlan(person.personalOrganizationId, { plan });
  vi.setSystemTime(NOW);
  return { person, key };
}

const list = (key: string) => call('GET', '/api/v1/triggers', { headers: { 'X-API-Key': key } });

const field = (answer: Answer, name: string) => answer.headers.get(name);

const remaining = async (key: string) => Number(field(await list(key), 'X-RateLimit-Remaining'));

const usageOf = (organizationId: string) => env.ORGANIZATION_QUOTA.getByName(organizationId).usage();

const usedBy = async ({ personalOrganizationId }: Person) => (await usageOf(personalOrganizationId))?.used;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a metered answer', () => {
  it('tells of the window in the contract’s fields and in those of the IETF.', async () => {
    const { key } = await keyOn('starter');
    const answer = await list(key);
    expect(answer.status).toBe(200);
    expect(field(answer, 'X-RateLimit-Limit')).toBe('100');
    expect(field(answer, 'X-RateLimit-Remaining')).toBe('99');
    expect(field(answer, 'X-RateLimit-Reset')).toBe(String((NOW.getTime() + HOUR) / 1_000));
    expect(field(answer, 'X-RateLimit-Window')).toBe('3600');
    expect(field(answer, 'RateLimit-Policy')).toBe('"hour";q=100;w=3600');
    expect(field(answer, 'RateLimit')).toBe('"hour";r=99;t=3600');
    expect(field(answer, 'X-RateLimit-Status')).toBeNull();
  });

  it('is refused with 429 when the window is used up, until it is over.', async () => {
    const { person, key } = await keyOn('free');
    const answers = await Promise.all(Array.from({ length: 60 }, () => list(key)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
    vi.setSystemTime(new Date(NOW.getTime() + 10 * 60_000));
    const refused = await list(key);
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({
      error: {
        code: 'RATE_LIMITED',
        message: 'Rate limit exceeded. Try again in 3000 seconds. (Limit: 50, Window: 3600s)',
        retry_after: 3_000,
        limit: 50,
        window: 3_600,
      },
    });
    expect(field(refused, 'Retry-After')).toBe('3000');
    expect(field(refused, 'X-RateLimit-Limit')).toBe('50');
    expect(field(refused, 'X-RateLimit-Remaining')).toBe('0');
    expect(field(refused, 'X-RateLimit-Reset')).toBe(String((NOW.getTime() + HOUR) / 1_000));
    expect(await usedBy(person)).toBe(50);
    vi.setSystemTime(new Date(NOW.getTime() + HOUR));
    expect(await remaining(key)).toBe(49);
  });

  it('counts a refusal of ours, and neither a 401 nor a failure of ours.', async () => {
    const { key } = await keyOn('starter');
    const headers = { 'X-API-Key': key };
    expect(await remaining(key)).toBe(99);
    expect((await call('GET', '/api/v1/triggers?limit=1000', { headers })).status).toBe(400);
    expect((await call('GET', `/api/v1/triggers/${crypto.randomUUID()}`, { headers })).status).toBe(404);
    expect((await call('GET', '/api/v1/audit-logs', { headers })).status).toBe(403);
    expect(await remaining(key)).toBe(95);
    expect((await call('GET', '/api/v1/triggers', { headers: { 'X-API-Key': `${key}x` } })).status).toBe(401);
    await database().query.execute('alter table triggers rename to triggers_away');
    const failed = await list(key);
    await database().query.execute('alter table triggers_away rename to triggers');
    expect(failed.status).toBe(500);
    expect(await remaining(key)).toBe(94);
  });

  it('counts each repetition with an Idempotency-Key as the request that it is.', async () => {
    const { key } = await keyOn('starter');
    const headers = { 'X-API-Key': key, 'Idempotency-Key': 'again' };
    const body = { name: 'T', chain_id: 1, registry: 'identity' };
    const [first, second] = [
      await call('POST', '/api/v1/triggers', { headers, body }),
      await call('POST', '/api/v1/triggers', { headers, body }),
    ];
    expect(second.body).toEqual(first.body);
    expect(field(second, 'Idempotent-Replayed')).toBe('true');
    expect(Number(field(first, 'X-RateLimit-Remaining')) - Number(field(second, 'X-RateLimit-Remaining'))).toBe(
      100 - Number(field(first, 'X-RateLimit-Remaining')),
    );
  });

  it('keeps a key under its own ceiling inside that of the organization, and both under that of the plan.', async () => {
    const { person, key } = await keyOn('starter', { rate_limit_override: 3 });
    const first = await list(key);
    expect([field(first, 'X-RateLimit-Limit'), field(first, 'X-RateLimit-Remaining')]).toEqual(['3', '2']);
    expect([(await list(key)).status, (await list(key)).status, (await list(key)).status]).toEqual([200, 200, 429]);
    expect(await usedBy(person)).toBe(3);
    const high = await keyOn('free', { rate_limit_override: 500 });
    expect(field(await list(high.key), 'X-RateLimit-Limit')).toBe('50');
  });
});

describe('who is charged', () => {
  it('is the organization that the resource belongs to, and for a stranger their own.', async () => {
    vi.useRealTimers();
    const [owner, stranger] = [await signUp(), await signUp()];
    const trigger = await newTrigger(owner);
    const [ownerUsed, strangerUsed] = [await usedBy(owner), await usedBy(stranger)];
    expect((await call('GET', `/api/v1/triggers/${trigger}`, { token: owner.token })).status).toBe(200);
    expect((await call('GET', `/api/v1/triggers/${trigger}`, { token: stranger.token })).status).toBe(404);
    expect((await call('GET', `/api/v1/triggers?limit=0`, { token: stranger.token })).status).toBe(400);
    expect((await call('GET', '/api/v1/triggers', { token: stranger.token })).status).toBe(200);
    expect(await usedBy(owner)).toBe((ownerUsed ?? 0) + 1);
    expect(await usedBy(stranger)).toBe((strangerUsed ?? 0) + 3);
  });

  it('is one window for the members and keys of an organization together, told apart in its usage.', async () => {
    vi.useRealTimers();
    const person = await signUp();
    const body = { name: 'Shared', slug: `shared-${crypto.randomUUID().slice(0, 8)}` };
    const made = await call('POST', '/api/v1/organizations', { token: person.token, body });
    const organizationId = (made.body as { data: { id: string } }).data.id;
    const { id, key } = await newKey(person, {}, organizationId);
    const before = (await usageOf(organizationId))?.used ?? 0;
    await list(key);
    await call('GET', `/api/v1/organizations/${organizationId}`, { token: person.token });
    await call('GET', `/api/v1/triggers?organization_id=${organizationId}`, { token: person.token });
    const usage = await usageOf(organizationId);
    expect(usage?.used).toBe(before + 3);
    const drawn = Object.fromEntries((usage?.drawers ?? []).map(({ drawer, units }) => [drawer, units]));
    expect(drawn).toEqual({ [`key:${id}`]: 1, [`user:${person.id}`]: before + 2 });
  });

  it('is published on its first request when its object never heard of it.', async () => {
    vi.useRealTimers();
    vi.spyOn(OrganizationQuota.prototype, 'publish').mockRejectedValueOnce(new Error('the machine is gone'));
    const person = await signUp();
    expect(await usedBy(person)).toBe(1);
  });

  it('is nobody for authentication, health and documents.', async () => {
    for (const path of ['/api/v1/health', '/openapi.json', '/.well-known/agent.json']) {
      expect(field(await call('GET', path), 'RateLimit')).toBeNull();
    }
    const answer = await call('POST', '/api/v1/auth/login', {
      body: { username_or_email: 'nobody@example.com', password: 'not a password' },
    });
    expect([answer.status, field(answer, 'X-RateLimit-Limit')]).toEqual([401, null]);
  });
});

describe('without a credential', () => {
  /** However slow the machine is that the tests run on, Redis is waited for. */
  const patientApp = () => {
    const deps = appDeps(env);
    const { redis, clock, log } = deps;
    return createApp({
      ...deps,
      meter: { ...deps.meter, admitAddress: anonymousQuota({ redis, clock, log, patience: 60_000 }) },
    });
  };
  const app = patientApp();

  async function events(address: string): Promise<Answer> {
    const headers = { 'CF-Connecting-IP': address };
    const answer = await app.request('https://weir.test/api/v1/events', { headers }, env);
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  }

  const someAddress = () => `198.51.${Math.floor(Math.random() * 256)}.${Math.floor(Math.random() * 256)}`;

  it('an address has ten units an hour, exactly, however many requests come at once.', async () => {
    const address = someAddress();
    const answers = await Promise.all(Array.from({ length: 25 }, () => events(address)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    const refused = await events(address);
    expect(refused).toMatchObject({ status: 429, body: { error: { code: 'RATE_LIMITED', limit: 10, window: 3_600 } } });
    expect(field(refused, 'X-RateLimit-Remaining')).toBe('0');
    expect((await events(someAddress())).status).toBe(200);
    vi.setSystemTime(new Date(NOW.getTime() + HOUR));
    expect(field(await events(address), 'X-RateLimit-Remaining')).toBe('9');
  });

  it('an IPv6 caller is the /64.', async () => {
    const site = `2001:db8:${Math.floor(Math.random() * 65_536).toString(16)}:1`;
    const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => events(`${site}::${n + 1}`)));
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(2);
    expect((await events(`${site.slice(0, -1)}2::1`)).status).toBe(200);
  });

  it('a failure of ours is given back.', async () => {
    const address = someAddress();
    await database().query.execute('alter table chain_events rename to chain_events_away');
    const failed = await events(address);
    await database().query.execute('alter table chain_events_away rename to chain_events');
    expect(failed.status).toBe(500);
    expect(field(await events(address), 'X-RateLimit-Remaining')).toBe('9');
  });

  it('is counted by each isolate alone, and says so, while Redis cannot be reached; and is back by itself.', async () => {
    const deps = appDeps(env);
    const appOn = (url: string) => {
      const redis = connectRedis({ url, token: deps.config.redis.token });
      return createApp({ ...deps, redis, meter: meterOf(env, redis) });
    };
    const dead = appOn('http://127.0.0.1:9');
    const address = someAddress();
    const ask = (to: typeof dead) =>
      to.request('https://weir.test/api/v1/events', { headers: { 'CF-Connecting-IP': address } }, env);
    const statuses: number[] = [];
    for (let n = 0; n < 12; n += 1) {
      const answer = await ask(dead);
      statuses.push(answer.status);
      expect(answer.headers.get('X-RateLimit-Status')).toBe('degraded');
    }
    expect(statuses).toEqual([...Array(10).fill(200), 429, 429]);
    const back = await ask(appOn(deps.config.redis.url));
    expect([back.status, back.headers.get('X-RateLimit-Status')]).toEqual([200, null]);
  });
});
