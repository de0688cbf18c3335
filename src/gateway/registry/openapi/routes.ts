import type { Routes } from '../../../http/route.ts';
import { ownOrganization } from '../../../identity/index.ts';
import { ofApi } from '../of-api.ts';
import * as contract from './contract.ts';
import * as service from './service.ts';

export function addOpenApiRoutes(routes: Routes, deps: service.OpenApiDeps) {
  routes.organization(
    contract.importNewApi,
    'Organization',
    async (ctx, { body }) => body.organization_id ?? (await ownOrganization(ctx)),
    (ctx, { body, query }) => service.importNewApi(ctx, deps, body, query.note),
  );
  routes.organization(contract.importIntoApi, 'API', ofApi, (ctx, { params, query, body }) =>
    service.importIntoApi(ctx, deps, params.id, body, query),
  );
  routes.organization(contract.exportApi, 'API', ofApi, (ctx, { params, query }) =>
    service.exportApi(ctx, deps, params.id, query.version),
  );
  routes.organization(contract.exportApiYaml, 'API', ofApi, (ctx, { params, query }) =>
    service.exportApiYaml(ctx, deps, params.id, query.version),
  );
}
