import { bigint, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';

/** The end of each organization's chain: the row that comes next builds on it. No foreign key: the trail outlives all. */
export const auditHeads = pgTable('audit_heads', {
  organizationId: uuid('organization_id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).notNull(),
  hash: text('hash').notNull(),
});

/**
 * One row per write. `hash` is SHA-256 (hex) over the hash before it, the row's `seq` and its `content`, so that no row
 * can be changed, left out or put in without every later hash being wrong. The other columns repeat what `content`
 * says, to filter by.
 */
export const auditLogs = pgTable(
  'audit_logs',
  {
    organizationId: uuid('organization_id').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    hash: text('hash').notNull(),
    /** JSON text exactly as it was hashed. */
    content: text('content').notNull(),
    actor: text('actor').notNull(),
    action: text('action').notNull(),
    targetType: text('target_type').notNull(),
    targetId: text('target_id').notNull(),
    createdAt: moment('created_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.seq] }),
    index('audit_logs_action_idx').on(t.organizationId, t.action, t.seq),
    index('audit_logs_actor_idx').on(t.organizationId, t.actor, t.seq),
    index('audit_logs_target_idx').on(t.organizationId, t.targetType, t.targetId, t.seq),
  ],
);
