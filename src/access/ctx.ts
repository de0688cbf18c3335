import type { Database } from '../db/client.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { type Permission, ROLE_PERMISSIONS, type Role } from './permissions.ts';
import type { Caller, Principal, UserPrincipal } from './principal.ts';

/** What every use case is given: who asks, on which request, and the clock and database to answer with. */
export interface Ctx<P extends Principal = Principal> {
  principal: P;
  requestId: string;
  /** The caller's network address, for the audit trail; empty where the platform does not tell it. */
  address: string;
  /** The caller's `User-Agent` field, for the list of sessions; empty where there is none. */
  userAgent: string;
  clock: Clock;
  db: Database;
  /**
   * Has `effect` run once everything the request wrote is committed, and before it is answered. A verb's own
   * transaction may be part of an outer one (idempotent requests), so it cannot know by itself when that is.
   */
  afterCommit(effect: () => Promise<void>): void;
  /**
   * Brings what the edge knows of an organization up to date.
   * @throws AppError `service_unavailable` when the organization's object cannot be reached; a sweep heals it
   */
  publishOrganization(organizationId: string): Promise<void>;
}

/** A use case of anyone with a credential, over whatever that credential may see. */
export type CallerCtx = Ctx<Caller>;

/** A use case of a signed-in person, not bound to one organization. */
export type UserCtx = Ctx<UserPrincipal>;

/** A use case inside one organization, in which the caller has been proved to have a place. */
export interface OrganizationCtx extends CallerCtx {
  organizationId: string;
  permissions: ReadonlySet<Permission>;
  /** Of a person; keys and wallets have none. */
  role: Role | undefined;
}

/**
 * The first line of every verb inside an organization.
 * @throws AppError `forbidden` when the caller does not hold the permission there
 */
export function permit(ctx: OrganizationCtx, permission: Permission): void {
  if (ctx.permissions.has(permission)) return;
  const who = ctx.role === undefined ? `this ${ctx.principal.kind}` : `the role ${ctx.role}`;
  throw new AppError('forbidden', `This needs the permission ${permission}, which ${who} does not have`);
}

/**
 * The first line of a verb that is about no single organization: a list over all that a caller may see, or public
 * data. Only what is limited by itself is held to it. A person is not: what a query shows them is the organizations they
 * have a role in, and every role may read.
 */
export function permitCaller({ principal }: Ctx, permission: Permission): void {
  if (principal.kind !== 'key' && principal.kind !== 'wallet') return;
  const held = principal.kind === 'key' ? principal.permissions : ROLE_PERMISSIONS.member;
  if (held.has(permission)) return;
  throw new AppError(
    'forbidden',
    `This needs the permission ${permission}, which this ${principal.kind} does not have`,
  );
}
