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
}

/** Everything that is published of an organization, at one version. */
export interface EdgeSnapshot {
  organizationId: string;
  version: number;
  deleted: boolean;
  keys: EdgeKey[];
}

/** The request that a key came with, as far as a key can be limited by it. */
export interface KeyUse {
  address: string | undefined;
  method: string;
  path: string;
}

export interface KeyQuery extends KeyUse {
  hash: string;
  now: Date;
}

/** A revoked key is not published any more, so it is unknown. */
export type KeyRefusal = 'unknown' | 'expired' | 'address' | 'method' | 'path';

export type KeyVerdict =
  | { ok: true; key: Pick<EdgeKey, 'id' | 'userId' | 'environment' | 'type' | 'permissions'> & { limited: boolean } }
  | { ok: false; refused: KeyRefusal };
