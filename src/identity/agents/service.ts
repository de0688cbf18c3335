import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import { CHAINS, type Chain, chainById, type WatchedChain } from '../../chain/chains.ts';
import { quotable } from '../../chain/siwe.ts';
import { AppError, invalidField, notFound } from '../../kernel/errors.ts';
import { holdOrganization } from '../organizations/hold.ts';
import { findOrganization, type OrganizationRow } from '../organizations/store.ts';
import { confirmStanding } from '../standing/standing.ts';
import { issueChallenge } from '../wallets/challenge.ts';
import * as contract from './contract.ts';
import * as store from './store.ts';
import { leaveTraces, traceChallenge } from './trail.ts';
import { linkToWire } from './wire.ts';

/** @throws AppError `validation_failed` for a chain that is not in the shipped table */
function shippedChain(chainId: number): Chain {
  const chain = chainById(chainId);
  if (chain) return chain;
  throw invalidField('chain_id', `must be one of ${CHAINS.map(({ id, name }) => `${id} (${name})`).join(', ')}`);
}

/** @throws AppError `service_unavailable` for a chain of the table that this deployment cannot ask */
export function askableChain(chains: readonly WatchedChain[], chainId: number): WatchedChain {
  const { name } = shippedChain(chainId);
  const chain = chains.find(({ id }) => id === chainId);
  if (chain) return chain;
  throw new AppError(
    'service_unavailable',
    `This deployment has no connection to ${name}, so it cannot ask who owns the agent`,
  );
}

interface ChallengeRequest {
  agent_id: string;
  chain_id: number;
  wallet_address: string;
}

interface ChallengeDeps {
  baseUrl: string;
}

export async function challengeAgent(ctx: OrganizationCtx, { baseUrl }: ChallengeDeps, input: ChallengeRequest) {
  permit(ctx, 'agents:write');
  const chain = shippedChain(input.chain_id);
  return ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'agents:write');
    const organization = await findOrganization(tx, ctx.organizationId);
    if (!organization) throw notFound('Organization');
    const wording = { baseUrl, path: contract.linkAgent.path, ...aboutLink(chain, input.agent_id, organization) };
    const binding = {
      purpose: 'link' as const,
      walletAddress: input.wallet_address,
      userId: ctx.principal.userId,
      organizationId: organization.id,
      chainId: chain.id,
      agentId: input.agent_id,
    };
    const issued = await issueChallenge(tx, binding, wording, ctx.clock());
    await traceChallenge(tx, ctx, 'agent.challenge', { ...binding, nonce: issued.data.nonce });
    return issued;
  });
}

/** What the text says is being agreed to. */
function aboutLink(chain: Chain, agentId: string, { id, name }: Pick<OrganizationRow, 'id' | 'name'>) {
  const agent = `eip155:${chain.id}:${chain.registries.identity}:${agentId}`;
  return {
    chainId: chain.id,
    statement: `Link agent ${agentId} on ${chain.name} to the organization '${quotable(name)}' (${id}).`,
    resources: ['urn:weir:action:link', `urn:weir:agent:${agent}`, `urn:weir:organization:${id}`],
  };
}

/** The document knows no pages here: who asks for none gets every link, within reason. */
const MAX_LINKS = 1_000;

interface LinkQuery {
  include_revoked: 'true' | 'false';
  limit?: number | undefined;
  offset: number;
}

export async function listLinkedAgents(
  ctx: OrganizationCtx,
  { include_revoked, limit = MAX_LINKS, offset }: LinkQuery,
) {
  permit(ctx, 'agents:read');
  const page = { includeRevoked: include_revoked === 'true', limit, offset };
  const rows = await store.listLinks(ctx.db.query, ctx.organizationId, page);
  return rows.map(linkToWire);
}

/** @throws AppError `forbidden` when the agent is linked elsewhere, which the document tells; `not_found` */
export async function unlinkAgent(ctx: OrganizationCtx, agent: store.AgentKey) {
  permit(ctx, 'agents:write');
  await ctx.db.transaction(async (tx) => {
    await holdOrganization(tx, ctx, 'agents:write');
    const ended = await store.endLink(tx, ctx.organizationId, agent, ctx.clock());
    if (!ended) {
      const elsewhere = await store.findStandingLink(tx, agent);
      if (elsewhere) throw new AppError('forbidden', 'Agent not linked to your organization');
      throw notFound('Agent link');
    }
    const after = { status: ended.status, revokedReason: ended.revokedReason };
    await leaveTraces(tx, ctx, [{ action: 'agent.unlink', link: ended, after }]);
  });
  return { message: 'Agent unlinked successfully' };
}
