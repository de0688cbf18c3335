/** A value that SQLite holds here. */
export type SqlValue = string | number | null;

/** The part of a Durable Object's storage that the ledger uses, so that it can stand on any SQLite in tests. */
export interface LedgerStorage {
  readonly sql: {
    exec<T extends Record<string, SqlValue>>(statement: string, ...bindings: SqlValue[]): { toArray(): T[] };
  };
  /** Runs `work` in one transaction; a throw undoes all of it. */
  transactionSync<T>(work: () => T): T;
}

/**
 * block: hashes and times of the blocks from finality to the cursor, without a gap, the cursor's own included.
 * log: logs of blocks that are not final, and of those whose outbox entries are not yet written to Postgres.
 *   `state`: `seen`, `confirmed`, or `gone` when its block was reorganized away.
 *   `is_event`: whether it was delivered as an event (1) or as undecodable (0); null before. Decided once, since a later
 *   release may decode what this one cannot, and what takes an event back or confirms it must find it in Postgres.
 * log_part: the data of a log that is too long for a row (a row holds 2 MB, and a log can be longer).
 * outbox: what Postgres has not acknowledged, in the order in which it happened.
 * meta: one value per key.
 */
export const SCHEMA = [
  'create table if not exists meta (key text primary key, value text not null) without rowid',
  'create table if not exists block (n integer primary key, hash text not null, time integer not null)',
  `create table if not exists log (
    block_hash text not null, log_index integer not null, n integer not null, time integer not null,
    tx_hash text not null, address text not null, topics text not null, data text not null, size integer not null,
    state text not null, is_event integer, primary key (block_hash, log_index)) without rowid`,
  'create index if not exists log_position on log (n, log_index)',
  "create index if not exists log_unconfirmed on log (n, log_index) where state = 'seen'",
  `create table if not exists log_part (
    block_hash text not null, log_index integer not null, part integer not null, data text not null,
    primary key (block_hash, log_index, part))`,
  `create table if not exists outbox (
    seq integer primary key, op text not null, block_hash text not null, log_index integer not null)`,
  'create index if not exists outbox_log on outbox (block_hash, log_index)',
] as const;
