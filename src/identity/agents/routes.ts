import type { CallerCtx } from '../../access/ctx.ts';
import type { Routes } from '../../http/route.ts';
import * as contract from './contract.ts';
import { type LinkDeps, linkAgent } from './link.ts';
import { challengeAgent, listLinkedAgents, unlinkAgent } from './service.ts';

const ofBody = async (_: CallerCtx, { body }: { body: { organization_id: string } }) => body.organization_id;
const ofQuery = async (_: CallerCtx, { query }: { query: { organization_id: string } }) => query.organization_id;

export function addAgentRoutes(routes: Routes, deps: LinkDeps) {
  routes.organization(contract.challengeAgent, 'Organization', ofBody, (ctx, { body }) =>
    challengeAgent(ctx, deps, body),
  );
  routes.organization(contract.linkAgent, 'Organization', ofBody, (ctx, { body }) => linkAgent(ctx, deps, body));
  routes.organization(contract.listLinkedAgents, 'Organization', ofQuery, (ctx, { query }) =>
    listLinkedAgents(ctx, query),
  );
  routes.organization(contract.unlinkAgent, 'Organization', ofQuery, (ctx, { params, query }) =>
    unlinkAgent(ctx, { agentId: params.agent_id, chainId: query.chain_id }),
  );
}
