import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import * as contract from './contract.ts';
import * as service from './service.ts';
import { organizationOfLimit } from './store.ts';

interface RateLimitRouteDeps extends service.RateLimitDeps {
  /** The organization that is meant where none is named. */
  ownOrganization(ctx: CallerCtx): Promise<string | undefined>;
}

const ofLimit = (ctx: CallerCtx, { params }: { params: { id: string } }) =>
  organizationOfLimit(ctx.db.query, params.id);

export function addRateLimitRoutes(routes: Routes, deps: RateLimitRouteDeps) {
  routes.organization(
    contract.createRateLimit,
    'Organization',
    async (ctx, { body }) => body.organization_id ?? (await deps.ownOrganization(ctx)),
    (ctx, { body }) => service.createRateLimit(ctx, deps, body),
  );
  routes.organization(
    contract.listRateLimits,
    'Organization',
    async (ctx, { query }) => query.organization_id ?? (await deps.ownOrganization(ctx)),
    (ctx, { query }) => service.listRateLimits(ctx, query),
  );
  routes.organization(contract.getRateLimit, 'Rate limit', ofLimit, (ctx, { params }) =>
    service.getRateLimit(ctx, params.id),
  );
  routes.organization(contract.updateRateLimit, 'Rate limit', ofLimit, (ctx, { params, body }) =>
    service.updateRateLimit(ctx, deps, params.id, body),
  );
  routes.organization(contract.deleteRateLimit, 'Rate limit', ofLimit, (ctx, { params }) =>
    service.deleteRateLimit(ctx, deps, params.id),
  );
}
