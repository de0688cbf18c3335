import { registryAt, type WatchedChain } from '../../chain/chains.ts';
import { type DecodedLog, decodeLog } from '../../chain/decode.ts';
import type { Clock } from '../../kernel/clock.ts';
import { sha256Hex } from '../../kernel/crypto.ts';
import type { Logger } from '../../telemetry/log.ts';
import { finalUpTo } from './depth.ts';
import type { Ledger, OutboxEntry } from './ledger.ts';
import type { LogKey, TimedLog } from './ledger-logs.ts';
import type { FeedBatch, FeedStore } from './store.ts';

export interface DrainDeps {
  chain: WatchedChain;
  ledger: Ledger;
  feed: FeedStore;
  /**
   * Tells the chain's matcher that the feed has grown, or that time has passed: the feed holds every event up to
   * `confirmedTo`, in seconds since 1970.
   */
  wakeMatcher(confirmedTo: number | undefined): Promise<void>;
  log: Logger;
  clock: Clock;
}

const ROWS = 250;
const BYTES = 1_500_000;
const BATCHES = 8;
const WRITE_WITHIN_MS = 30_000;
const WAKE_WITHIN_MS = 10_000;
/** How much of the chain's time passes, in seconds, before the matcher is told of it without an event. */
const TIME_STEP = 15;

/**
 * Delivers the outbox to Postgres, oldest first, and then wakes the matcher. What is not acknowledged stays and goes
 * out again. A wake that fails is tried again by the next drain. Answers whether something is left to deliver.
 */
export async function drain(deps: DrainDeps): Promise<boolean> {
  const { ledger } = deps;
  for (let batch = 0; batch < BATCHES; batch++) {
    const entries = ledger.pending(ROWS, BYTES);
    const last = entries.at(-1);
    if (!last) break;
    const rows = await toBatch(deps, entries);
    await within(WRITE_WITHIN_MS, 'the database', deps.feed.write(rows));
    // Before the acknowledgement: a crash in between wakes once too often, which costs nothing.
    if (rows.entries.length > 0) ledger.setMeta('wake', 1);
    ledger.acknowledge(last.seq, rows.undecoded.length, finalUpTo(ledger.cursor()?.number ?? -1, deps.chain.finality));
  }
  const left = ledger.outboxSize() > 0;
  // While entries wait, the feed does not hold all up to there.
  const time = left ? undefined : ledger.confirmedTime();
  const passed = time !== undefined && time >= ledger.number('told_time', 0) + TIME_STEP;
  if (ledger.meta('wake') !== undefined || passed) {
    await within(WAKE_WITHIN_MS, 'the matcher', deps.wakeMatcher(time));
    ledger.setMeta('wake', undefined);
    if (time !== undefined) ledger.setMeta('told_time', time);
  }
  return left;
}

async function toBatch(deps: DrainDeps, entries: readonly OutboxEntry[]): Promise<FeedBatch> {
  const { chain, ledger, clock } = deps;
  const batch: FeedBatch = { chainId: chain.id, events: [], undecoded: [], entries: [], recordedAt: clock() };
  for (const entry of entries) {
    const { seq, key, operation } = entry;
    const eventId = eventIdOf(chain.id, key);
    if (operation === 'event') ledger.logs.setIsEvent(key, record(deps, batch, eventId, entry.log));
    if (ledger.logs.isEvent(key)) batch.entries.push({ seq, operation, eventId });
  }
  return batch;
}

/** Adds the log's row to the batch; `false` when it is one that cannot be decoded. */
function record({ chain, log }: DrainDeps, batch: FeedBatch, id: string, raw: TimedLog): boolean {
  const { blockHash, logIndex, blockNumber, transactionHash, address, topics, data } = raw;
  const { chainId, recordedAt } = batch;
  const row = { chainId, blockHash, logIndex, blockNumber, transactionHash, address, topics, data, recordedAt };
  const registry = registryAt(chain, address);
  const decoded: DecodedLog = registry ? decodeLog(registry, raw) : { ok: false, reason: 'not a watched registry' };
  const place = { chain_id: chainId, block: blockNumber, log_index: logIndex };
  if (!decoded.ok) {
    log.warn('log_undecoded', { ...place, reason: decoded.reason });
    batch.undecoded.push({ ...row, reason: decoded.reason });
    return false;
  }
  const { eventType, agentId, fields } = decoded;
  // Whoever can upgrade a registry can change what its events mean: an operator should know at once.
  if (eventType === 'Upgraded') log.warn('registry_upgraded', { ...place, registry: decoded.registry, ...fields });
  const blockTime = new Date(raw.time * 1000);
  batch.events.push({
    ...row,
    id,
    blockTime,
    registry: decoded.registry,
    eventType,
    agentId,
    fields,
    status: 'observed',
  });
  return true;
}

const ID_DIGITS = 32;

/**
 * The event's public id. It follows from the log's place, so that a watcher which lost its memory, or reads a block a
 * second time, arrives at the same id; the block's hash in it keeps the two sides of a reorganization apart.
 */
export function eventIdOf(chainId: number, { blockHash, logIndex }: LogKey): string {
  const digest = sha256Hex(`${chainId}:${blockHash}:${logIndex}`);
  return `evt_${digest.slice(0, ID_DIGITS)}`;
}

/** Gives up waiting, since a tick that never ends would stop the chain. What was waited for may still happen. */
async function within<T>(milliseconds: number, whom: string, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer from ${whom} in ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
