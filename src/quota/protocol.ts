import type { Charge, LimitFigures } from '../access/admission.ts';
import type { EdgeKey, KeyRefusal, KeyUse } from '../access/edge.ts';
import type { Permission } from '../access/permissions.ts';

/**
 * What isolates and the organization's object say to each other. During a deployment the two may be of different
 * versions, so every call tells its own; an object that does not know it grants what was asked for and leases nothing.
 */
export const PROTOCOL = 1;

/** Who draws on the organization's quota. A key is known by its hash until the object has looked it up. */
export type Drawer =
  | { kind: 'key'; hash: string; permission?: Permission }
  | { kind: 'user'; userId: string }
  | { kind: 'wallet'; address: string; userId: string }
  | { kind: 'anonymous' };

/** Where a request goes, as far as limits can depend on it. */
export interface RequestUse extends KeyUse {
  /** Slug of the registered API that it is for, if any. */
  api?: string | undefined;
  /** Id of its endpoint, if it has endpoints. */
  endpoint?: string | undefined;
}

export interface AdmitRequest {
  protocol: number;
  /** UUID of the request: a repeated call with it is answered as the first one, and charged once. */
  operationId: string;
  charge: Charge;
  drawer: Drawer;
  use: RequestUse;
  /** Version of the registered APIs by which the request was routed, if it was. */
  gateway?: number | undefined;
  isolate: IsolateNews;
}

/** What an isolate asks for beside the request, and what it has to tell. */
export interface IsolateNews {
  /** Made up by the isolate when it starts. */
  id: string;
  /** Units that it expects to need within one lease; 0 asks for none but the request's own. */
  want: number;
  reports: readonly LeaseReport[];
  debts: readonly Debt[];
}

/** The end of a lease: what was not spent comes back. Told again until an answer arrives. */
export interface LeaseReport {
  leaseId: string;
  unspent: number;
  spent: readonly Spending[];
}

/** Units that one drawer spent out of a lease. */
export interface Spending {
  drawer: string;
  units: number;
  /** Calls by tier. */
  calls: readonly [number, number, number, number];
}

/** A request that was let through while the object could not be asked. */
export interface Debt {
  operationId: string;
  drawer: string;
  charge: Charge;
  at: number;
}

/** Units that an isolate may give out by itself. */
export interface Lease {
  id: string;
  units: number;
  /** Milliseconds that it holds, counted by the isolate from before it asked. */
  ttl: number;
}

/** What an isolate may keep of a key: to check it again by itself for as long as a lease holds. */
export type KnownKey = Omit<EdgeKey, 'hash'>;

/** Which key it was. */
export type Asker = Pick<KnownKey, 'id' | 'userId' | 'environment'>;

export interface Granted {
  ok: true;
  key: KnownKey | undefined;
  limits: [LimitFigures, ...LimitFigures[]];
  /** The highest query tier of the plan. */
  maxTier: number;
  /** Identifies the hourly window, and when it ends on the isolate's own clock, counted from before it asked. */
  window: { startedAt: number; endsIn: number };
  /** Milliseconds for which the isolate may let this drawer use the lease without asking. */
  trusted: number;
  lease: Lease | undefined;
  /** For when the object cannot be asked; holds until the window ends. */
  reserve: Lease | undefined;
  /** The reserve, if any, is to be given back: the window is running out. */
  recallReserve: boolean;
  /** Version of the registered APIs that is in force. */
  gateway: number;
}

export interface OverLimit {
  ok: false;
  refused: 'quota' | 'limit';
  key: KnownKey | undefined;
  /** The hourly window first, as in a grant. */
  limits: [LimitFigures, ...LimitFigures[]];
  /** Position in `limits` of the one that refused. */
  refusedBy: number;
  /** Milliseconds until the same request may be granted, and when that is by the object's clock. */
  retryIn: number;
  retryAt: number;
  window: { startedAt: number; endsIn: number };
  /** Milliseconds for which the isolate may refuse as much or more to this drawer without asking. */
  trusted: number;
}

export type AdmitAnswer =
  | Granted
  | OverLimit
  /** Nothing is known of the organization yet, or it is gone. */
  | { ok: false; refused: 'unpublished' | 'deleted' }
  /** The request was routed by APIs that have changed since; it is charged nothing, and to be routed again. */
  | { ok: false; refused: 'stale'; gateway: number }
  /** `by`: the key that asked. */
  | { ok: false; refused: KeyRefusal | 'permission' | 'tier'; by?: Asker | undefined };

/** What an organization has used in its window, for people to read. */
export interface UsageAnswer {
  limit: number;
  used: number;
  remaining: number;
  startedAt: number;
  resetAt: number;
  /** Calls by tier. */
  calls: [number, number, number, number];
  drawers: Spending[];
}

/** What the data plane is told, as it was published. */
export interface GatewayAnswer {
  version: number;
  /** Nothing when the isolate knows this version already. */
  parts: string[] | null;
}

export interface PublishAnswer {
  /** The version that the object holds now. */
  version: number;
  /** The version of the registered APIs that it holds; 0 while there are none. */
  gateway: number;
  /** Milliseconds until nobody acts on what was so before. */
  settledIn: number;
}
