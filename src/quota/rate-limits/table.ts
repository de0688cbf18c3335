import { index, integer, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import type { LimitAlgorithm, LimitScope, LimitWindow } from '../../access/edge.ts';
import { moment } from '../../db/columns.ts';
import { organizations } from '../../identity/organizations/table.ts';

/** The limits that organizations set themselves. `LIMIT` and `WINDOW` are words of SQL, hence the columns' names. */
export const rateLimits = pgTable(
  'rate_limits',
  {
    id: text('id').primaryKey(),
    organizationId: uuid('organization_id')
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    scope: text('scope').$type<LimitScope>().notNull(),
    /** Which of the scope alone; `null`: each of them, counted apart. */
    target: text('target'),
    /** Quota units a window. */
    limit: integer('unit_limit').notNull(),
    window: text('time_window').$type<LimitWindow>().notNull(),
    algorithm: text('algorithm').$type<LimitAlgorithm>().notNull(),
    /** Units that a token bucket holds; `null`: as many as the limit. */
    burst: integer('burst'),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
  },
  (t) => [
    unique('rate_limits_name_key').on(t.organizationId, t.name),
    index('rate_limits_organization_idx').on(t.organizationId, t.createdAt, t.id),
  ],
);
