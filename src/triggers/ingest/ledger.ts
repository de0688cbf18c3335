import type { BlockHeader } from '../../chain/rpc.ts';
import { type KnownLog, LedgerLogs, type LogKey, type TimedLog } from './ledger-logs.ts';
import { type LedgerStorage, SCHEMA, type SqlValue } from './ledger-schema.ts';
import type { FeedOperation } from './table.ts';

/** The last block read. `hash` is `null` only before block 0, below which there is nothing to compare. */
export interface Cursor {
  number: number;
  hash: string | null;
}

/** Blocks read in one piece: everything from the cursor up to `tip`, the new cursor. */
export interface Segment {
  from: number;
  tip: BlockHeader;
  /** Headers to keep: of every block up to the tip, or the tip's alone when the segment is final. */
  headers: readonly BlockHeader[];
  logs: readonly TimedLog[];
}

/** One entry of the outbox. A new event comes with its log; what happens to it later needs only its key. */
export type OutboxEntry = { seq: number; key: LogKey } & (
  | { operation: 'event'; log: TimedLog }
  | { operation: Exclude<FeedOperation, 'event'> }
);

export interface LedgerCounts {
  outbox: number;
  logs: number;
  headers: number;
}

/** What a chain's watcher remembers. Every method is one transaction, so that a crash leaves all of it or nothing. */
export class Ledger {
  readonly #storage: LedgerStorage;
  readonly logs: LedgerLogs;

  constructor(storage: LedgerStorage) {
    this.#storage = storage;
    this.logs = new LedgerLogs(storage.sql);
    for (const statement of SCHEMA) storage.sql.exec(statement);
  }

  meta(key: string): string | undefined {
    return this.#one<{ value: string }>('select value from meta where key = ?', key)?.value;
  }

  setMeta(key: string, value: string | number | undefined): void {
    if (value === undefined) this.#run('delete from meta where key = ?', key);
    else this.#run('insert or replace into meta (key, value) values (?, ?)', key, String(value));
  }

  number(key: string, otherwise: number): number {
    const text = this.meta(key);
    return text === undefined ? otherwise : Number(text);
  }

  /** `undefined` until `begin`. */
  cursor(): Cursor | undefined {
    const number = this.meta('cursor');
    return number === undefined ? undefined : { number: Number(number), hash: this.meta('cursor_hash') ?? null };
  }

  /** The time of the last block that counts as confirmed, in seconds since 1970. */
  confirmedTime(): number | undefined {
    const text = this.meta('confirmed_time');
    return text === undefined ? undefined : Number(text);
  }

  /** Starts before block `first`, whose parent is `below` (`null` before block 0), numbering entries above `lastSeq`. */
  begin(first: number, below: BlockHeader | null, lastSeq: number, known: readonly KnownLog[]): void {
    this.#storage.transactionSync(() => {
      this.setMeta('start', first);
      this.setMeta('seq', lastSeq);
      if (below) this.#keep(below);
      this.#moveCursor({ number: first - 1, hash: below?.hash ?? null });
      for (const log of known) this.logs.adopt(log);
    });
  }

  header(number: number): { number: number; hash: string } | undefined {
    return this.#one<{ number: number; hash: string }>('select n as number, hash from block where n = ?', number);
  }

  /** The lowest height of which a header is kept. */
  oldestHeader(): number | undefined {
    return this.#one<{ n: number | null }>('select min(n) as n from block')?.n ?? undefined;
  }

  /**
   * Adds a segment: takes back what stood at its heights but is not in it, enters its logs, and confirms what has
   * come deep enough. Logs that are known already change nothing. Headers below `keepFrom` are forgotten.
   */
  commit(segment: Segment, confirmedUpTo: number, keepFrom: number): void {
    this.#storage.transactionSync(() => {
      const { from, tip, headers, logs } = segment;
      // A tick that was given up may still come back with what it was waiting for.
      if (from - 1 !== this.cursor()?.number) throw new Error(`block ${from} does not follow the cursor any more`);
      this.#emit('retract', this.logs.dropOthers(from, tip.number, logs));
      this.#emit(
        'event',
        logs.filter((log) => this.logs.enter(log)),
      );
      for (const header of headers) this.#keep(header);
      this.#confirmTime(confirmedUpTo);
      this.#run('delete from block where n < ?', Math.min(keepFrom, tip.number));
      this.#moveCursor(tip);
      this.#emit('confirm', this.logs.confirm(confirmedUpTo));
    });
  }

  /**
   * Goes back to `ancestor`: everything above it is taken back, the last log first. Where not even its own hash is
   * `agreed`, all hashes are forgotten, and the next block is read whatever it stands on.
   */
  rollback(ancestor: number, agreed: boolean): void {
    this.#storage.transactionSync(() => {
      this.#emit('retract', this.logs.dropAbove(ancestor));
      this.#run('delete from block where n > ?', agreed ? ancestor : -1);
      this.#moveCursor({ number: ancestor, hash: this.header(ancestor)?.hash ?? null });
    });
  }

  /** The oldest entries of the outbox, at most `maxRows`, and of at most `maxBytes` of log data unless one alone is longer. */
  pending(maxRows: number, maxBytes: number): OutboxEntry[] {
    const rows = this.#all<OutboxRow>(
      `select seq, op, block_hash as blockHash, log_index as logIndex, iif(op = 'event', coalesce(size, 0), 0) as size
       from outbox left join log using (block_hash, log_index) order by seq limit ?`,
      maxRows,
    );
    const taken: OutboxEntry[] = [];
    let total = 0;
    for (const { seq, op, size, ...key } of rows) {
      total += size;
      if (taken.length > 0 && total > maxBytes) break;
      taken.push(op === 'event' ? { seq, key, operation: op, log: this.logs.read(key) } : { seq, key, operation: op });
    }
    return taken;
  }

  /** Forgets entries up to `seq`, which Postgres now has, and logs that nothing refers to any more. */
  acknowledge(seq: number, undecoded: number, finalUpTo: number): void {
    this.#storage.transactionSync(() => {
      this.#run('delete from outbox where seq <= ?', seq);
      this.setMeta('undecoded', this.number('undecoded', 0) + undecoded);
      this.logs.forget(finalUpTo);
    });
  }

  counts(): LedgerCounts {
    const count = (table: string) => this.#one<{ n: number }>(`select count(*) as n from ${table}`)?.n ?? 0;
    return { outbox: count('outbox'), logs: count('log'), headers: count('block') };
  }

  outboxSize(): number {
    return this.#one<{ n: number }>('select count(*) as n from outbox')?.n ?? 0;
  }

  #keep({ number, hash, time }: BlockHeader): void {
    this.#run('insert or replace into block (n, hash, time) values (?, ?, ?)', number, hash, time);
  }

  /** Up to when the chain is confirmed: never less than it was told to be. */
  #confirmTime(confirmedUpTo: number): void {
    const row = this.#one<{ time: number | null }>('select max(time) as time from block where n <= ?', confirmedUpTo);
    if (row?.time != null && row.time > this.number('confirmed_time', -1)) this.setMeta('confirmed_time', row.time);
  }

  #moveCursor({ number, hash }: Cursor): void {
    this.setMeta('cursor', number);
    this.setMeta('cursor_hash', hash ?? undefined);
  }

  #emit(operation: FeedOperation, keys: readonly LogKey[]): void {
    if (keys.length === 0) return;
    let seq = this.number('seq', 0);
    for (const { blockHash, logIndex } of keys) {
      seq += 1;
      this.#run(
        'insert into outbox (seq, op, block_hash, log_index) values (?, ?, ?, ?)',
        seq,
        operation,
        blockHash,
        logIndex,
      );
    }
    this.setMeta('seq', seq);
  }

  #run(statement: string, ...bindings: SqlValue[]): void {
    this.#storage.sql.exec(statement, ...bindings);
  }

  #all<T extends Record<string, SqlValue>>(statement: string, ...bindings: SqlValue[]): T[] {
    return this.#storage.sql.exec<T>(statement, ...bindings).toArray();
  }

  #one<T extends Record<string, SqlValue>>(statement: string, ...bindings: SqlValue[]): T | undefined {
    return this.#all<T>(statement, ...bindings)[0];
  }
}

type OutboxRow = { seq: number; op: FeedOperation; blockHash: string; logIndex: number; size: number };
