import type { Routes } from '../../http/route.ts';
import * as contract from './contract.ts';
import { createOrganization, getOrganization, listOrganizations } from './service.ts';

export function addOrganizationRoutes(routes: Routes) {
  routes.user(contract.createOrganization, (ctx, { body }) => createOrganization(ctx, body));
  routes.user(contract.listOrganizations, (ctx, { query }) => listOrganizations(ctx, query));
  routes.organization(
    contract.getOrganization,
    'Organization',
    async (_, { params }) => params.id,
    (ctx) => getOrganization(ctx),
  );
}
