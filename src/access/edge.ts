/** What the edge knows of an organization, as it is published to the organization's object, and what it answers. */

export const KEY_TYPES = ['standard', 'restricted', 'admin'] as const;

export type KeyType = (typeof KEY_TYPES)[number];

export const KEY_ENVIRONMENTS = ['live', 'test'] as const;

export type KeyEnvironment = (typeof KEY_ENVIRONMENTS)[number];

/** An API key that is not revoked. */
export interface EdgeKey {
  id: string;
  /** SHA-256 of the whole key, in hex. */
  hash: string;
  /** Who made the key. */
  userId: string;
  environment: KeyEnvironment;
  type: KeyType;
  /** As they were asked for; what they amount to is decided where the key is used. */
  permissions: string[];
  /** Milliseconds since 1970. */
  expiresAt: number | null;
  /** CIDR blocks in canonical form; `null` lets every address through, as it does for the other two. */
  ipAllowlist: string[] | null;
  endpoints: string[] | null;
  methods: string[] | null;
  /** A ceiling of its own inside the organization's, in quota units an hour. */
  rateLimitOverride: number | null;
}

export const LIMIT_SCOPES = ['organization', 'api', 'endpoint', 'key', 'user', 'address'] as const;

export type LimitScope = (typeof LIMIT_SCOPES)[number];

export const LIMIT_WINDOWS = ['second', 'minute', 'hour', 'day'] as const;

export type LimitWindow = (typeof LIMIT_WINDOWS)[number];

export const LIMIT_ALGORITHMS = ['fixed_window', 'sliding_window', 'token_bucket'] as const;

export type LimitAlgorithm = (typeof LIMIT_ALGORITHMS)[number];

/** A limit that the organization set itself, beside its plan's. */
export interface EdgeLimit {
  id: string;
  name: string;
  scope: LimitScope;
  /** Which API, endpoint, key, user or address alone; `null` means each of them, counted apart. */
  target: string | null;
  /** Quota units a window. */
  limit: number;
  window: LimitWindow;
  algorithm: LimitAlgorithm;
  /** Size of a token bucket, in units; `null` means as many as `limit`. */
  burst: number | null;
}

/** What the organization may use, as its plan and the operator say. */
export interface EdgePlan {
  name: string;
  /** The operator's word in place of the plan's units an hour. */
  unitsPerHour: number | null;
  /** Whether units may be leased to isolates; `null` means from a limit that is high enough on. */
  leases: boolean | null;
}

/** What the data plane knows of the organization: its names and registered APIs. To whom publishes it, it is text. */
export interface EdgeGateway {
  /** The organization's version at which it last changed. */
  version: number;
  /**
   * JSON texts of less than 2 MB, which is what an object stores in a row: its names, then each API.
   * `null` while it is not known whether the object has this version already.
   */
  parts: readonly string[] | null;
}

/** Everything that is published of an organization, at one version. */
export interface EdgeSnapshot {
  organizationId: string;
  version: number;
  deleted: boolean;
  plan: EdgePlan;
  keys: EdgeKey[];
  limits: EdgeLimit[];
  /** Nothing while it has never registered an API. */
  gateway?: EdgeGateway | undefined;
}

/** The request that a key came with, as far as a key can be limited by it. */
export interface KeyUse {
  address: string | undefined;
  method: string;
  path: string;
}

/** A revoked key is not published any more, so it is unknown. */
export type KeyRefusal = 'unknown' | 'expired' | 'address' | 'method' | 'path';
