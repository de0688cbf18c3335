import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import { type ConnectDeps, connect, connectStranger } from './connect.ts';
import * as contract from './contract.ts';
import { createTicket, getStatus, publish } from './service.ts';

export function addChannelRoutes(routes: Routes, deps: ConnectDeps) {
  const ofBody = async ({ principal }: CallerCtx, organizationId: string | undefined) => {
    if (organizationId !== undefined) return organizationId;
    return principal.kind === 'key' ? principal.organizationId : deps.ownOrganization(principal);
  };
  routes.organization(
    contract.createTicket,
    'Organization',
    (ctx, { body }) => ofBody(ctx, body.organization_id),
    (ctx) => createTicket(ctx, deps),
  );
  routes.organization(
    contract.publishMessage,
    'Organization',
    (ctx, { body }) => ofBody(ctx, body.organization_id),
    (ctx, { params, body }) => publish(ctx, deps, params.channel, body.data),
  );
  routes.open(contract.getStatus, (ctx) => getStatus(ctx, deps));
  routes.app.get(contract.openPublicSocket.path, (c) => connectStranger(deps, c.req.raw));
  routes.app.get(contract.openOwnSocket.path, (c) => connect(deps, c.req.raw));
  routes.app.get('/ws/:client_id', (c) => connect(deps, c.req.raw, c.req.param('client_id')));
}
