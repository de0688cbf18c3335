import { sql } from 'drizzle-orm';
import { index, integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';
import type { SettledStatus } from '../deliveries/settled.ts';
import { triggers } from '../rules/table.ts';

export type ReplayStatus = 'running' | 'completed' | 'cancelled';

/**
 * A job that sends the deliveries of a range again. It is carried on in steps, each one transaction that also moves the
 * place it has come to, so that whoever takes the next step goes on exactly there.
 */
export const replays = pgTable(
  'replays',
  {
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id').notNull(),
    triggerId: uuid('trigger_id')
      .notNull()
      .references(() => triggers.id, { onDelete: 'cascade' }),
    status: text('status').$type<ReplayStatus>().notNull(),
    /** Deliveries made from here to there, both included, with one of the statuses when the job was made. */
    from: moment('range_from').notNull(),
    to: moment('range_to').notNull(),
    wanted: text('wanted').$type<SettledStatus | 'all'>().notNull(),
    actionId: integer('action_id'),
    /** Deliveries in the range when the job was made. */
    total: integer('total').notNull(),
    /** Of those looked at so far, how many are sent again; the rest had been sent again or taken back meanwhile. */
    done: integer('done').notNull().default(0),
    sent: integer('sent').notNull().default(0),
    /** The last delivery looked at. */
    afterCreatedAt: moment('after_created_at'),
    afterId: uuid('after_id'),
    /** When a step was last taken, so that jobs take turns. */
    steppedAt: moment('stepped_at').notNull(),
    createdAt: moment('created_at').notNull(),
    completedAt: moment('completed_at'),
  },
  (t) => [
    uniqueIndex('replays_running_key').on(t.triggerId).where(sql`status = 'running'`),
    index('replays_stepped_idx').on(t.steppedAt).where(sql`status = 'running'`),
    index('replays_completed_idx').on(t.completedAt).where(sql`completed_at is not null`),
  ],
);
