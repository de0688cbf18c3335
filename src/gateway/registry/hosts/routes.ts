import type { Routes } from '../../../http/route.ts';
import { ownOrganization } from '../../../identity/index.ts';
import * as contract from './contract.ts';
import * as service from './service.ts';

export function addHostRoutes(routes: Routes, deps: service.HostDeps) {
  routes.organization(
    contract.listUpstreamHosts,
    'Organization',
    async (ctx, { query }) => query.organization_id ?? (await ownOrganization(ctx)),
    (ctx, { query }) => service.listHosts(ctx, query),
  );
  routes.organization(
    contract.verifyUpstreamHost,
    'Upstream host',
    async (ctx, { query }) => query.organization_id ?? (await ownOrganization(ctx)),
    (ctx, { params }) => service.verifyHost(ctx, deps, params.host),
  );
}
