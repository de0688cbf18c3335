import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import { ownOrganization } from '../organizations/own.ts';
import * as contract from './contract.ts';
import * as service from './service.ts';
import { organizationOfKey } from './store.ts';

const ofKey = (ctx: CallerCtx, { params }: { params: { id: string } }) => organizationOfKey(ctx.db.query, params.id);

const named = async (ctx: CallerCtx, { query }: { query: { organization_id?: string | undefined } }) =>
  query.organization_id ?? (await ownOrganization(ctx));

export function addApiKeyRoutes(routes: Routes, deps: service.ApiKeyDeps) {
  for (const operations of [contract.apiKeys, contract.keys]) {
    routes.organization(operations.create, 'Organization', named, (ctx, { body }) =>
      service.createApiKey(ctx, deps, body),
    );
    routes.organization(operations.list, 'Organization', named, (ctx, { query }) => service.listApiKeys(ctx, query));
    routes.organization(operations.get, 'API key', ofKey, (ctx, { params }) => service.getApiKey(ctx, params.id));
    routes.organization(operations.revoke, 'API key', ofKey, (ctx, { params, body }) =>
      service.revokeApiKey(ctx, params.id, body.reason),
    );
    routes.organization(operations.rotate, 'API key', ofKey, (ctx, { params, body }) =>
      service.rotateApiKey(ctx, deps, params.id, body),
    );
  }
}
