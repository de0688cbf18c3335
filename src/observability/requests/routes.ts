import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import { ownOrganization } from '../../identity/index.ts';
import * as contract from './contract.ts';
import { listRequests } from './service.ts';

const named = async (ctx: CallerCtx, { query }: { query: { organization_id?: string | undefined } }) =>
  query.organization_id ?? (await ownOrganization(ctx));

export function addRequestLogRoutes(routes: Routes) {
  routes.organization(contract.listRequests, 'Organization', named, (ctx, { query }) => listRequests(ctx, query));
}
