import { sql } from 'drizzle-orm';
import { bigint, index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';
import { organizations } from '../organizations/table.ts';

/** `stale`: the agent went to another owner in a block that may still go; only `active` gives rights. */
export const LINK_STATUSES = ['active', 'stale', 'revoked'] as const;

export type LinkStatus = (typeof LINK_STATUSES)[number];

/** Why a link was revoked. Only a transfer can be undone, by the chain itself. */
export type RevokedReason = 'unlinked' | 'relinked' | 'transferred';

/** Every link that was ever made; at most one of an agent stands. */
export const agentLinks = pgTable(
  'agent_links',
  {
    id: text('id').primaryKey(),
    organizationId: uuid('organization_id')
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    chainId: bigint('chain_id', { mode: 'number' }).notNull(),
    agentId: text('agent_id').notNull(),
    /** The owner who signed, lower-case. */
    walletAddress: text('wallet_address').notNull(),
    status: text('status').$type<LinkStatus>().notNull(),
    /** The block as of which the chain said that the wallet owns the agent. */
    provenBlock: bigint('proven_block', { mode: 'number' }).notNull(),
    createdBy: uuid('created_by').notNull(),
    createdAt: moment('created_at').notNull(),
    /** The transfer that made the link stale or revoked it. */
    staleEventId: text('stale_event_id'),
    revokedAt: moment('revoked_at'),
    revokedReason: text('revoked_reason').$type<RevokedReason>(),
  },
  (t) => [
    uniqueIndex('agent_links_standing_key').on(t.chainId, t.agentId).where(sql`status in ('active', 'stale')`),
    index('agent_links_agent_idx').on(t.chainId, t.agentId, t.id),
    index('agent_links_organization_idx').on(t.organizationId, t.id),
    index('agent_links_wallet_idx').on(t.walletAddress).where(sql`status = 'active'`),
  ],
);
