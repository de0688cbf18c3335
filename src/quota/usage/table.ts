import { bigint, foreignKey, index, jsonb, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';
import { organizations } from '../../identity/organizations/table.ts';
import type { QuotaEvent } from './window.ts';

const count = (name: string) => bigint(name, { mode: 'number' }).notNull();

const organizationId = () =>
  uuid('organization_id')
    .notNull()
    .references(() => organizations.id, { onDelete: 'cascade' });

/** Calls by query tier. */
const calls = () => ({
  tier0Calls: count('tier0_calls'),
  tier1Calls: count('tier1_calls'),
  tier2Calls: count('tier2_calls'),
  tier3Calls: count('tier3_calls'),
});

/** What an organization used in an hourly window that is over. */
export const usageWindows = pgTable(
  'usage_windows',
  {
    organizationId: organizationId(),
    startedAt: moment('started_at').notNull(),
    endedAt: moment('ended_at').notNull(),
    units: count('units'),
    /** Units that the window held. */
    unitLimit: count('unit_limit'),
    ...calls(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.startedAt] }), index('usage_windows_started_idx').on(t.startedAt)],
);

/** How a window's units divide among those who drew them. */
export const usageDrawers = pgTable(
  'usage_drawers',
  {
    organizationId: uuid('organization_id').notNull(),
    startedAt: moment('started_at').notNull(),
    /** `key:<id>`, `user:<id>`, `wallet:<0x…>` or `anonymous`, whether or not there still is one. */
    drawer: text('drawer').notNull(),
    units: count('units'),
    ...calls(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.startedAt, t.drawer] }),
    foreignKey({
      name: 'usage_drawers_window_fk',
      columns: [t.organizationId, t.startedAt],
      foreignColumns: [usageWindows.organizationId, usageWindows.startedAt],
    }).onDelete('cascade'),
  ],
);

/** What an organization is to be told of, each once. */
export const organizationEvents = pgTable(
  'organization_events',
  {
    id: uuid('id').primaryKey(),
    organizationId: organizationId(),
    type: text('type').$type<QuotaEvent['type']>().notNull(),
    dedupeKey: text('dedupe_key').notNull(),
    data: jsonb('data').$type<QuotaEvent['data']>().notNull(),
    occurredAt: moment('occurred_at').notNull(),
  },
  (t) => [
    unique('organization_events_dedupe_key').on(t.organizationId, t.dedupeKey),
    index('organization_events_occurred_idx').on(t.occurredAt),
  ],
);
