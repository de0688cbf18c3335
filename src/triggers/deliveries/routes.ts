import type { Routes } from '../../http/route.ts';
import { organizationOfTrigger } from '../rules/store.ts';
import * as contract from './contract.ts';
import { listDeliveries } from './service.ts';

export function addDeliveryRoutes(routes: Routes) {
  routes.organization(
    contract.listDeliveries,
    'Trigger',
    (ctx, { params }) => organizationOfTrigger(ctx.db.query, params.id),
    (ctx, { params, query }) => listDeliveries(ctx, params.id, query),
  );
}
