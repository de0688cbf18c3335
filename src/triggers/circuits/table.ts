import { integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';
import { triggerActions } from '../rules/table.ts';
import type { CircuitState } from './circuit.ts';

/** The circuits of actions of which a delivery has failed lately; an action without a row has a closed one. */
export const actionCircuits = pgTable('action_circuits', {
  actionId: integer('action_id')
    .primaryKey()
    .references(() => triggerActions.id, { onDelete: 'cascade' }),
  organizationId: uuid('organization_id').notNull(),
  state: text('state').$type<CircuitState>().notNull(),
  failures: integer('failures').notNull(),
  recent: text('recent').notNull(),
  openings: integer('openings').notNull(),
  openedAt: moment('opened_at'),
  retryAt: moment('retry_at'),
  probe: uuid('probe'),
  reason: text('reason'),
});
