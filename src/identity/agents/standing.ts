import type { LinkStatus } from './table.ts';

/** A link whose standing depends on the transfers of its agent. */
export interface ProvenLink {
  id: string;
  agentId: string;
  walletAddress: string;
  provenBlock: number;
}

/** What the recorded transfers of an agent say about one of its links; those that were taken back say nothing. */
export interface TransferFinding {
  linkId: string;
  /** The first confirmed transfer to somebody else after the block of the proof. */
  confirmedAway: string | null;
  /** The first such transfer in a block that may still go. */
  observedAway: string | null;
  /** Whom the newest transfer of all went to. */
  lastTo: string | null;
}

export interface Standing {
  status: LinkStatus;
  eventId: string | null;
}

/**
 * Where a link stands is a function of the transfers alone, so that it comes out the same in whatever order and in
 * however many pieces they were recorded. A transfer away ends the link even if the agent came back since: its owner
 * may link it again. When the newest transfer is older than the proof and contradicts it, the blocks in which the wallet
 * got the agent are gone, or have not been read yet: the link waits.
 */
export function standingAfter(link: ProvenLink, { confirmedAway, observedAway, lastTo }: TransferFinding): Standing {
  if (confirmedAway !== null) return { status: 'revoked', eventId: confirmedAway };
  if (observedAway !== null) return { status: 'stale', eventId: observedAway };
  if (lastTo !== null && lastTo !== link.walletAddress) return { status: 'stale', eventId: null };
  return { status: 'active', eventId: null };
}
