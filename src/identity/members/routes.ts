import type { Routes } from '../../http/route.ts';
import * as contract from './contract.ts';
import { addMember, listMembers, removeMember, updateMember } from './service.ts';

const byId = async (_: unknown, { params }: { params: { id: string } }) => params.id;

export function addMemberRoutes(routes: Routes) {
  routes.organization(contract.addMember, 'Organization', byId, (ctx, { body }) => addMember(ctx, body));
  routes.organization(contract.listMembers, 'Organization', byId, (ctx, { query }) => listMembers(ctx, query));
  routes.organization(contract.updateMember, 'Organization', byId, (ctx, { params, body }) =>
    updateMember(ctx, params.user_id, body.role),
  );
  routes.organization(contract.removeMember, 'Organization', byId, (ctx, { params }) =>
    removeMember(ctx, params.user_id),
  );
}
