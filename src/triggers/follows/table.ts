import { bigint, boolean, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import type { Registry } from '../../chain/events.ts';
import { moment } from '../../db/columns.ts';
import { organizations } from '../../identity/organizations/table.ts';
import { triggers } from '../rules/table.ts';

/** An organization follows an agent: a name for triggers that were made together, at most one for each registry. */
export const agentFollows = pgTable(
  'agent_follows',
  {
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id')
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    userId: uuid('user_id').notNull(),
    chainId: bigint('chain_id', { mode: 'number' }).notNull(),
    /** A uint256 in decimal. */
    agentId: text('agent_id').notNull(),
    enabled: boolean('enabled').notNull(),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
  },
  (t) => [unique('agent_follows_agent_key').on(t.organizationId, t.chainId, t.agentId)],
);

export const agentFollowTriggers = pgTable(
  'agent_follow_triggers',
  {
    triggerId: uuid('trigger_id')
      .primaryKey()
      .references(() => triggers.id, { onDelete: 'cascade' }),
    followId: uuid('follow_id')
      .notNull()
      .references(() => agentFollows.id, { onDelete: 'cascade' }),
    registry: text('registry').$type<Registry>().notNull(),
  },
  (t) => [unique('agent_follow_triggers_registry_key').on(t.followId, t.registry)],
);
