import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import { organizationOfTrigger } from '../rules/store.ts';
import * as contract from './contract.ts';
import { getCircuit, resetCircuit } from './service.ts';

const ofParent = (ctx: CallerCtx, input: { params: { trigger_id: string } }) =>
  organizationOfTrigger(ctx.db.query, input.params.trigger_id);

export function addCircuitRoutes(routes: Routes) {
  routes.organization(contract.getCircuit, 'Trigger', ofParent, (ctx, { params }) =>
    getCircuit(ctx, params.trigger_id, params.id),
  );
  routes.organization(contract.resetCircuit, 'Trigger', ofParent, (ctx, { params }) =>
    resetCircuit(ctx, params.trigger_id, params.id),
  );
}
