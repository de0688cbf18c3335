import type { Ctx, OrganizationCtx } from '../../access/ctx.ts';
import type { Executor } from '../../db/client.ts';
import { audit } from '../../telemetry/audit.ts';
import { showAgentId } from '../wallets/shapes.ts';
import type { ChallengeRow } from '../wallets/store.ts';
import type { LinkRow } from './store.ts';

export interface LinkTrace {
  action: 'agent.link' | 'agent.unlink' | 'agent.stale' | 'agent.revoke' | 'agent.restore';
  link: LinkRow;
  before?: Partial<LinkRow>;
  after?: Partial<LinkRow>;
}

type TraceCtx = Pick<Ctx, 'principal' | 'requestId' | 'address' | 'clock'>;

/**
 * Audit rows about links that may be of several organizations: always in the order of these, so that two transactions
 * that write to the same trails cannot wait for each other.
 */
export async function leaveTraces(tx: Executor, ctx: TraceCtx, traces: readonly LinkTrace[]): Promise<void> {
  const ordered = traces.toSorted((a, b) => (a.link.organizationId < b.link.organizationId ? -1 : 1));
  for (const { action, link, before, after } of ordered) {
    await audit(tx, ctx, {
      action,
      target: { type: 'agent_link', id: link.id },
      organizationId: link.organizationId,
      ...(before && { before: { ...agentOf(link), ...facts(before) } }),
      ...(after && { after: { ...agentOf(link), ...facts(after) } }),
    });
  }
}

/** A row about a text to link an agent with: asked for, or used up, whatever came of it. */
export async function traceChallenge(
  tx: Executor,
  ctx: OrganizationCtx,
  action: 'agent.challenge' | 'agent.use_challenge',
  { nonce, agentId, chainId, walletAddress }: Pick<ChallengeRow, 'nonce' | 'agentId' | 'chainId' | 'walletAddress'>,
): Promise<void> {
  const claim = { agent_id: agentId && showAgentId(agentId), chain_id: chainId, wallet_address: walletAddress };
  const target = { type: 'agent_challenge', id: nonce };
  await audit(tx, ctx, { action, target, ...(action === 'agent.challenge' ? { after: claim } : { before: claim }) });
}

const agentOf = ({ agentId, chainId, walletAddress }: LinkRow) => ({
  agent_id: showAgentId(agentId),
  chain_id: chainId,
  wallet_address: walletAddress,
});

const facts = ({ status, revokedReason, staleEventId }: Partial<LinkRow>) => ({
  status,
  ...(revokedReason && { reason: revokedReason }),
  ...(staleEventId && { event_id: staleEventId }),
});
