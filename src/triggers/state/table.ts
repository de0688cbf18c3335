import { sql } from 'drizzle-orm';
import { bigint, boolean, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { triggerConditions, triggers } from '../rules/table.ts';
import type { Memory } from './machine.ts';

/**
 * What the conditions of triggers remember, by condition and by what is kept apart. Moved only in the transaction that
 * moves the chain's cursor, so that it is always that of the feed up to there.
 */
export const triggerStates = pgTable(
  'trigger_states',
  {
    triggerId: uuid('trigger_id')
      .notNull()
      .references(() => triggers.id, { onDelete: 'cascade' }),
    conditionId: integer('condition_id')
      .notNull()
      .references(() => triggerConditions.id, { onDelete: 'cascade' }),
    /** The chain, and the agent where each has a memory of its own: `8453`, `8453:42`. */
    groupKey: text('group_key').notNull(),
    chainId: bigint('chain_id', { mode: 'number' }).notNull(),
    /** Of the condition as it was when this was remembered: under another definition it means nothing. */
    fingerprint: text('fingerprint').notNull(),
    memory: jsonb('memory').$type<Memory>().notNull(),
    /** Whether the condition held when it was last asked. */
    held: boolean('held').notNull(),
    /** When it may hold without another event, in seconds since 1970 of the chain's time. */
    dueAt: bigint('due_at', { mode: 'number' }),
    /** From when on, likewise, the memory is as good as none. */
    endsAt: bigint('ends_at', { mode: 'number' }).notNull(),
    /** The event that is told of then. */
    anchorEventId: text('anchor_event_id'),
    anchorAppearance: integer('anchor_appearance'),
  },
  (t) => [
    primaryKey({ columns: [t.conditionId, t.groupKey] }),
    index('trigger_states_due_idx').on(t.chainId, t.dueAt).where(sql`due_at is not null`),
    index('trigger_states_ends_idx').on(t.chainId, t.endsAt),
    index('trigger_states_trigger_idx').on(t.triggerId),
  ],
);
