import { index, integer, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import type { KeyEnvironment, KeyType } from '../../access/edge.ts';
import { moment } from '../../db/columns.ts';
import { organizations } from '../organizations/table.ts';

export const apiKeys = pgTable(
  'api_keys',
  {
    id: text('id').primaryKey(),
    organizationId: uuid('organization_id')
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    /** The first characters of the key, to tell it by. */
    prefix: text('prefix').notNull(),
    /** SHA-256 of the key, in hex. */
    hash: text('hash').notNull(),
    environment: text('environment').$type<KeyEnvironment>().notNull(),
    keyType: text('key_type').$type<KeyType>().notNull(),
    permissions: text('permissions').array().notNull(),
    rateLimitOverride: integer('rate_limit_override'),
    ipAllowlist: text('ip_allowlist').array(),
    endpoints: text('endpoints').array(),
    methods: text('methods').array(),
    createdAt: moment('created_at').notNull(),
    /** The user who made it, whether or not they are still a member. */
    createdBy: uuid('created_by').notNull(),
    expiresAt: moment('expires_at'),
    lastUsedAt: moment('last_used_at'),
    revokedAt: moment('revoked_at'),
    revokedReason: text('revoked_reason'),
  },
  (t) => [
    unique('api_keys_hash_key').on(t.hash),
    index('api_keys_organization_idx').on(t.organizationId, t.createdAt, t.id),
  ],
);
