import { rfc3339 } from '../../kernel/clock.ts';
import { showAgentId } from '../wallets/shapes.ts';
import type { LinkRow } from './store.ts';

/** A link as the public contract shows it. */
export const linkToWire = (row: LinkRow) => ({
  id: row.id,
  agent_id: showAgentId(row.agentId),
  chain_id: row.chainId,
  organization_id: row.organizationId,
  wallet_address: row.walletAddress,
  status: row.status,
  created_at: rfc3339(row.createdAt),
});
