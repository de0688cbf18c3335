import { describe, expect, it } from 'vitest';
import type { OrganizationCtx } from '../../../src/access/ctx.ts';
import { ROLE_PERMISSIONS } from '../../../src/access/permissions.ts';
import type { Caller } from '../../../src/access/principal.ts';
import type { UsageAnswer } from '../../../src/quota/protocol.ts';
import { getCredits as operation } from '../../../src/quota/usage/contract.ts';
import { getCredits, type UsagePorts } from '../../../src/quota/usage/service.ts';

const NOW = new Date('2026-03-01T12:00:00.250Z');
const ORGANIZATION = '01950000-0000-7000-8000-000000000001';
const OWNER = '01950000-0000-7000-8000-00000000000a';
const MEMBER = '01950000-0000-7000-8000-00000000000b';
const WALLET = `0x${'12'.repeat(20)}`;

const unexpected = () => Promise.reject(new Error('not to be asked'));

const PERSON: Caller = { kind: 'user', userId: OWNER, username: 'owner', sessionId: 's' };

function ctxOf(principal: Caller = PERSON, permissions: OrganizationCtx['permissions'] = ROLE_PERMISSIONS.owner) {
  const ctx: OrganizationCtx = {
    ...{ principal, permissions, organizationId: ORGANIZATION, role: undefined, clock: () => NOW },
    ...{ requestId: 'r', address: '', userAgent: '', db: { query: {} as never, transaction: unexpected } },
    ...{ afterCommit: () => undefined, publishOrganization: unexpected },
  };
  return ctx;
}

const USED: UsageAnswer = {
  limit: 100,
  used: 45,
  remaining: 55,
  startedAt: NOW.getTime() - 600_000,
  resetAt: Date.parse('2026-03-01T12:50:00.900Z'),
  calls: [20, 5, 3, 0],
  drawers: [
    { drawer: 'key:key_a', units: 5, calls: [5, 0, 0, 0] },
    { drawer: 'key:key_b', units: 20, calls: [5, 0, 3, 0] },
    { drawer: `user:${MEMBER}`, units: 4, calls: [4, 0, 0, 0] },
    { drawer: `user:${OWNER}`, units: 4, calls: [0, 2, 0, 0] },
    { drawer: `wallet:${WALLET}`, units: 10, calls: [4, 3, 0, 0] },
    { drawer: 'anonymous', units: 2, calls: [2, 0, 0, 0] },
  ],
};

const ports = (fields: Partial<UsagePorts> = {}): UsagePorts => ({
  usageOf: async () => USED,
  findPlan: unexpected,
  keysOf: async () => [{ id: 'key_b', name: 'Production', prefix: 'sk_live_aaaaaaa' }],
  membersOf: async () => [{ userId: OWNER, username: 'owner' }],
  ...fields,
});

describe('the credits of an organization', () => {
  it('tell what was used this hour, by tier, key, member and agent, most units first', async () => {
    const body = await getCredits(ctxOf(), ports());
    expect(operation.success.schema.parse(body)).toEqual(body);
    expect(body).toEqual({
      balance: 0,
      balance_formatted: '0.00 USDC',
      data: {
        balance: 0,
        usage_this_hour: 45,
        limit: 100,
        reset_at: '2026-03-01T12:50:01Z',
        tier_breakdown: { tier0_calls: 20, tier1_calls: 5, tier2_calls: 3, tier3_calls: 0, total_cost: 45 },
        by_key: [
          { key_id: 'key_b', name: 'Production', prefix: 'sk_live_aaaaaaa', units: 20, calls: 8 },
          { key_id: 'key_a', name: null, prefix: null, units: 5, calls: 5 },
        ],
        by_member: [
          { user_id: OWNER, username: 'owner', units: 4, calls: 2 },
          { user_id: MEMBER, username: null, units: 4, calls: 4 },
        ],
        by_agent: [{ wallet_address: WALLET, units: 10, calls: 7 }],
      },
    });
  });

  it('show a key that may not list others itself alone, and asks for no other name', async () => {
    const key: Caller = {
      ...{ kind: 'key', keyId: 'key_b', hash: '', organizationId: ORGANIZATION, userId: OWNER, environment: 'live' },
      ...{ permissions: new Set(['billing:read'] as const), granted: ['billing:read'], limited: false },
    };
    const asked: string[][] = [];
    const keysOf: UsagePorts['keysOf'] = async (organizationId, ids) => {
      asked.push([organizationId, ...ids]);
      return [];
    };
    const { data } = await getCredits(ctxOf(key, key.permissions), ports({ keysOf, membersOf: unexpected }));
    expect(data).toMatchObject({
      usage_this_hour: 45,
      by_key: [{ key_id: 'key_b', units: 20 }],
      by_member: [],
      by_agent: [],
    });
    expect(asked).toEqual([[ORGANIZATION, 'key_b']]);
  });

  it('show a viewer the members and agents, and of the keys none', async () => {
    const viewer: Caller = { ...PERSON, userId: MEMBER };
    const { data } = await getCredits(ctxOf(viewer, ROLE_PERMISSIONS.viewer), ports({ keysOf: unexpected }));
    expect(data.by_key).toEqual([]);
    expect(data.by_member).toHaveLength(2);
    expect(data.by_agent).toHaveLength(1);
  });

  it.each([
    [{ name: 'starter', unitsPerHour: null, leases: null }, 100],
    [{ name: 'pro', unitsPerHour: 1_000_000, leases: true }, 1_000_000],
  ])('are zeros under the plan %o where nothing was ever counted', async (plan, limit) => {
    const { data } = await getCredits(
      ctxOf(),
      ports({
        usageOf: async () => undefined,
        findPlan: async () => plan,
        keysOf: unexpected,
        membersOf: unexpected,
      }),
    );
    expect(data).toEqual({
      balance: 0,
      usage_this_hour: 0,
      limit,
      reset_at: '2026-03-01T13:00:01Z',
      tier_breakdown: { tier0_calls: 0, tier1_calls: 0, tier2_calls: 0, tier3_calls: 0, total_cost: 0 },
      by_key: [],
      by_member: [],
      by_agent: [],
    });
  });

  it('are a 503 while the object cannot be asked, and a 404 when the organization has gone meanwhile', async () => {
    const usageOf = () => Promise.reject(new Error('no such machine'));
    await expect(getCredits(ctxOf(), ports({ usageOf }))).rejects.toMatchObject({
      code: 'service_unavailable',
      message: 'The usage of this hour cannot be told at the moment',
      retryAfter: 5,
    });
    const gone = ports({ usageOf: async () => undefined, findPlan: async () => undefined });
    await expect(getCredits(ctxOf(), gone)).rejects.toMatchObject({
      code: 'not_found',
      message: 'Organization not found',
    });
  });

  it('are refused to who may not read billing', async () => {
    await expect(getCredits(ctxOf(PERSON, new Set()), ports({ usageOf: unexpected }))).rejects.toMatchObject({
      code: 'forbidden',
      message: 'This needs the permission billing:read, which this user does not have',
    });
  });
});
