import type { Routes } from '../../http/route.ts';
import { listOrganizationEvents as contract } from './contract.ts';
import { listOrganizationEvents } from './service.ts';

export function addOrganizationEventRoutes(routes: Routes) {
  routes.organization(
    contract,
    'Organization',
    async (_, { params }) => params.id,
    (ctx, { query }) => listOrganizationEvents(ctx, query),
  );
}
