import { bigint, index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';

/** What a signed challenge is good for. Part of the row and of the text, so that none can be used for another. */
export type ChallengePurpose = 'link' | 'login';

/**
 * Texts that wallets were asked to sign, each until it is used or expires. No foreign keys: anyone may ask to log in,
 * and must not learn from the answer which organizations there are.
 */
export const walletChallenges = pgTable(
  'wallet_challenges',
  {
    nonce: text('nonce').primaryKey(),
    purpose: text('purpose').$type<ChallengePurpose>().notNull(),
    /** Exactly what is to be signed. */
    message: text('message').notNull(),
    /** Lower-case. */
    walletAddress: text('wallet_address').notNull(),
    /** Who asked to link an agent; nobody is signed in yet at a login. */
    userId: uuid('user_id'),
    /** For a login only where the wallet named one. */
    organizationId: uuid('organization_id'),
    chainId: bigint('chain_id', { mode: 'number' }),
    agentId: text('agent_id'),
    expiresAt: moment('expires_at').notNull(),
  },
  (t) => [index('wallet_challenges_expiry_idx').on(t.expiresAt)],
);
