import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import * as contract from './contract.ts';
import type { DependencyHealth } from './dependencies.ts';
import { listServices, type ServiceDeps } from './service.ts';

export interface ServiceRouteDeps extends ServiceDeps {
  dependencyHealth(): Promise<DependencyHealth>;
  /** The organization that is meant where none is named. */
  ownOrganization(ctx: CallerCtx): Promise<string | undefined>;
}

export function addServiceRoutes(routes: Routes, deps: ServiceRouteDeps) {
  routes.organization(
    contract.listServices,
    'Organization',
    async (ctx, { query }) => query.organization_id ?? (await deps.ownOrganization(ctx)),
    (ctx, { query }) => listServices(ctx, deps, query),
  );
  routes.app.get(contract.getServicesHealth.path, async (c) => {
    const health = await deps.dependencyHealth();
    return c.json(health, health.status === 'unhealthy' ? 503 : 200);
  });
}
