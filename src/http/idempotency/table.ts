import { index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';

/** The answers that are replayed to a request that comes again with the same `Idempotency-Key`. */
export const idempotentAnswers = pgTable(
  'idempotent_answers',
  {
    principal: text('principal').notNull(),
    key: text('key').notNull(),
    /** The attempt that took the key: it alone stores its answer or gives the key back. */
    holder: text('holder').notNull(),
    /** Keyed hash of method, address and body: a body may hold a password, which a plain hash would give away. */
    fingerprint: text('fingerprint').notNull(),
    /** Of the answer; 0 as long as the attempt is under way. */
    status: integer('status').notNull(),
    /** The body, sealed: it may hold what is shown only once. */
    sealedBody: text('sealed_body'),
    /** The organization that the request was about, so that a replay can see to it that the edge knows. */
    organizationId: text('organization_id'),
    /** When the key is free again: soon for an attempt that is under way, which may never end. */
    expiresAt: moment('expires_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.principal, t.key] }), index('idempotent_answers_expiry_idx').on(t.expiresAt)],
);
