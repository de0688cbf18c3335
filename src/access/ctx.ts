import type { Database } from '../db/client.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { type Permission, ROLE_PERMISSIONS, type Role } from './permissions.ts';
import type { Principal, UserPrincipal } from './principal.ts';

/** What every use case is given: who asks, on which request, and the clock and database to answer with. */
export interface Ctx<P extends Principal = Principal> {
  principal: P;
  requestId: string;
  clock: Clock;
  db: Database;
}

/** A use case of a signed-in person, not bound to one organization. */
export type UserCtx = Ctx<UserPrincipal>;

/** A use case inside one organization, whose membership has been proved. */
export interface OrganizationCtx extends UserCtx {
  organizationId: string;
  role: Role;
}

/**
 * The first line of every verb inside an organization.
 * @throws AppError `forbidden` when the caller's role does not hold the permission
 */
export function permit(ctx: OrganizationCtx, permission: Permission): void {
  if (ROLE_PERMISSIONS[ctx.role].has(permission)) return;
  throw new AppError('forbidden', `This needs the permission ${permission}, which the role ${ctx.role} does not have`);
}
