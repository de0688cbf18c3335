import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import { organizationOfTrigger } from '../rules/store.ts';
import * as contract from './contract.ts';
import { organizationOfDelivery } from './list-store.ts';
import { type AnnounceDeps, getDelivery, listDeliveries, listOwnDeliveries, retryDelivery } from './service.ts';

const ofDelivery = (ctx: CallerCtx, { params }: { params: { id: string } }) =>
  organizationOfDelivery(ctx.db.query, params.id);

export function addDeliveryRoutes(routes: Routes, deps: AnnounceDeps) {
  routes.organization(
    contract.listDeliveries,
    'Trigger',
    (ctx, { params }) => organizationOfTrigger(ctx.db.query, params.id),
    (ctx, { params, query }) => listDeliveries(ctx, params.id, query),
  );
  routes.caller(
    contract.listOwnDeliveries,
    ({ query }) => query.organization_id,
    (ctx, { query }) => listOwnDeliveries(ctx, query),
  );
  routes.organization(contract.getDelivery, 'Delivery', ofDelivery, (ctx, { params }) => getDelivery(ctx, params.id));
  routes.organization(contract.retryDelivery, 'Delivery', ofDelivery, (ctx, { params }) =>
    retryDelivery(ctx, deps, params.id),
  );
}
