import { sql } from 'drizzle-orm';
import { bigint, boolean, index, pgTable, uuid } from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';

/**
 * Which version of an organization the edge should know and which it does. A row outlives its organization, so that the
 * deletion is published like any other change.
 */
export const organizationEdges = pgTable(
  'organization_edges',
  {
    organizationId: uuid('organization_id').primaryKey(),
    version: bigint('version', { mode: 'number' }).notNull(),
    /** Version at which its registered APIs last changed; 0 while it never had one. */
    gatewayVersion: bigint('gateway_version', { mode: 'number' }).notNull().default(0),
    acked: bigint('acked', { mode: 'number' }).notNull().default(0),
    deleted: boolean('deleted').notNull().default(false),
    /** When the sweep last tried, so that objects which cannot be reached do not hold up the others. */
    sweptAt: moment('swept_at'),
  },
  (t) => [index('organization_edges_behind_idx').on(t.sweptAt).where(sql`acked < version`)],
);
