import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import type { WatchedChain } from '../../chain/chains.ts';
import { readOwner } from '../../chain/ownership.ts';
import type { Executor } from '../../db/client.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import { newId } from '../../kernel/id.ts';
import { holdOrganization } from '../organizations/hold.ts';
import { confirmStanding } from '../standing/standing.ts';
import { askingChain, chainUnavailable, checkChallenge, isSigned, spendChallenge } from '../wallets/challenge.ts';
import { askableChain } from './service.ts';
import * as store from './store.ts';
import { type LinkTrace, leaveTraces, traceChallenge } from './trail.ts';
import type { JudgeTransfers } from './transfers.ts';
import { linkToWire } from './wire.ts';

export interface LinkDeps {
  baseUrl: string;
  chains: readonly WatchedChain[];
  judgeTransfers: JudgeTransfers;
}

interface LinkRequest {
  agent_id: string;
  chain_id: number;
  wallet_address: string;
  challenge: string;
  signature: string;
}

/**
 * Links an agent to the organization: the wallet signs the text that we issued, and the chain says that the wallet owns
 * the agent.
 * @throws AppError `bad_request` for a challenge or signature that is no good; `forbidden` when the wallet is not the
 * owner; `not_found` for an agent that does not exist; `conflict`; `service_unavailable` when the chain does not answer
 */
export async function linkAgent(ctx: OrganizationCtx, deps: LinkDeps, input: LinkRequest) {
  permit(ctx, 'agents:write');
  const { chain, provenBlock } = await prove(ctx, deps.chains, input);
  const now = ctx.clock();
  const link: store.LinkRow = {
    id: newId('link'),
    organizationId: ctx.organizationId,
    chainId: chain.id,
    agentId: input.agent_id,
    walletAddress: input.wallet_address,
    status: 'active',
    provenBlock,
    createdBy: ctx.principal.userId,
    createdAt: now,
    staleEventId: null,
    revokedAt: null,
    revokedReason: null,
  };
  await ctx.db.transaction(async (tx) => {
    await holdOrganization(tx, ctx, 'agents:write');
    await store.holdLinksOf(tx, chain.id);
    await refuseIfGone(tx, deps.judgeTransfers, link);
    const replaced = await replaceFormer(tx, chain, link);
    await store.insertLink(tx, link);
    await leaveTraces(tx, ctx, [...replaced, { action: 'agent.link', link, after: { status: link.status } }]);
  });
  return linkToWire(link);
}

/** The block as of which the signer owns the agent. */
async function prove(ctx: OrganizationCtx, chains: readonly WatchedChain[], input: LinkRequest) {
  const now = ctx.clock();
  const walletAddress = input.wallet_address;
  const binding = {
    purpose: 'link' as const,
    walletAddress,
    userId: ctx.principal.userId,
    organizationId: ctx.organizationId,
    chainId: input.chain_id,
    agentId: input.agent_id,
  };
  const spent = await ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'agents:write');
    const taken = await spendChallenge(tx, input.challenge, binding);
    await traceChallenge(tx, ctx, 'agent.use_challenge', taken);
    return taken;
  });
  const { message } = checkChallenge(spent, input.challenge, now);
  const chain = askableChain(chains, input.chain_id);
  const signed = { text: message, address: walletAddress, signature: input.signature };
  if (!(await isSigned(chain, signed, now))) throw new AppError('bad_request', 'Invalid signature');
  const ownership = await askingChain(chain, readOwner(chain, input.agent_id, now));
  if (!ownership) throw notFound('Agent');
  if (ownership.owner !== walletAddress) throw notOwner();
  return { chain, provenBlock: ownership.blockNumber };
}

const notOwner = () => new AppError('forbidden', 'Wallet does not own this agent NFT');

/** The chain was asked before this transaction: a transfer away may have been recorded since. */
async function refuseIfGone(tx: Executor, judge: JudgeTransfers, link: store.LinkRow) {
  const [finding] = await judge(tx, link.chainId, [link]);
  if (finding && (finding.confirmedAway ?? finding.observedAway) !== null) throw notOwner();
}

/** Makes room for the present owner's link. Only a link that rests on the same ownership is in its way. */
async function replaceFormer(tx: Executor, chain: WatchedChain, link: store.LinkRow): Promise<LinkTrace[]> {
  const former = await store.findStandingLink(tx, link);
  if (!former) return [];
  if (former.status === 'active' && former.walletAddress === link.walletAddress) {
    throw new AppError('conflict', 'Agent is already linked to an organization');
  }
  // The endpoint is behind the one that the former link was proved with: its owner may be the one before.
  if (former.provenBlock > link.provenBlock) throw chainUnavailable(chain);
  const revoked = {
    status: 'revoked',
    staleEventId: former.staleEventId,
    revokedAt: link.createdAt,
    revokedReason: 'relinked',
  } as const;
  await store.changeLink(tx, former.id, revoked);
  return [{ action: 'agent.revoke', link: former, before: { status: former.status }, after: revoked }];
}
