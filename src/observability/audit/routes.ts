import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import { ownOrganization } from '../../identity/index.ts';
import * as contract from './contract.ts';
import { listAuditLogs, verifyAuditLogs } from './service.ts';

const named = async (ctx: CallerCtx, { query }: { query: { organization_id?: string | undefined } }) =>
  query.organization_id ?? (await ownOrganization(ctx));

export function addAuditRoutes(routes: Routes) {
  routes.organization(contract.listAuditLogs, 'Organization', named, (ctx, { query }) => listAuditLogs(ctx, query));
  routes.organization(contract.verifyAuditLogs, 'Organization', named, (ctx) => verifyAuditLogs(ctx));
}
