import type { Routes } from '../../http/route.ts';
import * as contract from './contract.ts';
import {
  createOrganization,
  deleteOrganization,
  getOrganization,
  listOrganizations,
  type OrganizationDeps,
  transferOrganization,
  updateOrganization,
} from './service.ts';

const byId = async (_: unknown, { params }: { params: { id: string } }) => params.id;

export function addOrganizationRoutes(routes: Routes, deps: OrganizationDeps) {
  routes.user(contract.createOrganization, (ctx, { body }) => createOrganization(ctx, deps.newOrganizations, body));
  routes.user(contract.listOrganizations, (ctx, { query }) => listOrganizations(ctx, query));
  routes.organization(contract.getOrganization, 'Organization', byId, (ctx) => getOrganization(ctx));
  routes.organization(contract.updateOrganization, 'Organization', byId, (ctx, { body }) =>
    updateOrganization(ctx, body),
  );
  routes.organization(contract.deleteOrganization, 'Organization', byId, (ctx) => deleteOrganization(ctx, deps));
  routes.organization(contract.transferOrganization, 'Organization', byId, (ctx, { body }) =>
    transferOrganization(ctx, body.new_owner_id),
  );
}
