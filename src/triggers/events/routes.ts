import type { Routes } from '../../http/route.ts';
import * as contract from './contract.ts';
import { listEvents } from './service.ts';

export function addEventRoutes(routes: Routes) {
  routes.open(contract.listEvents, (ctx, { query }) => listEvents(ctx, query));
}
