import { env } from 'cloudflare:workers';
import { eq } from 'drizzle-orm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createApp } from '../../src/app.ts';
import type { PlanName } from '../../src/billing/index.ts';
import { appDeps } from '../../src/context.ts';
import { bumpEdge, readSnapshot } from '../../src/identity/edge/store.ts';
import { changePlan } from '../../src/identity/organizations/plan.ts';
import { findPlan } from '../../src/identity/organizations/store.ts';
import { organizations } from '../../src/identity/organizations/table.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { runSchedule } from '../../src/schedule.ts';
import { OrganizationQuota } from '../../src/worker.ts';
import { call, expectOk, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import { newKey } from './api-keys-fixture.ts';
import { edgeOf, newCompany, remove, trailOf } from './company.ts';

const snapshotOf = (id: string) => readSnapshot(database().query, id);

const usageOf = async (id: string) => await env.ORGANIZATION_QUOTA.getByName(id).usage();

const credits = (person: Person, organizationId?: string) =>
  call('GET', `/api/v1/billing/credits${organizationId ? `?organization_id=${organizationId}` : ''}`, {
    token: person.token,
  });

/** The app of a deployment that gives new organizations this plan. */
function deployment(defaultPlan: PlanName) {
  const deps = appDeps(env);
  const app = createApp({ ...deps, config: { ...deps.config, defaultPlan } });
  return async (path: string, body: object, token?: string) => {
    const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) };
    const answer = await app.request(path, { method: 'POST', headers, body: JSON.stringify(body) }, env);
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
}

const account = () => {
  const username = `n-${crypto.randomUUID().slice(0, 8)}`;
  return { username, email: `${username}@example.com`, password: 'correct horse battery' };
};

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a new organization', () => {
  it.each(['free', 'pro'] as const)(
    'has the plan %s if the deployment says so, and its object knows it',
    async (plan) => {
      const post = deployment(plan);
      const { body } = await post('/api/v1/auth/register', account());
      const token = String(body['token']);
      const slug = `c-${crypto.randomUUID().slice(0, 8)}`;
      const made = await post('/api/v1/organizations', { name: 'Company', slug }, token);
      expect(made.status).toBe(201);
      const list = await expectOk<{ data: { organization: { id: string } }[] }>(
        200,
        call('GET', '/api/v1/organizations', { token }),
      );
      expect(list.data).toHaveLength(2);
      for (const { organization } of list.data) {
        expect((await snapshotOf(organization.id))?.plan).toEqual({ name: plan, unitsPerHour: null, leases: null });
        expect(await edgeOf(organization.id)).toMatchObject({ version: 1, acked: 1 });
        expect((await usageOf(organization.id))?.limit).toBe({ free: 50, pro: 500 }[plan]);
      }
    },
  );

  it('is there although its object cannot be reached, and the sweep tells that', async () => {
    const broken = vi.spyOn(OrganizationQuota.prototype, 'publish').mockRejectedValue(new Error('no such machine'));
    const warnings = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const person = account();
    const { token } = await expectOk<{ token: string }>(201, call('POST', '/api/v1/auth/register', { body: person }));
    broken.mockRestore();
    expect(warnings.mock.calls.map(([line]) => JSON.parse(String(line)).event)).toEqual(['edge.not_announced']);
    const [made] = await database()
      .query.select({ id: organizations.id })
      .from(organizations)
      .where(eq(organizations.name, person.username));
    expect(await usageOf(made?.id ?? '')).toBeUndefined();
    await runSchedule('* * * * *', env);
    expect((await usageOf(made?.id ?? ''))?.limit).toBe(2_000);
    expect((await call('GET', '/api/v1/organizations', { token })).status).toBe(200);
  });

  it('is created although its object cannot be reached', async () => {
    const person = await signUp();
    vi.spyOn(OrganizationQuota.prototype, 'publish').mockRejectedValue(new Error('no such machine'));
    const company = await newCompany(person);
    expect(await edgeOf(company.id)).toMatchObject({ version: 1, acked: 0 });
  });
});

describe('what is published of an organization', () => {
  it('has the plan with the operator’s word on it, and the keys’ own ceilings', async () => {
    const person = await signUp();
    const id = person.personalOrganizationId;
    await newKey(person, { rate_limit_override: 7 });
    await changePlan({ db: database(), clock: systemClock }, id, { plan: 'pro', unitsPerHour: 12_000, leases: true });
    expect(await snapshotOf(id)).toMatchObject({
      deleted: false,
      plan: { name: 'pro', unitsPerHour: 12_000, leases: true },
      keys: [{ rateLimitOverride: 7 }],
    });
    expect(await trailOf(id)).toContainEqual(
      expect.objectContaining({
        action: 'organization.plan',
        actor: 'system:plan',
        after: { plan: 'pro', units_per_hour: 12_000, leases: true },
      }),
    );
  });

  it('has the free plan when the organization is gone, or marked so', async () => {
    const person = await signUp();
    const company = await newCompany(person);
    await remove(person, company.path);
    expect(await snapshotOf(company.id)).toMatchObject({ deleted: true, plan: { name: 'free', unitsPerHour: null } });
    const id = person.personalOrganizationId;
    await database().transaction((tx) => bumpEdge(tx, id, { deleted: true }));
    expect(await snapshotOf(id)).toMatchObject({ deleted: true, plan: { name: 'free' }, keys: [] });
  });

  it('changes with the plan once the sweep has run, within the hour that runs', async () => {
    const person = await signUp();
    const id = person.personalOrganizationId;
    expect((await credits(person)).body).toMatchObject({ data: { limit: 2_000 } });
    await changePlan({ db: database(), clock: systemClock }, id, { plan: 'starter' });
    await runSchedule('* * * * *', env);
    expect((await credits(person)).body).toMatchObject({ data: { limit: 100 } });
  });
});

describe('a plan', () => {
  it('is one of those that there are, also for whoever writes to the table', async () => {
    const { personalOrganizationId: id } = await signUp();
    const set = (fields: object) =>
      database().query.update(organizations).set(fields).where(eq(organizations.id, id)).execute();
    await expect(set({ plan: 'gold' })).rejects.toMatchObject({
      cause: { constraint: 'organizations_plan_known' },
    });
    await expect(set({ unitsPerHour: 0 })).rejects.toMatchObject({
      cause: { constraint: 'organizations_units_per_hour_positive' },
    });
    expect(await findPlan(database().query, id)).toEqual({ name: 'enterprise', unitsPerHour: null, leases: null });
    expect(await findPlan(database().query, crypto.randomUUID())).toBeUndefined();
  });
});

describe('GET /api/v1/billing/credits', () => {
  it('shows people and keys the usage of the organization that they mean, their own by default', async () => {
    const person = await signUp();
    const { key, id } = await newKey(person, { key_type: 'standard', permissions: ['read', 'write'] });
    await call('GET', '/api/v1/triggers', { headers: { 'X-API-Key': key } });
    const own = await expectOk<{ data: Record<string, unknown> }>(200, credits(person));
    expect(own).toMatchObject({
      balance: 0,
      balance_formatted: '0.00 USDC',
      data: { balance: 0, limit: 2_000, by_member: [{ user_id: person.id, username: person.username }] },
    });
    const byKey = await expectOk<{ data: Record<string, unknown> }>(
      200,
      call('GET', '/api/v1/billing/credits', { headers: { Authorization: `Bearer ${key}` } }),
    );
    expect(byKey.data).toMatchObject({ limit: 2_000, by_key: [{ key_id: id, name: 'Key' }] });
    const company = await newCompany(person);
    expect((await credits(person, company.id)).body).toMatchObject({ data: { limit: 2_000, by_key: [] } });
  });
});
