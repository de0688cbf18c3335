import type { Tier } from '../access/tiers.ts';

export const PLAN_NAMES = ['free', 'starter', 'pro', 'enterprise'] as const;

export type PlanName = (typeof PLAN_NAMES)[number];

export interface Plan {
  /** Quota units an hour, for all keys, members and agents of the organization together. */
  unitsPerHour: number;
  /** The highest query tier that may be asked for. */
  maxTier: Tier;
  /** For how many days calls of its APIs stay in the request log. */
  requestLogDays: number;
}

/** The one table of what a plan contains. */
export const PLANS: Readonly<Record<PlanName, Plan>> = {
  free: { unitsPerHour: 50, maxTier: 1, requestLogDays: 1 },
  starter: { unitsPerHour: 100, maxTier: 2, requestLogDays: 7 },
  pro: { unitsPerHour: 500, maxTier: 3, requestLogDays: 30 },
  enterprise: { unitsPerHour: 2_000, maxTier: 3, requestLogDays: 90 },
};

/** What a caller without a credential gets, an hour and address (IPv6: the /64). */
export const ANONYMOUS_PLAN: Pick<Plan, 'unitsPerHour' | 'maxTier'> = { unitsPerHour: 10, maxTier: 1 };

/**
 * What is advertised to those who are looking for a plan: the public contract names these four, and not the free one
 * that everybody begins with.
 */
export function advertisedPlans() {
  const paid = (['starter', 'pro', 'enterprise'] as const satisfies PlanName[]).map((name) => ({
    name,
    unitsPerHour: PLANS[name].unitsPerHour,
    authentication: 'api_key' as const,
  }));
  return [{ name: 'anonymous', unitsPerHour: ANONYMOUS_PLAN.unitsPerHour, authentication: 'none' as const }, ...paid];
}
