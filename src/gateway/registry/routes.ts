import type { Routes } from '../../http/route.ts';
import { ownOrganization } from '../../identity/index.ts';
import type { RegistryDeps } from './change.ts';
import * as contract from './contract.ts';
import { ofApi } from './of-api.ts';
import * as partContract from './part-contract.ts';
import * as parts from './part-service.ts';
import * as revisionContract from './revision-contract.ts';
import * as revisions from './revision-service.ts';
import * as service from './service.ts';

export function addApiRoutes(routes: Routes, deps: RegistryDeps) {
  routes.organization(
    contract.createApi,
    'Organization',
    async (ctx, { body }) => body.organization_id ?? (await ownOrganization(ctx)),
    (ctx, { body: { organization_id: _, ...definition }, query }) =>
      service.createApi(ctx, deps, definition, query.note),
  );
  routes.organization(
    contract.listApis,
    'Organization',
    async (ctx, { query }) => query.organization_id ?? (await ownOrganization(ctx)),
    (ctx, { query }) => service.listApis(ctx, query),
  );
  routes.organization(contract.getApi, 'API', ofApi, (ctx, { params }) => service.getApi(ctx, params.id));
  routes.organization(contract.putApi, 'API', ofApi, (ctx, { params, query, body }) =>
    service.putApi(ctx, deps, params.id, body, query),
  );
  routes.organization(contract.deleteApi, 'API', ofApi, (ctx, { params }) => service.deleteApi(ctx, deps, params.id));
  routes.organization(contract.purgeApi, 'API', ofApi, (ctx, { params, body }) =>
    service.purgeApi(ctx, deps, params.id, body),
  );
  addPartRoutes(routes, deps);
  addRevisionRoutes(routes, deps);
}

function addPartRoutes(routes: Routes, deps: RegistryDeps) {
  routes.organization(partContract.listVersions, 'API', ofApi, (ctx, { params }) => parts.listVersions(ctx, params.id));
  routes.organization(partContract.createVersion, 'API', ofApi, (ctx, { params, body }) =>
    parts.createVersion(ctx, deps, params.id, body),
  );
  routes.organization(partContract.getVersion, 'API', ofApi, (ctx, { params }) =>
    parts.getVersion(ctx, params.id, params.name),
  );
  routes.organization(partContract.updateVersion, 'API', ofApi, (ctx, { params, body }) =>
    parts.updateVersion(ctx, deps, params.id, params.name, body),
  );
  routes.organization(partContract.deleteVersion, 'API', ofApi, (ctx, { params }) =>
    parts.deleteVersion(ctx, deps, params.id, params.name),
  );
  routes.organization(partContract.listEndpoints, 'API', ofApi, (ctx, { params }) =>
    parts.listEndpoints(ctx, params.id),
  );
  routes.organization(partContract.createEndpoint, 'API', ofApi, (ctx, { params, body }) =>
    parts.createEndpoint(ctx, deps, params.id, body),
  );
  routes.organization(partContract.getEndpoint, 'API', ofApi, (ctx, { params }) =>
    parts.getEndpoint(ctx, params.id, params.endpoint_id),
  );
  routes.organization(partContract.updateEndpoint, 'API', ofApi, (ctx, { params, body }) =>
    parts.updateEndpoint(ctx, deps, params.id, params.endpoint_id, body),
  );
  routes.organization(partContract.deleteEndpoint, 'API', ofApi, (ctx, { params }) =>
    parts.deleteEndpoint(ctx, deps, params.id, params.endpoint_id),
  );
}

function addRevisionRoutes(routes: Routes, deps: RegistryDeps) {
  routes.organization(revisionContract.getChangelog, 'API', ofApi, (ctx, { params }) =>
    revisions.getChangelog(ctx, params.id),
  );
  routes.organization(revisionContract.listRevisions, 'API', ofApi, (ctx, { params, query }) =>
    revisions.listRevisions(ctx, params.id, query),
  );
  routes.organization(revisionContract.getRevision, 'API', ofApi, (ctx, { params }) =>
    revisions.getRevision(ctx, params.id, params.revision),
  );
  routes.organization(revisionContract.diffRevisions, 'API', ofApi, (ctx, { params, query }) =>
    revisions.diffRevisions(ctx, params.id, query.from, query.to),
  );
  routes.organization(revisionContract.rollBack, 'API', ofApi, (ctx, { params, query, body }) =>
    revisions.rollBack(ctx, deps, params.id, body, query.dry_run),
  );
}
