import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import { organizationOfTrigger } from '../rules/store.ts';
import * as contract from './contract.ts';
import { cancelReplay, createReplay, getReplay, type ReplayRequestDeps } from './service.ts';
import { organizationOfReplay } from './store.ts';

const ofReplay = (ctx: CallerCtx, { params }: { params: { id: string } }) =>
  organizationOfReplay(ctx.db.query, params.id);

export function addReplayRoutes(routes: Routes, deps: ReplayRequestDeps) {
  routes.organization(
    contract.createReplay,
    'Trigger',
    (ctx, { params }) => organizationOfTrigger(ctx.db.query, params.id),
    (ctx, { params, body }) => createReplay(ctx, deps, params.id, body),
  );
  routes.organization(contract.getReplay, 'Replay', ofReplay, (ctx, { params }) => getReplay(ctx, params.id));
  routes.organization(contract.cancelReplay, 'Replay', ofReplay, (ctx, { params }) => cancelReplay(ctx, params.id));
}
