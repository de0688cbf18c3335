/** Query tiers, from raw data to AI-powered. */
export type Tier = 0 | 1 | 2 | 3;
