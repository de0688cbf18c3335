import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import { ownOrganization } from '../../identity/index.ts';
import * as actionContract from './action-contract.ts';
import * as actions from './action-service.ts';
import * as conditionContract from './condition-contract.ts';
import * as conditions from './condition-service.ts';
import * as contract from './contract.ts';
import { organizationOfTrigger } from './store.ts';
import * as triggers from './trigger-service.ts';

const ofTrigger = (ctx: CallerCtx, input: { params: { id: string } }) =>
  organizationOfTrigger(ctx.db.query, input.params.id);

const ofParent = (ctx: CallerCtx, input: { params: { trigger_id: string } }) =>
  organizationOfTrigger(ctx.db.query, input.params.trigger_id);

export function addRuleRoutes(routes: Routes, deps: actions.ActionDeps) {
  routes.organization(
    contract.createTrigger,
    'Organization',
    async (ctx, { body }) => body.organization_id ?? (await ownOrganization(ctx)),
    (ctx, { body }) => triggers.createTrigger(ctx, body),
  );
  routes.caller(
    contract.listTriggers,
    ({ query }) => query.organization_id,
    (ctx, { query }) => triggers.listTriggers(ctx, query),
  );
  routes.organization(contract.getTrigger, 'Trigger', ofTrigger, (ctx, { params }) =>
    triggers.getTrigger(ctx, params.id),
  );
  routes.organization(contract.updateTrigger, 'Trigger', ofTrigger, (ctx, { params, body }) =>
    triggers.updateTrigger(ctx, params.id, body),
  );
  routes.organization(contract.deleteTrigger, 'Trigger', ofTrigger, (ctx, { params }) =>
    triggers.deleteTrigger(ctx, params.id),
  );

  routes.organization(conditionContract.createCondition, 'Trigger', ofParent, (ctx, { params, body }) =>
    conditions.createCondition(ctx, params.trigger_id, body),
  );
  routes.organization(conditionContract.listConditions, 'Trigger', ofParent, (ctx, { params }) =>
    conditions.listConditions(ctx, params.trigger_id),
  );
  routes.organization(conditionContract.updateCondition, 'Trigger', ofParent, (ctx, { params, body }) =>
    conditions.updateCondition(ctx, params.trigger_id, params.id, body),
  );
  routes.organization(conditionContract.deleteCondition, 'Trigger', ofParent, (ctx, { params }) =>
    conditions.deleteCondition(ctx, params.trigger_id, params.id),
  );

  routes.organization(actionContract.createAction, 'Trigger', ofParent, (ctx, { params, body }) =>
    actions.createAction(ctx, deps, params.trigger_id, body),
  );
  routes.organization(actionContract.listActions, 'Trigger', ofParent, (ctx, { params }) =>
    actions.listActions(ctx, params.trigger_id),
  );
  routes.organization(actionContract.updateAction, 'Trigger', ofParent, (ctx, { params, body }) =>
    actions.updateAction(ctx, deps, params.trigger_id, params.id, body),
  );
  routes.organization(actionContract.deleteAction, 'Trigger', ofParent, (ctx, { params }) =>
    actions.deleteAction(ctx, params.trigger_id, params.id),
  );
}
