import { sql } from 'drizzle-orm';
import { index, jsonb, pgTable, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { moment } from '../../../db/columns.ts';
import { organizations } from '../../../identity/organizations/table.ts';
import { apis } from '../table.ts';
import type { Branding, DomainStatus } from './definition.ts';

/**
 * Host names under which organizations want their APIs to be reached. Several may claim the same one, and one of them has
 * it: the first that shows it to be its own.
 */
export const domains = pgTable(
  'domains',
  {
    id: text('id').primaryKey(),
    organizationId: uuid('organization_id')
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    /** In ASCII, lower case, without a dot at its end. */
    host: text('host').notNull(),
    /** What the host has to show. */
    token: text('token').notNull(),
    status: text('status').$type<DomainStatus>().notNull(),
    /** The API that every path of it belongs to; without one the first segment names the API. */
    apiId: uuid('api_id').references(() => apis.id, { onDelete: 'set null' }),
    branding: jsonb('branding').$type<Branding>().notNull(),
    verifiedAt: moment('verified_at'),
    /** When it was last looked whether the host shows what it has to. */
    checkedAt: moment('checked_at'),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
  },
  (t) => [
    unique('domains_host_key').on(t.organizationId, t.host),
    uniqueIndex('domains_verified_key').on(t.host).where(sql`status = 'verified'`),
    index('domains_api_idx').on(t.apiId),
  ],
);
