import { sql } from 'drizzle-orm';
import { index, integer, json, jsonb, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core';
import type { EdgeLimit } from '../../access/edge.ts';
import { moment } from '../../db/columns.ts';
import { organizations } from '../../identity/organizations/table.ts';
import type { Lifecycle, PurgeGenerations, Visibility } from '../compiled.ts';
import type { ApiDefinition } from './definition.ts';

/**
 * Registered APIs. The definition is the truth, and the columns beside it are its copies for lists; `json` keeps the
 * order in which its author wrote it, which `jsonb` does not. Its secrets are sealed under `api:<id>:credential`.
 */
export const apis = pgTable(
  'apis',
  {
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id')
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    slug: text('slug').notNull(),
    name: text('name').notNull(),
    description: text('description'),
    visibility: text('visibility').$type<Visibility>().notNull(),
    status: text('status').$type<Lifecycle>().notNull(),
    definition: json('definition').$type<ApiDefinition>().notNull(),
    /** Counts the definitions that it has had. */
    revision: integer('revision').notNull(),
    /** Size of what is published of it. */
    compiledBytes: integer('compiled_bytes').notNull(),
    /** Of its endpoints, as they are published. */
    limits: json('limits').$type<EdgeLimit[]>().notNull(),
    purged: jsonb('purged').$type<PurgeGenerations>().notNull(),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
  },
  (t) => [
    unique('apis_slug_key').on(t.organizationId, t.slug),
    index('apis_organization_idx').on(t.organizationId, t.createdAt, t.id),
  ],
);

/** The definitions that an API has had, never changed; the oldest of many go. */
export const apiRevisions = pgTable(
  'api_revisions',
  {
    apiId: uuid('api_id')
      .notNull()
      .references(() => apis.id, { onDelete: 'cascade' }),
    revision: integer('revision').notNull(),
    definition: json('definition').$type<ApiDefinition>().notNull(),
    note: text('note'),
    actor: text('actor').notNull(),
    createdAt: moment('created_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.apiId, t.revision] })],
);

/** Hosts that an organization has shown or is about to show to be its own, for its upstreams. */
export const upstreamHosts = pgTable(
  'upstream_hosts',
  {
    organizationId: uuid('organization_id')
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    /** Lower case, without a port. */
    host: text('host').notNull(),
    /** What the host has to show. */
    token: text('token').notNull(),
    provenAt: moment('proven_at'),
    /** When it was last looked whether the host shows it. */
    checkedAt: moment('checked_at'),
    /** Since when a host that had shown it does not show it any more. */
    missingSince: moment('missing_since'),
    createdAt: moment('created_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.host] }),
    index('upstream_hosts_checked_idx').on(t.checkedAt).where(sql`proven_at is not null`),
  ],
);
