import type { CallerCtx } from '../../../access/ctx.ts';
import type { Routes } from '../../../http/route.ts';
import { ownOrganization } from '../../../identity/index.ts';
import * as contract from './contract.ts';
import * as service from './service.ts';
import { organizationOfDomain } from './store.ts';
import { verifyDomain } from './verify.ts';

const ofDomain = (ctx: CallerCtx, { params }: { params: { id: string } }) =>
  organizationOfDomain(ctx.db.query, params.id);

export function addDomainRoutes(routes: Routes, deps: service.DomainDeps) {
  routes.organization(
    contract.createDomain,
    'Organization',
    async (ctx, { body }) => body.organization_id ?? (await ownOrganization(ctx)),
    (ctx, { body }) => service.createDomain(ctx, deps, body),
  );
  routes.organization(
    contract.listDomains,
    'Organization',
    async (ctx, { query }) => query.organization_id ?? (await ownOrganization(ctx)),
    (ctx, { query }) => service.listDomains(ctx, query),
  );
  routes.organization(contract.getDomain, 'Domain', ofDomain, (ctx, { params }) => service.getDomain(ctx, params.id));
  routes.organization(contract.updateDomain, 'Domain', ofDomain, (ctx, { params, body }) =>
    service.updateDomain(ctx, deps, params.id, body),
  );
  routes.organization(contract.deleteDomain, 'Domain', ofDomain, (ctx, { params }) =>
    service.deleteDomain(ctx, deps, params.id),
  );
  routes.organization(contract.verifyDomain, 'Domain', ofDomain, (ctx, { params }) =>
    verifyDomain(ctx, deps, params.id),
  );
}
