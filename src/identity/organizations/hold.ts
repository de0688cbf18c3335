import type { OrganizationCtx } from '../../access/ctx.ts';
import type { Permission } from '../../access/permissions.ts';
import type { Executor } from '../../db/client.ts';
import { notFound } from '../../kernel/errors.ts';
import { bumpEdge } from '../edge/store.ts';
import { confirmStanding } from '../standing/standing.ts';
import { lockOrganization, type OrganizationRow } from './store.ts';

/**
 * Begins a change to an organization or its members: marks it as changed for the edge, which makes such changes happen
 * one after the other, and asks again whether the caller may, since the change before this one may have taken their
 * role or their place.
 * @throws AppError `not_found` when the organization or the caller's place in it is gone; `unauthorized`; `forbidden`
 */
export async function holdOrganization(
  tx: Executor,
  ctx: OrganizationCtx,
  permission: Permission,
): Promise<OrganizationRow> {
  const deleted = permission === 'organizations:delete';
  await bumpEdge(tx, ctx.organizationId, { deleted });
  const organization = await lockOrganization(tx, ctx.organizationId, deleted ? 'update' : 'no key update');
  if (!organization) throw notFound('Organization');
  await confirmStanding(tx, ctx, permission);
  return organization;
}
