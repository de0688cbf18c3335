import { type OrganizationCtx, permit, type UserCtx } from '../../access/ctx.ts';
import { type Permission, ROLE_PERMISSIONS } from '../../access/permissions.ts';
import type { Executor } from '../../db/client.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import * as store from './store.ts';

/**
 * Asks inside a write's transaction whether the caller may still do it. The credential was checked when the request's
 * head came in; since then its body may have taken its time, the write may have waited for a lock, and meanwhile the
 * session, the key, the link or the membership may have ended. A revocation that has answered holds for such a request
 * too: either it sees the end here, or the end waits for its commit.
 * @throws AppError as the same request would be refused now
 */
export async function confirmStanding(tx: Executor, ctx: OrganizationCtx, permission: Permission): Promise<void> {
  const { principal, organizationId } = ctx;
  if (!(await store.holdOrganizationRow(tx, organizationId))) throw notFound('Organization');
  if (principal.kind === 'user') {
    await confirmSession(tx, { ...ctx, principal });
    const role = await store.holdRole(tx, organizationId, principal);
    if (!role) throw notFound('Organization');
    return permit({ ...ctx, role, permissions: ROLE_PERMISSIONS[role] }, permission);
  }
  const stands =
    principal.kind === 'key' ? await store.holdKey(tx, principal, ctx.clock()) : await store.holdLink(tx, principal);
  if (!stands) throw new AppError('unauthorized', 'This credential has ended');
}

/** The same for a person's own things. */
export async function confirmSession(tx: Executor, { principal }: Pick<UserCtx, 'principal'>): Promise<void> {
  if (!(await store.holdSession(tx, principal))) throw new AppError('unauthorized', 'This session has ended');
}
