import type { CallerCtx } from '../../access/ctx.ts';
import { messageStream } from '../../http/message-stream.ts';
import type { Routes } from '../../http/route.ts';
import { organizationOfTrigger } from '../rules/store.ts';
import { backtest, backtestMessages } from './backtest.ts';
import * as contract from './contract.ts';
import { type TrialDeps, tryTrigger } from './trial.ts';

const ofTrigger = (ctx: CallerCtx, input: { params: { id: string } }) =>
  organizationOfTrigger(ctx.db.query, input.params.id);

export function addTrialRoutes(routes: Routes, deps: TrialDeps) {
  routes.organization(contract.testTrigger, 'Trigger', ofTrigger, (ctx, { params, body }) =>
    tryTrigger(ctx, deps, params.id, body),
  );
  routes.organization(contract.backtestTrigger, 'Trigger', ofTrigger, (ctx, { params, body }) =>
    backtest(ctx, params.id, body),
  );
  routes.organization(contract.streamBacktest, 'Trigger', ofTrigger, async (ctx, { params, body }) =>
    messageStream(await backtestMessages(ctx, params.id, body)),
  );
}
