import { type OrganizationCtx, permit } from '../../../access/ctx.ts';
import { duplicateOf, type Executor } from '../../../db/client.ts';
import { AppError, invalidField, notFound } from '../../../kernel/errors.ts';
import { newId } from '../../../kernel/id.ts';
import { type PageRequest, toPage } from '../../../kernel/page.ts';
import { audit } from '../../../telemetry/audit.ts';
import { changeApis, refOf } from '../change.ts';
import type { HostDeps } from '../hosts/service.ts';
import { newToken } from '../hosts/token.ts';
import { findApi } from '../store.ts';
import { type BrandingChange, changedBranding } from './definition.ts';
import * as store from './store.ts';
import { domainToWire } from './wire.ts';

/** Each is one more name by which the directory and the isolates know the organization. */
const MAX_DOMAINS = 50;

export interface DomainDeps extends HostDeps {
  /** What is wrong with a host as an organization's domain; nothing when it may be one. */
  hostFault(host: string): string | undefined;
}

interface DomainFields {
  host: string;
  /** Slug. */
  api?: string | null | undefined;
  branding?: BrandingChange | undefined;
}

/** @throws AppError `validation_failed`; `conflict` when it is claimed already; `bad_request` when there are too many */
export async function createDomain(ctx: OrganizationCtx, deps: DomainDeps, { host, api, branding = {} }: DomainFields) {
  permit(ctx, 'apis:write');
  const fault = deps.hostFault(host);
  if (fault !== undefined) throw invalidField('host', fault);
  const now = ctx.clock();
  const ref = domainRef(ctx, newId('domain'));
  const row = await changeDomains(ctx, deps, async (tx) => {
    if ((await store.countDomains(tx, ctx.organizationId)) >= MAX_DOMAINS) {
      throw new AppError('bad_request', `An organization has at most ${MAX_DOMAINS} domains; delete some first`);
    }
    await store.insertDomain(tx, {
      ...{ id: ref.domainId, organizationId: ctx.organizationId, host, branding: changedBranding({}, branding) },
      ...{ token: newToken(), status: 'pending', apiId: await apiIdOf(tx, ctx, api ?? null) },
      ...{ verifiedAt: null, checkedAt: null, createdAt: now, updatedAt: now },
    });
    return written(tx, ctx, ref, 'create', undefined);
  });
  return { data: domainToWire(row) };
}

/** @throws AppError `validation_failed` when the organization has no such API */
async function apiIdOf(tx: Executor, ctx: OrganizationCtx, slug: string | null): Promise<string | null> {
  if (slug === null) return null;
  const api = await findApi(tx, refOf(ctx, slug));
  if (!api) throw invalidField('api', 'must be the slug of an API of the organization');
  return api.id;
}

export async function listDomains(ctx: OrganizationCtx, page: PageRequest) {
  permit(ctx, 'apis:read');
  const { rows, total } = await store.listDomains(ctx.db.query, ctx.organizationId, page);
  return toPage(rows.map(domainToWire), total, page);
}

export async function getDomain(ctx: OrganizationCtx, domainId: string) {
  permit(ctx, 'apis:read');
  return { data: domainToWire(await load(ctx.db.query, domainRef(ctx, domainId))) };
}

interface DomainPatch {
  api?: string | null | undefined;
  branding?: BrandingChange | undefined;
}

/** Changes the fields that are given. @throws AppError `validation_failed` when the organization has no such API */
export async function updateDomain(ctx: OrganizationCtx, deps: DomainDeps, domainId: string, patch: DomainPatch) {
  permit(ctx, 'apis:write');
  const ref = domainRef(ctx, domainId);
  const row = await changeDomains(ctx, deps, async (tx) => {
    const before = await load(tx, ref);
    await store.updateDomain(tx, ref, {
      apiId: patch.api === undefined ? before.apiId : await apiIdOf(tx, ctx, patch.api),
      branding: changedBranding(before.branding, patch.branding ?? {}),
      updatedAt: ctx.clock(),
    });
    return written(tx, ctx, ref, 'update', before);
  });
  return { data: domainToWire(row) };
}

export async function deleteDomain(ctx: OrganizationCtx, deps: DomainDeps, domainId: string) {
  permit(ctx, 'apis:write');
  const ref = domainRef(ctx, domainId);
  await changeDomains(ctx, deps, async (tx) => {
    const before = await load(tx, ref);
    await store.deleteDomain(tx, ref);
    await audit(tx, ctx, { action: 'domain.delete', target: targetOf(ref), before: domainToWire(before) });
  });
}

/** A change of the organization's domains, after which the edge is told. */
export function changeDomains<T>(ctx: OrganizationCtx, deps: DomainDeps, change: (tx: Executor) => Promise<T>) {
  return changeApis(ctx, deps, change).catch((error: unknown) => {
    const key = duplicateOf(error);
    if (key === 'domains_host_key') throw new AppError('conflict', 'The organization has this domain already');
    if (key === 'domains_verified_key') throw taken();
    throw error;
  });
}

export const taken = () => new AppError('conflict', 'Another organization has shown this host to be its own');

/** The domain as it has just been written, with its entry in the trail. @throws AppError `not_found` */
export async function written(
  tx: Executor,
  ctx: OrganizationCtx,
  ref: store.DomainRef,
  verb: 'create' | 'update' | 'verify',
  before: store.ShownDomain | undefined,
): Promise<store.ShownDomain> {
  const after = await load(tx, ref);
  const states = { ...(before && { before: domainToWire(before) }), after: domainToWire(after) };
  await audit(tx, ctx, { action: `domain.${verb}`, target: targetOf(ref), ...states });
  return after;
}

/** @throws AppError `not_found` */
export async function load(db: Executor, ref: store.DomainRef): Promise<store.ShownDomain> {
  const row = await store.findDomain(db, ref);
  if (!row) throw notFound('Domain');
  return row;
}

export const domainRef = ({ organizationId }: OrganizationCtx, domainId: string): store.DomainRef => ({
  organizationId,
  domainId,
});

export const targetOf = ({ domainId }: store.DomainRef) => ({ type: 'domain', id: domainId });
