import type { Executor } from '../../db/client.ts';
import { type ProvenLink, type Standing, standingAfter, type TransferFinding } from './standing.ts';
import { changeLink, holdLinksOf, type LinkChange, type LinkRow, newestLinks } from './store.ts';
import type { LinkStatus } from './table.ts';
import { type LinkTrace, leaveTraces } from './trail.ts';

/** What the record of a chain says about links, read in the transaction that it is given. */
export type JudgeTransfers = (
  tx: Executor,
  chainId: number,
  links: readonly ProvenLink[],
) => Promise<TransferFinding[]>;

/**
 * Brings the links of agents into line with the transfers that are now recorded. The last part of the transaction that
 * records them, so that no link outlives in the record the ownership that it rests on.
 */
export async function followTransfers(
  tx: Executor,
  { chainId, agentIds, now }: { chainId: number; agentIds: readonly string[]; now: Date },
  judge: JudgeTransfers,
): Promise<void> {
  await holdLinksOf(tx, chainId);
  const links = (await newestLinks(tx, chainId, agentIds)).filter(followsTransfers);
  if (links.length === 0) return;
  const findings = new Map((await judge(tx, chainId, links)).map((finding) => [finding.linkId, finding]));
  const traces: LinkTrace[] = [];
  for (const link of links) {
    const finding = findings.get(link.id);
    const standing = finding && standingAfter(link, finding);
    if (!standing || !differs(link, standing)) continue;
    const change = changeTo(standing, now);
    await changeLink(tx, link.id, change);
    traces.push({ action: ACTION[standing.status], link, before: link, after: change });
  }
  await leaveTraces(tx, { ...SYSTEM, clock: () => now }, traces);
}

/** What a person ended stays ended. */
const followsTransfers = ({ status, revokedReason }: LinkRow) =>
  status !== 'revoked' || revokedReason === 'transferred';

const differs = (link: LinkRow, { status, eventId }: Standing) =>
  link.status !== status || link.staleEventId !== eventId;

const changeTo = ({ status, eventId }: Standing, now: Date): LinkChange => ({
  status,
  staleEventId: eventId,
  revokedAt: status === 'revoked' ? now : null,
  revokedReason: status === 'revoked' ? 'transferred' : null,
});

const ACTION: Readonly<Record<LinkStatus, LinkTrace['action']>> = {
  active: 'agent.restore',
  stale: 'agent.stale',
  revoked: 'agent.revoke',
};

const SYSTEM = { principal: { kind: 'system', job: 'chain-watcher' }, requestId: '', address: '' } as const;
