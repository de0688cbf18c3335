import { type Ctx, type OrganizationCtx, permit, type UserCtx } from '../../access/ctx.ts';
import type { Role } from '../../access/permissions.ts';
import type { PlanName } from '../../billing/index.ts';
import { duplicateOf, type Executor } from '../../db/client.ts';
import { rfc3339 } from '../../kernel/clock.ts';
import { AppError, describeError, notFound } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/id.ts';
import { type PageRequest, toPage } from '../../kernel/page.ts';
import { audit } from '../../telemetry/audit.ts';
import type { Logger } from '../../telemetry/log.ts';
import { bumpEdge } from '../edge/store.ts';
import { demoteOwner, findRole, insertMember, setRole } from '../members/store.ts';
import { confirmSession } from '../standing/standing.ts';
import { holdAllowance, holdRoomForAnother } from './allowance.ts';
import { holdOrganization } from './hold.ts';
import * as store from './store.ts';

interface NewOrganization {
  name: string;
  slug: string;
  description?: string | null | undefined;
}

type OrganizationPatch = { [Field in 'name' | 'description']?: NewOrganization[Field] | undefined };

export interface OrganizationDeps {
  /** Lets the features that build on identity see an organization off, in the transaction that deletes it. */
  beforeDeletion(tx: Executor, organizationId: string, now: Date): Promise<void>;
  newOrganizations: NewOrganizationDeps;
}

/** What is decided for every organization that is made. */
export interface NewOrganizationDeps {
  plan: PlanName;
  log: Logger;
}

/** @throws AppError `conflict` when the slug is taken; `bad_request` when the person has too many */
export async function createOrganization(ctx: UserCtx, deps: NewOrganizationDeps, input: NewOrganization) {
  const row = newRow({ ...input, isPersonal: false, plan: deps.plan }, ctx.clock());
  await ctx.db
    .transaction(async (tx) => {
      await confirmSession(tx, ctx);
      await holdAllowance(tx, ctx.principal.userId, row.createdAt);
      await bumpEdge(tx, row.id);
      await insertWithOwner(tx, row, ctx.principal.userId);
      await audit(tx, ctx, {
        action: 'organization.create',
        target: targetOf(row.id),
        after: { name: row.name, slug: row.slug, description: row.description, plan: row.plan },
        organizationId: row.id,
      });
    })
    .catch((error: unknown) => {
      if (duplicateOf(error) === 'organizations_slug_key') {
        throw new AppError('conflict', 'Organization slug already exists');
      }
      throw error;
    });
  announce(ctx, deps.log, row.id);
  return { data: toWire(row) };
}

/**
 * Part of a registration, in its transaction. The slug holds the user's id, so it cannot be taken already.
 * @returns the organization's id, which is to be announced
 */
export async function createPersonalOrganization(
  tx: Executor,
  { plan }: NewOrganizationDeps,
  user: { id: string; username: string },
  now: Date,
): Promise<string> {
  const row = newRow({ name: user.username, slug: `personal-${user.id}`, isPersonal: true, plan }, now);
  await bumpEdge(tx, row.id);
  await insertWithOwner(tx, row, user.id);
  return row.id;
}

/**
 * Publishes a new organization. If that fails, nobody is wrong about it: the edge asks for an organization that it does
 * not know yet, and the sweep publishes it.
 */
export function announce(ctx: Pick<Ctx, 'afterCommit' | 'publishOrganization'>, log: Logger, id: string): void {
  ctx.afterCommit(() =>
    ctx.publishOrganization(id).catch((error: unknown) => {
      log.warn('edge.not_announced', { organization_id: id, error: describeError(error) });
    }),
  );
}

export async function listOrganizations(ctx: UserCtx, page: PageRequest) {
  const { rows, total } = await store.listMemberships(ctx.db.query, ctx.principal.userId, page);
  return toPage(
    rows.map(({ organization, role }) => withRole(organization, role)),
    total,
    page,
  );
}

export async function getOrganization(ctx: OrganizationCtx) {
  permit(ctx, 'organizations:read');
  const row = await store.findOrganization(ctx.db.query, ctx.organizationId);
  if (!row) throw notFound('Organization');
  return { data: withRole(row, ctx.role) };
}

/** Changes the fields that are given; changes to different fields at once are all kept. */
export async function updateOrganization(ctx: OrganizationCtx, patch: OrganizationPatch) {
  permit(ctx, 'organizations:write');
  const changes = {
    ...(patch.name !== undefined && { name: patch.name }),
    ...(patch.description !== undefined && { description: patch.description }),
  };
  const row = await ctx.db.transaction(async (tx) => {
    const before = await holdOrganization(tx, ctx, 'organizations:write');
    const after = { ...before, ...changes, updatedAt: ctx.clock() };
    await store.updateOrganization(tx, ctx.organizationId, { ...changes, updatedAt: after.updatedAt });
    await audit(tx, ctx, {
      action: 'organization.update',
      target: targetOf(ctx.organizationId),
      before: { name: before.name, description: before.description },
      after: { name: after.name, description: after.description },
    });
    return after;
  });
  ctx.afterCommit(() => ctx.publishOrganization(ctx.organizationId));
  return { data: toWire(row) };
}

/** Deletes an organization with everything in it but its audit trail. @throws AppError `bad_request` if it is personal */
export async function deleteOrganization(ctx: OrganizationCtx, deps: OrganizationDeps) {
  permit(ctx, 'organizations:delete');
  await ctx.db.transaction(async (tx) => {
    const row = await holdOrganization(tx, ctx, 'organizations:delete');
    if (row.isPersonal) throw new AppError('bad_request', 'Cannot delete personal organization');
    await deps.beforeDeletion(tx, ctx.organizationId, ctx.clock());
    await store.deleteOrganization(tx, ctx.organizationId);
    await audit(tx, ctx, {
      action: 'organization.delete',
      target: targetOf(ctx.organizationId),
      before: { name: row.name, slug: row.slug, description: row.description },
    });
  });
  ctx.afterCommit(() => ctx.publishOrganization(ctx.organizationId));
}

/**
 * Hands an organization to another member; the owner until now becomes an admin.
 * @throws AppError `bad_request` to oneself or of a personal organization; `not_found` when the other is no member
 */
export async function transferOrganization(ctx: OrganizationCtx, newOwnerId: string) {
  permit(ctx, 'organizations:transfer');
  const row = await ctx.db.transaction(async (tx) => {
    const before = await holdOrganization(tx, ctx, 'organizations:transfer');
    if (before.isPersonal) throw new AppError('bad_request', 'Cannot transfer personal organization');
    const key = { organizationId: ctx.organizationId, userId: newOwnerId };
    const role = await findRole(tx, key.organizationId, key.userId);
    if (!role) throw notFound('Member');
    if (role === 'owner') throw new AppError('bad_request', 'Cannot transfer to yourself');
    await holdRoomForAnother(tx, newOwnerId);
    const after = { ...before, updatedAt: ctx.clock() };
    const oldOwnerId = await demoteOwner(tx, ctx.organizationId);
    await setRole(tx, key, 'owner');
    await store.updateOrganization(tx, ctx.organizationId, { updatedAt: after.updatedAt });
    await audit(tx, ctx, {
      action: 'organization.transfer',
      target: targetOf(ctx.organizationId),
      before: { owner_id: oldOwnerId },
      after: { owner_id: newOwnerId },
    });
    return after;
  });
  ctx.afterCommit(() => ctx.publishOrganization(ctx.organizationId));
  return { data: toWire(row) };
}

const targetOf = (id: string) => ({ type: 'organization', id });

function newRow(input: NewOrganization & { isPersonal: boolean; plan: PlanName }, now: Date): store.OrganizationRow {
  return {
    id: newUuid(),
    name: input.name,
    slug: input.slug,
    description: input.description ?? null,
    isPersonal: input.isPersonal,
    plan: input.plan,
    unitsPerHour: null,
    leases: null,
    createdAt: now,
    updatedAt: now,
  };
}

async function insertWithOwner(tx: Executor, row: store.OrganizationRow, ownerId: string) {
  await store.insertOrganization(tx, row);
  await insertMember(tx, { organizationId: row.id, userId: ownerId, role: 'owner', createdAt: row.createdAt });
}

const withRole = (row: store.OrganizationRow, role: Role | undefined) => ({
  organization: toWire(row),
  my_role: role ?? null,
});

const toWire = (row: store.OrganizationRow) => ({
  id: row.id,
  name: row.name,
  slug: row.slug,
  description: row.description,
  is_personal: row.isPersonal,
  created_at: rfc3339(row.createdAt),
  updated_at: rfc3339(row.updatedAt),
});
