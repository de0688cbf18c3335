import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import type { Permission } from '../../access/permissions.ts';
import { principalName } from '../../access/principal.ts';
import { duplicateOf, type Executor } from '../../db/client.ts';
import { markGateway } from '../../identity/index.ts';
import type { KeyRing } from '../../kernel/crypto.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import { NEVER_PURGED } from '../cache/index.ts';
import { type CheckDeps, checkDefinition } from './check.ts';
import { compileApi, compiledBytes } from './compile.ts';
import type { ApiDefinition } from './definition.ts';
import { withDeprecations } from './deprecations.ts';
import { withEndpointIds } from './endpoint-ids.ts';
import { endpointLimits } from './endpoint-limits.ts';
import { noteHosts } from './hosts/note.ts';
import { insertRevision } from './revision-store.ts';
import { sealSecrets } from './secrets.ts';
import * as store from './store.ts';

/** Every one is looked through when a request is routed, and all of them travel when one has changed. */
const MAX_APIS = 100;
const MAX_TOTAL_BYTES = 8 * 1024 * 1024;

/** All of them are in the memory of the organization's object. */
const MAX_LIMITS = 100;

export interface ChangeDeps {
  /**
   * Begins a change of the organization, in the change's transaction: marks it as changed for the edge, makes such changes
   * take turns, and asks again whether the caller may.
   * @throws AppError when the organization is gone, or the caller may not
   */
  holdOrganization(tx: Executor, ctx: OrganizationCtx, permission: Permission): Promise<unknown>;
}

export interface RegistryDeps extends CheckDeps, ChangeDeps {
  keyRing: KeyRing;
  /** Whether the operator vouches for an upstream at this address. */
  isListed(url: URL): boolean;
}

/** One change of the organization's APIs or of where they are reached, after which the edge is told. */
export async function changeApis<T>(
  ctx: OrganizationCtx,
  deps: ChangeDeps,
  change: (tx: Executor) => Promise<T>,
): Promise<T> {
  permit(ctx, 'apis:write');
  const outcome = await ctx.db
    .transaction(async (tx) => {
      await deps.holdOrganization(tx, ctx, 'apis:write');
      await markGateway(tx, ctx.organizationId);
      return change(tx);
    })
    .catch((error: unknown) => {
      if (duplicateOf(error) === 'apis_slug_key') {
        throw new AppError('conflict', 'The organization has an API with this slug already');
      }
      throw error;
    });
  ctx.afterCommit(() => ctx.publishOrganization(ctx.organizationId));
  return outcome;
}

export const refOf = (ctx: OrganizationCtx, idOrSlug: string): store.ApiRef => ({
  organizationId: ctx.organizationId,
  idOrSlug,
});

/** @throws AppError `not_found` */
export async function loadApi(ctx: OrganizationCtx, idOrSlug: string): Promise<store.ApiRow> {
  const row = await store.findApi(ctx.db.query, refOf(ctx, idOrSlug));
  if (!row) throw notFound('API');
  return row;
}

/** @throws AppError `not_found` */
export async function lockApi(tx: Executor, ctx: OrganizationCtx, idOrSlug: string): Promise<store.ApiRow> {
  const row = await store.lockApi(tx, refOf(ctx, idOrSlug));
  if (!row) throw notFound('API');
  return row;
}

/**
 * A definition that was sent, in the form in which it is stored: checked, its endpoints named, what is deprecated dated,
 * its secrets sealed.
 * @throws AppError `validation_failed` naming every fault
 */
export async function prepare(
  { clock }: Pick<OrganizationCtx, 'clock'>,
  deps: RegistryDeps,
  sent: ApiDefinition,
  { id, definition }: { id: string; definition: ApiDefinition | undefined },
): Promise<ApiDefinition> {
  const named = withDeprecations(withEndpointIds(sent), definition, clock());
  checkDefinition(named, deps);
  return sealSecrets(deps.keyRing, id, named, definition);
}

/** The row of an API with another definition, as its next revision. */
export function nextRow(
  ctx: OrganizationCtx,
  before: store.ApiRow | { id: string },
  definition: ApiDefinition,
): store.ApiRow {
  const now = ctx.clock();
  const old = 'revision' in before ? before : { revision: 0, purged: NEVER_PURGED, createdAt: now };
  const { id } = before;
  const facts = { id, organizationId: ctx.organizationId, revision: old.revision + 1 };
  // What is proven is one of two words of nearly the same length.
  const compiled = compileApi(definition, { ...facts, purged: old.purged, isProven: () => false });
  return {
    ...facts,
    slug: compiled.slug,
    name: compiled.name,
    description: definition.description ?? null,
    visibility: compiled.visibility,
    status: compiled.lifecycle.status,
    definition,
    compiledBytes: compiledBytes(compiled),
    limits: endpointLimits(id, definition),
    purged: old.purged,
    createdAt: old.createdAt,
    updatedAt: now,
  };
}

/**
 * Writes a row and its revision.
 * @throws AppError `bad_request` when the organization has too many or too much
 */
export async function writeRow(
  tx: Executor,
  ctx: OrganizationCtx,
  deps: Pick<RegistryDeps, 'isListed'>,
  row: store.ApiRow,
  note: string | null,
) {
  const others = await store.measureOthers(tx, row);
  if (row.revision === 1 && others.total >= MAX_APIS) {
    throw new AppError('bad_request', `An organization has at most ${MAX_APIS} APIs; delete some first`);
  }
  if (others.bytes + row.compiledBytes > MAX_TOTAL_BYTES) {
    throw new AppError('bad_request', 'The APIs of an organization have at most 8 MB together');
  }
  if (others.limits + row.limits.length > MAX_LIMITS) {
    throw new AppError('bad_request', `The endpoints of an organization have at most ${MAX_LIMITS} limits together`);
  }
  await (row.revision === 1 ? store.insertApi(tx, row) : store.updateApi(tx, row));
  await noteHosts(tx, ctx, row.definition, deps.isListed);
  const made = revisionOf(ctx, row, note);
  await insertRevision(tx, made);
  return made;
}

/** What is kept of a row as it is now. */
export const revisionOf = (
  { principal }: OrganizationCtx,
  { id, revision, definition, updatedAt }: store.ApiRow,
  note: string | null,
) => ({ apiId: id, revision, definition, note, actor: principalName(principal), createdAt: updatedAt });
