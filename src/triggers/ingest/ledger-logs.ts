import type { RawLog } from '../../chain/rpc.ts';
import type { LedgerStorage, SqlValue } from './ledger-schema.ts';

/** What identifies a log: an index is unique within its block. */
export interface LogKey {
  blockHash: string;
  logIndex: number;
}

/** A log with its block's time in seconds. */
export interface TimedLog extends RawLog {
  time: number;
}

/** An event that Postgres already has, when a watcher starts with an empty ledger. */
export interface KnownLog extends LogKey {
  blockNumber: number;
  confirmed: boolean;
}

/** Characters of log data in one row; SQLite in a Durable Object refuses rows over 2 MB. */
const PART = 1_000_000;

const KEYS = 'block_hash as blockHash, log_index as logIndex';

type KeyRow = { blockHash: string; logIndex: number };

/** The ledger's logs. No method opens a transaction: the ledger's own do. */
export class LedgerLogs {
  readonly #sql: LedgerStorage['sql'];

  constructor(sql: LedgerStorage['sql']) {
    this.#sql = sql;
  }

  /** Enters a log; `false` when it stands there already. One that was gone stands again. */
  enter(log: TimedLog): boolean {
    const { blockHash, logIndex } = log;
    const added = this.#sql
      .exec<KeyRow>(
        `insert into log (block_hash, log_index, n, time, tx_hash, address, topics, data, size, state)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, 'seen')
         on conflict (block_hash, log_index) do update set
           time = excluded.time, tx_hash = excluded.tx_hash, address = excluded.address, topics = excluded.topics,
           data = excluded.data, size = excluded.size, state = 'seen'
         where state = 'gone' returning ${KEYS}`,
        blockHash,
        logIndex,
        log.blockNumber,
        log.time,
        log.transactionHash,
        log.address,
        JSON.stringify(log.topics),
        log.data.slice(0, PART),
        log.data.length,
      )
      .toArray();
    if (added.length === 0) return false;
    for (let part = 1; part * PART < log.data.length; part++) {
      this.#sql.exec(
        'insert or replace into log_part (block_hash, log_index, part, data) values (?, ?, ?, ?)',
        blockHash,
        logIndex,
        part,
        log.data.slice(part * PART, (part + 1) * PART),
      );
    }
    return true;
  }

  /** Enters a log that Postgres has, without its content, which is needed only should the log come anew. */
  adopt({ blockHash, logIndex, blockNumber, confirmed }: KnownLog): void {
    this.#sql.exec(
      `insert or ignore into log
         (block_hash, log_index, n, time, tx_hash, address, topics, data, size, state, is_event)
       values (?, ?, ?, 0, '', '', '[]', '', 0, ?, 1)`,
      blockHash,
      logIndex,
      blockNumber,
      confirmed ? 'confirmed' : 'seen',
    );
  }

  /** Marks as gone what stands above a height; the answer is in the order in which it is to be taken back. */
  dropAbove(height: number): LogKey[] {
    const gone = this.#keys(
      `select ${KEYS} from log where n > ? and state <> 'gone' order by n desc, log_index desc`,
      height,
    );
    return this.#drop(gone);
  }

  /** Marks as gone what stands at the heights but is not among `logs`. */
  dropOthers(from: number, to: number, logs: readonly LogKey[]): LogKey[] {
    const standing = this.#keys(
      `select ${KEYS} from log where n between ? and ? and state <> 'gone' order by n desc, log_index desc`,
      from,
      to,
    );
    if (standing.length === 0) return [];
    const present = new Set(logs.map(keyText));
    return this.#drop(standing.filter((key) => !present.has(keyText(key))));
  }

  /** Marks as confirmed what stands unconfirmed up to a height, in the chain's order. */
  confirm(height: number): LogKey[] {
    const due = this.#keys(`select ${KEYS} from log where state = 'seen' and n <= ? order by n, log_index`, height);
    this.#sql.exec("update log set state = 'confirmed' where state = 'seen' and n <= ?", height);
    return due;
  }

  /** A log with its whole data. Throws when there is none: the outbox never outlives its log. */
  read({ blockHash, logIndex }: LogKey): TimedLog {
    const [row] = this.#sql
      .exec<LogRow>('select * from log where block_hash = ? and log_index = ?', blockHash, logIndex)
      .toArray();
    if (!row) throw new Error(`the ledger has no log ${logIndex} of block ${blockHash}`);
    const data = row.size > PART ? row.data + this.#rest({ blockHash, logIndex }) : row.data;
    return {
      blockNumber: row.n,
      blockHash,
      logIndex,
      time: row.time,
      transactionHash: row.tx_hash,
      address: row.address,
      // Written by `enter` and `adopt` alone, as an array of strings.
      topics: JSON.parse(row.topics) as string[],
      data,
    };
  }

  /** Whether the log was delivered as an event. */
  isEvent({ blockHash, logIndex }: LogKey): boolean {
    const [row] = this.#sql
      .exec<{ isEvent: number | null }>(
        'select is_event as isEvent from log where block_hash = ? and log_index = ?',
        blockHash,
        logIndex,
      )
      .toArray();
    return row?.isEvent === 1;
  }

  setIsEvent({ blockHash, logIndex }: LogKey, isEvent: boolean): void {
    const value = isEvent ? 1 : 0;
    this.#sql.exec('update log set is_event = ? where block_hash = ? and log_index = ?', value, blockHash, logIndex);
  }

  /** Deletes logs that are final or gone and that no outbox entry names. */
  forget(finalUpTo: number): void {
    this.#sql.exec(
      `delete from log where (state = 'gone' or (state = 'confirmed' and n <= ?)) and not exists
       (select 1 from outbox where outbox.block_hash = log.block_hash and outbox.log_index = log.log_index)`,
      finalUpTo,
    );
    this.#sql.exec(
      `delete from log_part where not exists
       (select 1 from log where log.block_hash = log_part.block_hash and log.log_index = log_part.log_index)`,
    );
  }

  #rest({ blockHash, logIndex }: LogKey): string {
    return this.#sql
      .exec<{ data: string }>(
        'select data from log_part where block_hash = ? and log_index = ? order by part',
        blockHash,
        logIndex,
      )
      .toArray()
      .map(({ data }) => data)
      .join('');
  }

  #drop(keys: LogKey[]): LogKey[] {
    for (const { blockHash, logIndex } of keys) {
      this.#sql.exec("update log set state = 'gone' where block_hash = ? and log_index = ?", blockHash, logIndex);
    }
    return keys;
  }

  #keys(statement: string, ...bindings: SqlValue[]): LogKey[] {
    return this.#sql.exec<KeyRow>(statement, ...bindings).toArray();
  }
}

type LogRow = {
  n: number;
  time: number;
  tx_hash: string;
  address: string;
  topics: string;
  data: string;
  size: number;
};

const keyText = ({ blockHash, logIndex }: LogKey) => `${blockHash}:${logIndex}`;
