import type { Tier } from './tiers.ts';

/** What a request draws from a quota, and what the callers are told of it. */
export interface Charge {
  /** Quota units; 0 is not metered. */
  units: number;
  /** The query tier that it counts as. */
  tier: Tier;
}

/** One limit that a request was measured by, as the header fields tell of it. */
export interface LimitFigures {
  /** Name of the policy: `hour` for the plan's window, else the limit's own name. */
  name: string;
  /** Units a window. */
  limit: number;
  windowSeconds: number;
  /** Units that are still to be had, also when the request was refused for wanting more. */
  remaining: number;
  /** When it is whole again, in milliseconds since 1970. */
  resetAt: number;
}

/** What a metered answer says of the limits: the hourly window first, then the organization's own limits. */
export interface QuotaStatus {
  limits: readonly [LimitFigures, ...LimitFigures[]];
  /** The quota could not be asked and the request was let through on a smaller one of this isolate. */
  degraded: boolean;
}

/** A request that may go on. */
export interface Admission {
  /**
   * Gives the units back: the request failed for a reason that is not the caller's, or its credential proved to be no
   * good. Never fails: what cannot be given back is told in the log.
   */
  giveBack(): Promise<void>;
}

/** Is told what a request was measured by, whether it is let through or refused. */
export type Tell = (status: QuotaStatus) => void;
