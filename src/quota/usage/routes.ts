import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import * as contract from './contract.ts';
import { getCredits, type UsagePorts } from './service.ts';

interface UsageRouteDeps extends UsagePorts {
  /** The organization that is meant where none is named. */
  ownOrganization(ctx: CallerCtx): Promise<string | undefined>;
}

export function addUsageRoutes(routes: Routes, deps: UsageRouteDeps) {
  const named = async (ctx: CallerCtx, { query }: { query: { organization_id?: string | undefined } }) =>
    query.organization_id ?? (await deps.ownOrganization(ctx));
  routes.organization(contract.getCredits, 'Organization', named, (ctx) => getCredits(ctx, deps));
}
