/** Query tiers, from raw data to AI-powered. */
export const TIERS = [0, 1, 2, 3] as const;

export type Tier = (typeof TIERS)[number];

/** Quota units that one call of each tier costs. */
const TIER_COST: Readonly<Record<Tier, number>> = { 0: 1, 1: 2, 2: 5, 3: 10 };

/** The tier that a cost in units stands for: the highest whose price it reaches. */
export const tierOf = (units: number): Tier => TIERS.findLast((tier) => units >= TIER_COST[tier]) ?? 0;
