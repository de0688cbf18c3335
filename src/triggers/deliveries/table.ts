import { sql } from 'drizzle-orm';
import { bigint, index, integer, pgTable, primaryKey, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { moment } from '../../db/columns.ts';
import type { AttemptOutcome, DeliveryStatus } from '../../outbound/attempt.ts';
import type { ActionType } from '../actions/kinds.ts';
import { type MatchKind, triggerMatches } from '../matching/table.ts';
import { triggerActions, triggers } from '../rules/table.ts';

/** One action of one match. The row is the truth about it; a queue message only says that it may be due. */
export const deliveries = pgTable(
  'deliveries',
  {
    /** Also the `webhook-id` that a receiver deduplicates on: the same over all attempts. */
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id').notNull(),
    triggerId: uuid('trigger_id')
      .notNull()
      .references(() => triggers.id, { onDelete: 'cascade' }),
    actionId: integer('action_id')
      .notNull()
      .references(() => triggerActions.id, { onDelete: 'cascade' }),
    matchId: uuid('match_id')
      .notNull()
      .references(() => triggerMatches.id, { onDelete: 'cascade' }),
    kind: text('kind').$type<MatchKind>().notNull(),
    /** For a retraction: the delivery that it takes back. */
    retracts: uuid('retracts'),
    actionType: text('action_type').$type<ActionType>().notNull(),
    /** What claims are counted by: organization and destination, so that a slow receiver cannot hold every sender. */
    endpoint: text('endpoint').notNull(),
    status: text('status').$type<DeliveryStatus>().notNull(),
    attempts: integer('attempts').notNull().default(0),
    /** Attempts that count for nothing in its present schedule: those made before it began, and those that only put it off. */
    attemptsBefore: integer('attempts_before').notNull().default(0),
    /** What waits at an endpoint is taken in ascending lanes; see `REPLAY_LANE`. */
    lane: integer('lane').notNull().default(0),
    nextAttemptAt: moment('next_attempt_at').notNull(),
    leaseUntil: moment('lease_until'),
    /** Which of its endpoint's places the delivery in flight takes; see `deliveries_slot_key`. */
    slot: integer('slot'),
    /** When the sweep last sent a hint for it, so that a full queue is not filled further. */
    hintedAt: moment('hinted_at'),
    /** Set when the event is retracted before the delivery has settled: no further attempt is made. */
    cancelledAt: moment('cancelled_at'),
    lastError: text('last_error'),
    createdAt: moment('created_at').notNull(),
    completedAt: moment('completed_at'),
  },
  (t) => [
    unique('deliveries_match_action_key').on(t.matchId, t.actionId),
    index('deliveries_trigger_idx').on(t.triggerId, t.createdAt, t.id),
    index('deliveries_organization_idx').on(t.organizationId, t.createdAt, t.id),
    index('deliveries_completed_idx').on(t.completedAt).where(sql`completed_at is not null`),
    index('deliveries_replayed_idx').on(t.triggerId).where(sql`lane = 1 and status in ('pending', 'in_flight')`),
    index('deliveries_action_idx').on(t.actionId, t.nextAttemptAt).where(sql`status = 'pending'`),
    index('deliveries_due_idx').on(t.nextAttemptAt).where(sql`status = 'pending'`),
    // Bounds what is in flight to an endpoint: there are only so many slots, and no two deliveries can hold the same.
    uniqueIndex('deliveries_slot_key').on(t.endpoint, t.slot).where(sql`status = 'in_flight'`),
    index('deliveries_lease_idx').on(t.leaseUntil).where(sql`status = 'in_flight'`),
    index('deliveries_waiting_idx').on(t.endpoint, t.lane, t.nextAttemptAt).where(sql`status = 'pending'`),
  ],
);

/** How many deliveries the fires of an organization's triggers have asked for in an hour of the clock. */
export const deliveryAllowances = pgTable(
  'delivery_allowances',
  {
    organizationId: uuid('organization_id').notNull(),
    /** When the hour began. */
    hour: moment('hour').notNull(),
    /** Those beyond the allowance included. */
    asked: bigint('asked', { mode: 'number' }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.hour] }), index('delivery_allowances_hour_idx').on(t.hour)],
);

export const deliveryAttempts = pgTable(
  'delivery_attempts',
  {
    deliveryId: uuid('delivery_id')
      .notNull()
      .references(() => deliveries.id, { onDelete: 'cascade' }),
    attempt: integer('attempt').notNull(),
    startedAt: moment('started_at').notNull(),
    durationMs: integer('duration_ms').notNull(),
    outcome: text('outcome').$type<AttemptOutcome>().notNull(),
    responseStatus: integer('response_status'),
    /** The first bytes of the answer, as text; bounded by the sender. */
    responseExcerpt: text('response_excerpt'),
    error: text('error'),
  },
  (t) => [primaryKey({ columns: [t.deliveryId, t.attempt] })],
);
