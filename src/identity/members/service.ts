import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import { type Permission, ROLE_PERMISSIONS, type Role } from '../../access/permissions.ts';
import type { Executor } from '../../db/client.ts';
import { rfc3339 } from '../../kernel/clock.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import { maskEmail } from '../../kernel/mask.ts';
import { type PageRequest, toPage } from '../../kernel/page.ts';
import { audit } from '../../telemetry/audit.ts';
import { holdOrganization } from '../organizations/hold.ts';
import * as store from './store.ts';

/** Ownership is not given, it moves by a transfer. */
type GivenRole = Exclude<Role, 'owner'>;

/**
 * @throws AppError `bad_request` for a personal organization; `forbidden` when the member could do more than the caller;
 * `not_found` for an unknown user; `conflict`
 */
export async function addMember(ctx: OrganizationCtx, input: { user_id: string; role: GivenRole }) {
  permit(ctx, 'members:write');
  refuseMoreThanOwn(ctx, input.role);
  const key = keyOf(ctx, input.user_id);
  const member = await ctx.db.transaction(async (tx) => {
    const organization = await holdOrganization(tx, ctx, 'members:write');
    if (organization.isPersonal) throw new AppError('bad_request', 'A personal organization has no other members');
    if (!(await store.userExists(tx, key.userId))) throw notFound('User');
    const added = await store.insertMember(tx, { ...key, role: input.role, createdAt: ctx.clock() });
    if (!added) throw new AppError('conflict', 'User is already a member');
    const row = await loadMember(tx, key);
    await leaveTrace(tx, ctx, { action: 'member.add', row, after: { role: row.role } });
    return row;
  });
  ctx.afterCommit(() => ctx.publishOrganization(ctx.organizationId));
  return { data: toWire(ctx, member) };
}

export async function listMembers(ctx: OrganizationCtx, page: PageRequest) {
  permit(ctx, 'members:read');
  const { rows, total } = await store.listMembers(ctx.db.query, ctx.organizationId, page);
  return toPage(
    rows.map((row) => toWire(ctx, row)),
    total,
    page,
  );
}

/** @throws AppError `bad_request` when the member is the owner; `not_found` */
export async function updateMember(ctx: OrganizationCtx, userId: string, role: GivenRole) {
  permit(ctx, 'members:roles');
  const key = keyOf(ctx, userId);
  const member = await ctx.db.transaction(async (tx) => {
    await holdOrganization(tx, ctx, 'members:roles');
    const row = await loadMember(tx, key);
    if (row.role === 'owner') throw new AppError('bad_request', 'Cannot change the role of the owner');
    await store.setRole(tx, key, role);
    await leaveTrace(tx, ctx, { action: 'member.update', row, before: { role: row.role }, after: { role } });
    return { ...row, role };
  });
  ctx.afterCommit(() => ctx.publishOrganization(ctx.organizationId));
  return { data: toWire(ctx, member) };
}

/** @throws AppError `bad_request` when the member is the owner; `not_found` */
export async function removeMember(ctx: OrganizationCtx, userId: string) {
  const permission: Permission = isSelf(ctx, userId) ? 'members:read' : 'members:write';
  permit(ctx, permission);
  const key = keyOf(ctx, userId);
  await ctx.db.transaction(async (tx) => {
    await holdOrganization(tx, ctx, permission);
    const row = await loadMember(tx, key);
    if (row.role === 'owner') throw new AppError('bad_request', 'Cannot remove the owner');
    refuseMoreThanOwn(ctx, row.role);
    await store.deleteMember(tx, key);
    await leaveTrace(tx, ctx, { action: 'member.remove', row, before: { role: row.role } });
  });
  ctx.afterCommit(() => ctx.publishOrganization(ctx.organizationId));
}

/** A key that may only manage members could otherwise make its holder an admin, or remove the admins. */
function refuseMoreThanOwn(ctx: OrganizationCtx, role: GivenRole) {
  if ([...ROLE_PERMISSIONS[role]].every((permission) => ctx.permissions.has(permission))) return;
  throw new AppError('forbidden', `The role ${role} may do more than this ${ctx.principal.kind}`);
}

const keyOf = (ctx: OrganizationCtx, userId: string): store.MemberKey => ({
  organizationId: ctx.organizationId,
  userId,
});

/** A key is not the person who made it. */
const isSelf = ({ principal }: OrganizationCtx, userId: string) =>
  principal.kind === 'user' && principal.userId === userId;

async function loadMember(tx: Executor, key: store.MemberKey): Promise<store.MemberRow> {
  const row = await store.findMember(tx, key);
  if (!row) throw notFound('Member');
  return row;
}

interface Change {
  action: 'member.add' | 'member.update' | 'member.remove';
  row: store.MemberRow;
  before?: { role: Role };
  after?: { role: Role };
}

/** The audit row tells who and which role; what only the account knows of a person stays out of it. */
async function leaveTrace(tx: Executor, ctx: OrganizationCtx, { action, row, before, after }: Change) {
  const person = { user_id: row.userId, username: row.username };
  await audit(tx, ctx, {
    action,
    target: { type: 'member', id: String(row.id) },
    ...(before && { before: { ...person, ...before } }),
    ...(after && { after: { ...person, ...after } }),
  });
}

/** Who manages members sees their addresses, and everybody sees their own. */
const toWire = (ctx: OrganizationCtx, row: store.MemberRow) => ({
  id: row.id,
  user_id: row.userId,
  username: row.username,
  email: ctx.permissions.has('members:write') || isSelf(ctx, row.userId) ? row.email : maskEmail(row.email),
  role: row.role,
  created_at: rfc3339(row.createdAt),
});
