import { type OrganizationCtx, permit, type UserCtx } from '../../access/ctx.ts';
import type { Role } from '../../access/permissions.ts';
import { duplicateOf, type Executor } from '../../db/client.ts';
import { rfc3339 } from '../../kernel/clock.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/id.ts';
import { type PageRequest, toPage } from '../../kernel/page.ts';
import { insertMember } from '../members/store.ts';
import * as store from './store.ts';

interface NewOrganization {
  name: string;
  slug: string;
  description?: string | null | undefined;
}

/** @throws AppError `conflict` when the slug is taken */
export async function createOrganization(ctx: UserCtx, input: NewOrganization) {
  const row = newRow({ ...input, isPersonal: false }, ctx.clock());
  await ctx.db
    .transaction((tx) => insertWithOwner(tx, row, ctx.principal.userId))
    .catch((error: unknown) => {
      if (duplicateOf(error) === 'organizations_slug_key') {
        throw new AppError('conflict', 'Organization slug already exists');
      }
      throw error;
    });
  return { data: toWire(row) };
}

/** Part of a registration, in its transaction. The slug holds the user's id, so it cannot be taken already. */
export async function createPersonalOrganization(tx: Executor, user: { id: string; username: string }, now: Date) {
  const row = newRow({ name: user.username, slug: `personal-${user.id}`, isPersonal: true }, now);
  await insertWithOwner(tx, row, user.id);
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

function newRow(input: NewOrganization & { isPersonal: boolean }, now: Date): store.OrganizationRow {
  return {
    id: newUuid(),
    name: input.name,
    slug: input.slug,
    description: input.description ?? null,
    isPersonal: input.isPersonal,
    createdAt: now,
    updatedAt: now,
  };
}

async function insertWithOwner(tx: Executor, row: store.OrganizationRow, ownerId: string) {
  await store.insertOrganization(tx, row);
  await insertMember(tx, { organizationId: row.id, userId: ownerId, role: 'owner', createdAt: row.createdAt });
}

const withRole = (row: store.OrganizationRow, role: Role) => ({ organization: toWire(row), my_role: role });

const toWire = (row: store.OrganizationRow) => ({
  id: row.id,
  name: row.name,
  slug: row.slug,
  description: row.description,
  is_personal: row.isPersonal,
  created_at: rfc3339(row.createdAt),
  updated_at: rfc3339(row.updatedAt),
});
