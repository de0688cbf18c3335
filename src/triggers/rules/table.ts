import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  customType,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import type { Registry } from '../../chain/events.ts';
import { moment } from '../../db/columns.ts';
import { organizations } from '../../identity/organizations/table.ts';
import type { ActionType } from '../actions/kinds.ts';

export const triggers = pgTable(
  'triggers',
  {
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id')
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    userId: uuid('user_id').notNull(),
    name: text('name').notNull(),
    description: text('description'),
    /** `null`: every watched chain. */
    chainId: bigint('chain_id', { mode: 'number' }),
    registry: text('registry').$type<Registry>().notNull(),
    enabled: boolean('enabled').notNull(),
    isStateful: boolean('is_stateful').notNull(),
    /** A trigger without conditions fires only when this is set. */
    matchAll: boolean('match_all').notNull().default(false),
    /** `null`: fire at the chain's own depth; 0: at once, with a retraction notice on a reorganization. */
    confirmations: integer('confirmations'),
    /** Goes up with every change to the trigger, its conditions or its actions; part of what makes a fire unique. */
    version: integer('version').notNull().default(1),
    /** Nothing in its conditions tells which events it is about. Counted while it is enabled. */
    broad: boolean('broad').notNull().default(false),
    /** Regular expressions in its conditions. Counted while it is enabled. */
    patterns: integer('patterns').notNull().default(0),
    /** Those of its conditions that remember. Counted while it is enabled. */
    statefulConditions: integer('stateful_conditions').notNull().default(0),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
  },
  (t) => [
    index('triggers_organization_idx').on(t.organizationId, t.createdAt),
    index('triggers_chain_idx').on(t.chainId),
  ],
);

export const triggerConditions = pgTable(
  'trigger_conditions',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    organizationId: uuid('organization_id').notNull(),
    triggerId: uuid('trigger_id')
      .notNull()
      .references(() => triggers.id, { onDelete: 'cascade' }),
    conditionType: text('condition_type').notNull(),
    field: text('field').notNull(),
    operator: text('operator').notNull(),
    value: text('value').notNull(),
    config: jsonb('config').$type<Record<string, unknown>>(),
    createdAt: moment('created_at').notNull(),
  },
  (t) => [index('trigger_conditions_trigger_idx').on(t.triggerId)],
);

export const triggerActions = pgTable(
  'trigger_actions',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    organizationId: uuid('organization_id').notNull(),
    triggerId: uuid('trigger_id')
      .notNull()
      .references(() => triggers.id, { onDelete: 'cascade' }),
    actionType: text('action_type').$type<ActionType>().notNull(),
    priority: integer('priority').notNull(),
    /** As sent, without its secret fields. */
    config: jsonb('config').$type<Record<string, unknown>>().notNull(),
    /** JSON of the secret fields of `config`, sealed under the context `action-secrets:<trigger id>`; null when none. */
    sealedSecrets: text('sealed_secrets'),
    /** The Standard Webhooks signing secret (`whsec_…`), sealed under `action-signing:<trigger id>`. */
    sealedSigningSecret: text('sealed_signing_secret').notNull(),
    createdAt: moment('created_at').notNull(),
  },
  (t) => [index('trigger_actions_trigger_idx').on(t.triggerId)],
);

const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' });

/**
 * Which triggers changed, in the transaction that changed them. A matcher reads what is at or after the oldest
 * transaction that was still open at its last reading, so that a change which commits late is not skipped.
 */
export const triggerChanges = pgTable(
  'trigger_changes',
  {
    id: bigserial('id', { mode: 'bigint' }).primaryKey(),
    triggerId: uuid('trigger_id').notNull(),
    xid: xid8('xid').notNull().default(sql`pg_current_xact_id()`),
    changedAt: moment('changed_at').notNull(),
  },
  (t) => [index('trigger_changes_xid_idx').on(t.xid)],
);
