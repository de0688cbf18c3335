import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type Hex, keccak256, numberToHex } from 'viem';
import { type Anvil, startAnvil } from '../../../scripts/stack/anvil.ts';
import { installRegistries } from '../../../scripts/stack/registries.ts';
import { callRpc } from '../../../scripts/stack/rpc.ts';
import { type WatchedChain, watchedChains } from '../../../src/chain/chains.ts';
import { type BlockHeader, type ChainRpc, openRpc, type RawLog } from '../../../src/chain/rpc.ts';
import type { Logger } from '../../../src/telemetry/log.ts';
import { Ledger } from '../../../src/triggers/ingest/ledger.ts';
import type { LedgerStorage } from '../../../src/triggers/ingest/ledger-schema.ts';
import { newMemory, type WatcherMemory } from '../../../src/triggers/ingest/memory.ts';
import type { EventRow, FeedBatch, FeedEntry, FeedStore, RecordedEnd } from '../../../src/triggers/ingest/store.ts';
import { tick } from '../../../src/triggers/ingest/tick.ts';
import { type Log, mine, registered } from './logs.ts';

/** A ledger's storage on the SQLite of Node. */
function sqliteStorage(): LedgerStorage {
  const database = new DatabaseSync(':memory:');
  return {
    sql: {
      exec<T>(statement: string, ...bindings: SQLInputValue[]) {
        const prepared = database.prepare(statement);
        const rows = prepared.columns().length > 0 ? prepared.all(...bindings) : [];
        if (prepared.columns().length === 0) prepared.run(...bindings);
        return { toArray: () => rows as T[] };
      },
    },
    transactionSync(work) {
      database.exec('begin');
      try {
        const result = work();
        database.exec('commit');
        return result;
      } catch (error) {
        database.exec('rollback');
        throw error;
      }
    },
  };
}

/** The feed as `store.ts` keeps it in Postgres, in memory. Its failures are programmed. */
class MemoryFeed implements FeedStore {
  readonly events = new Map<string, EventRow>();
  readonly feed = new Map<number, FeedEntry>();
  readonly undecoded = new Map<string, string>();
  /** `down`: nothing is written; `silent`: it is written, but the answer is lost. One entry per call. */
  readonly failures: ('down' | 'silent')[] = [];

  async write(batch: FeedBatch): Promise<void> {
    const failure = this.failures.shift();
    if (failure === 'down') throw new Error('the database is down');
    for (const row of batch.undecoded) this.undecoded.set(`${row.blockHash}:${row.logIndex}`, row.reason);
    for (const row of batch.events) if (!this.events.has(row.id)) this.events.set(row.id, row);
    for (const entry of batch.entries) {
      const event = this.events.get(entry.eventId);
      if (!event) throw new Error(`feed entry ${entry.seq} names no event`);
      if (this.feed.has(entry.seq)) continue;
      this.feed.set(entry.seq, entry);
      event.status = { event: 'observed', retract: 'reorged', confirm: 'confirmed' }[
        entry.operation
      ] as EventRow['status'];
    }
    if (failure === 'silent') throw new Error('the connection broke');
  }

  async recordedEnd(_: number, finality: number): Promise<RecordedEnd> {
    const standing = [...this.events.values()].filter(({ status }) => status !== 'reorged');
    const observed = standing.filter(({ status }) => status === 'observed').map(({ blockNumber }) => blockNumber);
    const all = standing.map(({ blockNumber }) => blockNumber);
    const end = Math.max(...all);
    const resumeAt = all.length > 0 ? Math.max(Math.min(...observed, end - finality), 0) : null;
    const known = standing
      .filter(({ blockNumber }) => resumeAt !== null && blockNumber >= resumeAt)
      .map(({ blockHash, logIndex, blockNumber, status }) => ({
        blockHash,
        logIndex,
        blockNumber,
        confirmed: status === 'confirmed',
      }));
    return { lastSeq: Math.max(0, ...this.feed.keys()), resumeAt, known };
  }

  /** The feed as text: `event 3.0` is the first log of block 3. */
  story(): string[] {
    return [...this.feed.values()].map(({ operation, eventId }) => {
      const event = this.events.get(eventId);
      return `${operation} ${event?.blockNumber}.${event?.logIndex}`;
    });
  }
}

/** A chain that mines only when told to. */
export interface TestChain {
  url: string;
  /** Mines one block that holds the logs. */
  mine(...logs: Log[]): Promise<void>;
  mineEmpty(blocks: number): Promise<void>;
  /** Replaces the newest blocks by as many empty ones. */
  reorganize(depth: number): Promise<void>;
  call<T>(method: string, ...params: unknown[]): Promise<T>;
  stop(): Promise<void>;
}

export async function startTestChain(): Promise<TestChain> {
  const anvil: Anvil = await startAnvil({ chainId: 31_337 });
  await installRegistries(anvil.url);
  const call = <T>(method: string, ...params: unknown[]) => callRpc<T>(anvil.url, method, params);
  await call('evm_setAutomine', false);
  return {
    url: anvil.url,
    mine: (...logs) => mine(anvil.url, ...logs),
    mineEmpty: (blocks) => call('anvil_mine', `0x${blocks.toString(16)}`),
    reorganize: (depth) => call('anvil_reorg', depth, []),
    call,
    stop: anvil.stop,
  };
}

export interface LoggedLine {
  level: 'info' | 'warn' | 'error';
  event: string;
  fields: Record<string, unknown> | undefined;
}

/** A chain's watcher without its object: the parts that `object.ts` puts together, each replaceable. */
export class Watcher {
  readonly lines: LoggedLine[] = [];
  readonly feed = new MemoryFeed();
  chain: WatchedChain;
  storage = sqliteStorage();
  ledger = new Ledger(this.storage);
  memory: WatcherMemory;
  now = Date.UTC(2026, 0, 1);
  wakes = 0;
  wakeFails = false;
  readonly #rpcs: readonly ChainRpc[];

  constructor(settings: Partial<WatchedChain>, ...rpcs: ChainRpc[]) {
    const [chain] = watchedChains({ rpcUrls: { 31337: rpcs.map(() => 'http://127.0.0.1:1') } });
    if (!chain) throw new Error('there is no local chain');
    this.chain = { ...chain, ...settings };
    this.#rpcs = rpcs;
    this.memory = newMemory(rpcs);
  }

  /** One tick, a second after the last. */
  tick(): Promise<boolean> {
    this.now += 1_000;
    const logAs = (level: LoggedLine['level']) => (event: string, fields?: Record<string, unknown>) => {
      this.lines.push({ level, event, fields });
    };
    const log: Logger = { info: logAs('info'), warn: logAs('warn'), error: logAs('error') };
    return tick({
      chain: this.chain,
      ledger: this.ledger,
      memory: this.memory,
      feed: this.feed,
      wakeMatcher: async () => {
        if (this.wakeFails) throw new Error('the matcher is away');
        this.wakes += 1;
      },
      log,
      clock: () => new Date(this.now),
    });
  }

  /** Ticks until there is nothing more to do at once. */
  async settle(most = 200): Promise<void> {
    for (let count = 0; count < most; count++) if (!(await this.tick())) return;
    throw new Error(`the watcher still has work after ${most} ticks`);
  }

  /** What an eviction leaves: the storage, but nothing of the object's memory. */
  restart(): void {
    this.ledger = new Ledger(this.storage);
    this.memory = newMemory(this.#rpcs);
  }

  /** What is left when even the storage is gone. */
  forgetEverything(): void {
    this.storage = sqliteStorage();
    this.restart();
  }

  events(): string[] {
    return this.lines.map(({ event }) => event);
  }
}

/** An endpoint of a chain that exists only as a rule: how many logs each block has. For lengths that anvil is slow at. */
export function imaginaryChain(height: number, logsOf: (number: number) => number): ChainRpc {
  const hashOf = (number: number) => keccak256(numberToHex(number + 1));
  const header = (number: number): BlockHeader => ({
    number,
    hash: hashOf(number),
    parentHash: hashOf(number - 1),
    time: 1_700_000_000 + number,
    logsBloom: '0x',
  });
  const logs = (number: number): RawLog[] =>
    Array.from({ length: logsOf(number) }, (_, logIndex) => {
      const { to, topics, data } = registered(logIndex);
      const place = { blockNumber: number, blockHash: hashOf(number), logIndex, transactionHash: hashOf(logIndex) };
      return { ...place, address: to.toLowerCase(), topics, data };
    });
  const numbers = new Map(Array.from({ length: height + 1 }, (_, number) => [hashOf(number), number]));
  return {
    chainId: async () => 31_337,
    head: async () => header(height),
    header: async (number) => (number <= height ? header(number) : null),
    logsOfBlock: async (hash) => logs(numbers.get(hash as Hex) ?? height),
    logsInRange: async (from, to) => Array.from({ length: to - from + 1 }, (_, offset) => logs(from + offset)).flat(),
    hasCode: async () => true,
  };
}

export const rpcOf = (chain: TestChain): ChainRpc => openRpc(chain.url);
