import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  index,
  integer,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';
import type { CallRecord } from '../../gateway/index.ts';

const bytes = (name: string) => bigint(name, { mode: 'number' });

/**
 * Calls of registered APIs. Partitioned by the day (UTC) of `at`, which Drizzle cannot say: drizzle/repeated/request_logs.sql
 * does. The key both bars doubles of a message that arrives again and lists an organization's calls in order. An organization
 * that goes leaves its calls to the hourly job: a foreign key would be looked up for each of them.
 */
export const requestLogs = pgTable(
  'request_logs',
  {
    organizationId: uuid('organization_id').notNull(),
    at: moment('at').notNull(),
    /** Of the message that brought it, and its place there, from 0. */
    messageId: uuid('message_id').notNull(),
    position: smallint('position').notNull(),
    requestId: text('request_id').notNull(),
    api: text('api'),
    version: text('version'),
    endpointId: text('endpoint_id'),
    route: text('route'),
    method: text('method').notNull(),
    status: smallint('status').notNull(),
    error: text('error').$type<CallRecord['error']>(),
    cost: integer('cost').notNull(),
    caller: text('caller').$type<CallRecord['caller']>(),
    keyId: text('key_id'),
    isTest: boolean('is_test').notNull(),
    upstreamId: text('upstream_id'),
    cache: text('cache').$type<CallRecord['cache']>(),
    attempts: smallint('attempts').notNull(),
    durationMs: integer('duration_ms').notNull(),
    waitingMs: integer('waiting_ms'),
    upstreamMs: integer('upstream_ms'),
    requestBytes: bytes('request_bytes'),
    responseBytes: bytes('response_bytes'),
    colo: text('colo'),
    country: text('country'),
  },
  (t) => [
    primaryKey({ name: 'request_logs_pkey', columns: [t.organizationId, t.at, t.messageId, t.position] }),
    index('request_logs_api_idx').on(t.organizationId, t.api, t.at),
    index('request_logs_key_idx').on(t.organizationId, t.keyId, t.at).where(sql`key_id is not null`),
    index('request_logs_failed_idx').on(t.organizationId, t.at).where(sql`status >= 400`),
  ],
);

/** How many calls were served of which nothing else is known. */
export const requestLogLosses = pgTable(
  'request_log_losses',
  {
    messageId: uuid('message_id').notNull(),
    /** Null: of organizations that were not counted apart. */
    organizationId: uuid('organization_id'),
    /** When it was told: the calls were served in the seconds or minutes before. */
    at: moment('at').notNull(),
    records: integer('records').notNull(),
  },
  (t) => [
    unique('request_log_losses_key').on(t.messageId, t.organizationId).nullsNotDistinct(),
    index('request_log_losses_organization_idx').on(t.organizationId, t.at),
    index('request_log_losses_at_idx').on(t.at),
  ],
);
