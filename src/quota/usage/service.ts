import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import type { EdgePlan } from '../../access/edge.ts';
import type { Permission } from '../../access/permissions.ts';
import { principalName } from '../../access/principal.ts';
import { balanceOf, formatUsdc } from '../../billing/index.ts';
import { HOUR, later, rfc3339, SECOND } from '../../kernel/clock.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import { planOf } from '../figures.ts';
import type { Spending, UsageAnswer } from '../protocol.ts';

/** What is asked of others, each inside the one organization. */
export interface UsagePorts {
  /** What the organization's object counted; nothing when it was never told of the organization. */
  usageOf(organizationId: string): Promise<UsageAnswer | undefined>;
  /** The plan as Postgres has it; nothing when the organization is gone. */
  findPlan(organizationId: string): Promise<EdgePlan | undefined>;
  /** Revoked keys are known as well. */
  keysOf(organizationId: string, keyIds: readonly string[]): Promise<{ id: string; name: string; prefix: string }[]>;
  membersOf(organizationId: string, userIds: readonly string[]): Promise<{ userId: string; username: string }[]>;
}

const RETRY_AFTER_SECONDS = 5;

/** @throws AppError `service_unavailable` when the organization's object cannot be asked */
export async function getCredits(ctx: OrganizationCtx, ports: UsagePorts) {
  permit(ctx, 'billing:read');
  const { organizationId } = ctx;
  const [micro, usage] = await Promise.all([balanceOf(organizationId), readUsage(ctx, ports)]);
  const [tier0_calls, tier1_calls, tier2_calls, tier3_calls] = usage.calls;
  const balance = Number(micro);
  return {
    balance,
    balance_formatted: formatUsdc(micro),
    data: {
      balance,
      usage_this_hour: usage.used,
      limit: usage.limit,
      // Rounded up: at that second the hour is over.
      reset_at: rfc3339(new Date(Math.ceil(usage.resetAt / SECOND) * SECOND)),
      tier_breakdown: { tier0_calls, tier1_calls, tier2_calls, tier3_calls, total_cost: usage.used },
      ...(await breakdown(ctx, ports, usage.drawers)),
    },
  };
}

type Usage = Pick<UsageAnswer, 'limit' | 'used' | 'resetAt' | 'calls' | 'drawers'>;

async function readUsage(ctx: OrganizationCtx, ports: UsagePorts): Promise<Usage> {
  const counted = await ports.usageOf(ctx.organizationId).catch((cause: unknown) => {
    throw new AppError('service_unavailable', 'The usage of this hour cannot be told at the moment', {
      retryAfter: RETRY_AFTER_SECONDS,
      cause,
    });
  });
  if (counted) return counted;
  const plan = await ports.findPlan(ctx.organizationId);
  if (!plan) throw notFound('Organization');
  const limit = planOf({ plan }).unitsPerHour;
  return { limit, used: 0, resetAt: later(ctx.clock(), HOUR).getTime(), calls: [0, 0, 0, 0], drawers: [] };
}

interface Share {
  id: string;
  units: number;
  calls: number;
}

async function breakdown(ctx: OrganizationCtx, ports: UsagePorts, drawers: readonly Spending[]) {
  const keys = sharesOf(ctx, drawers, 'key', 'keys:read');
  const people = sharesOf(ctx, drawers, 'user', 'members:read');
  const wallets = sharesOf(ctx, drawers, 'wallet', 'agents:read');
  const [keyRows, members] = await Promise.all([
    keys.length === 0 ? [] : ports.keysOf(ctx.organizationId, idsOf(keys)),
    people.length === 0 ? [] : ports.membersOf(ctx.organizationId, idsOf(people)),
  ]);
  const keysById = new Map(keyRows.map((row) => [row.id, row]));
  const usernames = new Map(members.map(({ userId, username }) => [userId, username]));
  return {
    by_key: keys.map(({ id, ...share }) => {
      const row = keysById.get(id);
      return { key_id: id, name: row?.name ?? null, prefix: row?.prefix ?? null, ...share };
    }),
    by_member: people.map(({ id, ...share }) => ({ user_id: id, username: usernames.get(id) ?? null, ...share })),
    by_agent: wallets.map(({ id, ...share }) => ({ wallet_address: id, ...share })),
  };
}

const idsOf = (shares: readonly Share[]) => shares.map(({ id }) => id);

/** Those of a kind, if the caller may list them, else the caller alone; most units first. */
function sharesOf(
  ctx: OrganizationCtx,
  drawers: readonly Spending[],
  kind: 'key' | 'user' | 'wallet',
  permission: Permission,
): Share[] {
  const all = ctx.permissions.has(permission);
  const own = principalName(ctx.principal);
  return drawers
    .filter(({ drawer }) => drawer.startsWith(`${kind}:`) && (all || drawer === own))
    .map(({ drawer, units, calls }) => ({
      id: drawer.slice(kind.length + 1),
      units,
      calls: calls.reduce((sum, ofTier) => sum + ofTier, 0),
    }))
    .sort((a, b) => b.units - a.units || (a.id < b.id ? -1 : 1));
}
