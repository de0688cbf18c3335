import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import { ownOrganization } from '../../identity/index.ts';
import type { ActionDeps } from '../rules/action-service.ts';
import * as contract from './contract.ts';
import { followAgent, getFollow, listFollows, unfollowAgent, updateFollow } from './service.ts';

interface OfAgent {
  params: { agent_id: string };
  query: { organization_id?: string | undefined; chain_id?: number | undefined };
}

const ofQuery = async (ctx: CallerCtx, { query }: OfAgent) => query.organization_id ?? (await ownOrganization(ctx));

const named = ({ params, query }: OfAgent) => ({ agentId: params.agent_id, chainId: query.chain_id });

export function addFollowRoutes(routes: Routes, deps: ActionDeps) {
  routes.organization(
    contract.followAgent,
    'Organization',
    async (ctx, { body }) => body.organization_id ?? (await ownOrganization(ctx)),
    (ctx, { params, body }) => followAgent(ctx, deps, { agentId: params.agent_id, ...body }),
  );
  routes.caller(
    contract.listFollows,
    ({ query }) => query.organization_id,
    (ctx, { query }) => listFollows(ctx, query),
  );
  routes.organization(contract.getFollow, 'Organization', ofQuery, (ctx, input) => getFollow(ctx, named(input)));
  routes.organization(contract.updateFollow, 'Organization', ofQuery, (ctx, input) =>
    updateFollow(ctx, deps, named(input), input.body),
  );
  routes.organization(contract.unfollowAgent, 'Organization', ofQuery, (ctx, input) =>
    unfollowAgent(ctx, named(input)),
  );
}
