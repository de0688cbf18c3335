import { sql } from 'drizzle-orm';
import { bigint, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type { EventFields, Registry } from '../../chain/events.ts';
import { moment } from '../../db/columns.ts';

/** `observed`: seen in a block that may still go; `confirmed`: at the chain's depth; `reorged`: its block is gone. */
export type EventStatus = 'observed' | 'confirmed' | 'reorged';

/** Every decoded log of the watched registries, once per block it was seen in. */
export const chainEvents = pgTable(
  'chain_events',
  {
    id: text('id').primaryKey(),
    chainId: bigint('chain_id', { mode: 'number' }).notNull(),
    blockHash: text('block_hash').notNull(),
    logIndex: integer('log_index').notNull(),
    blockNumber: bigint('block_number', { mode: 'number' }).notNull(),
    blockTime: moment('block_time').notNull(),
    transactionHash: text('transaction_hash').notNull(),
    registry: text('registry').$type<Registry>().notNull(),
    address: text('address').notNull(),
    eventType: text('event_type').notNull(),
    agentId: text('agent_id'),
    fields: jsonb('fields').$type<EventFields>().notNull(),
    topics: jsonb('topics').$type<string[]>().notNull(),
    data: text('data').notNull(),
    status: text('status').$type<EventStatus>().notNull(),
    recordedAt: moment('recorded_at').notNull(),
  },
  (t) => [
    uniqueIndex('chain_events_log_key').on(t.chainId, t.blockHash, t.logIndex),
    index('chain_events_position_idx').on(t.chainId, t.blockNumber, t.logIndex),
    index('chain_events_agent_idx').on(t.agentId, t.chainId, t.blockNumber),
    index('chain_events_newest_idx').on(t.blockTime, t.id),
  ],
);

/** Logs of a watched registry that no known event shape fits: kept whole, so that a later release can decode them. */
export const undecodedLogs = pgTable(
  'undecoded_logs',
  {
    chainId: bigint('chain_id', { mode: 'number' }).notNull(),
    blockHash: text('block_hash').notNull(),
    logIndex: integer('log_index').notNull(),
    blockNumber: bigint('block_number', { mode: 'number' }).notNull(),
    transactionHash: text('transaction_hash').notNull(),
    address: text('address').notNull(),
    topics: jsonb('topics').$type<string[]>().notNull(),
    data: text('data').notNull(),
    reason: text('reason').notNull(),
    recordedAt: moment('recorded_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.chainId, t.blockHash, t.logIndex] })],
);

export type FeedOperation = 'event' | 'retract' | 'confirm';

/** Where an event stands after each. */
export const STATUS_AFTER: Readonly<Record<FeedOperation, EventStatus>> = {
  event: 'observed',
  retract: 'reorged',
  confirm: 'confirmed',
};

/**
 * What happened to events, in the order in which the chain's watcher saw it. `seq` is the watcher's own, so that
 * writing an entry again changes nothing; the matcher's cursor walks over it.
 */
export const chainFeed = pgTable(
  'chain_feed',
  {
    chainId: bigint('chain_id', { mode: 'number' }).notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    operation: text('operation').$type<FeedOperation>().notNull(),
    eventId: text('event_id')
      .notNull()
      .references(() => chainEvents.id),
    recordedAt: moment('recorded_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.chainId, t.seq] }),
    index('chain_feed_retract_idx').on(t.eventId, t.seq).where(sql`operation = 'retract'`),
  ],
);
