import { bigint, index, integer, jsonb, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';
import { chainEvents } from '../ingest/table.ts';
import { triggers } from '../rules/table.ts';
import type { StateValues } from '../state/machine.ts';

/** How far a chain's matcher has come in `chain_feed`. Moved only in the transaction that holds the batch's results. */
export const matcherCursors = pgTable('matcher_cursors', {
  chainId: bigint('chain_id', { mode: 'number' }).primaryKey(),
  seq: bigint('seq', { mode: 'number' }).notNull(),
});

/** `fire`: the trigger's conditions held; `retraction`: the event of an earlier fire was reorganized away. */
export type MatchKind = 'fire' | 'retraction';

export const triggerMatches = pgTable(
  'trigger_matches',
  {
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id').notNull(),
    triggerId: uuid('trigger_id')
      .notNull()
      .references(() => triggers.id, { onDelete: 'cascade' }),
    /** The version that fired. Not part of the key: a trigger that is edited does not fire again for the same event. */
    triggerVersion: integer('trigger_version').notNull(),
    /** What a stateful trigger keeps apart (an agent, say); empty where nothing is. */
    groupKey: text('group_key').notNull().default(''),
    eventId: text('event_id')
      .notNull()
      .references(() => chainEvents.id),
    /** How often the event was retracted before: an event whose block goes and comes back fires again. */
    appearance: integer('appearance').notNull().default(0),
    kind: text('kind').$type<MatchKind>().notNull(),
    /** What templates may show of what the trigger remembered when it fired. */
    state: jsonb('state').$type<StateValues>(),
    createdAt: moment('created_at').notNull(),
  },
  (t) => [
    unique('trigger_matches_fire_key').on(t.triggerId, t.groupKey, t.eventId, t.appearance, t.kind),
    index('trigger_matches_event_idx').on(t.eventId),
    index('trigger_matches_created_idx').on(t.createdAt),
  ],
);
