import { type Expectation, looksIncomplete } from '../../chain/bloom.ts';
import type { BlockHeader, ChainRpc, RawLog } from '../../chain/rpc.ts';
import { RpcError } from '../../chain/rpc-error.ts';
import type { Cursor, Segment } from './ledger.ts';
import type { TimedLog } from './ledger-logs.ts';

/** What reading on from the cursor came to. */
export type Fetched =
  | { outcome: 'segment'; segment: Segment }
  /** The node's next block does not stand on the cursor's: one of the two branches is gone. */
  | { outcome: 'diverged' }
  /** The block's header suggests a log that the answer does not hold. */
  | { outcome: 'incomplete'; blockHash: string };

/** Workers keep at most six connections open at a time; more requests at once would only wait. */
const CONNECTIONS = 6;

/** The answers of an endpoint contradict each other, as happens behind a balancer whose nodes are not in step. */
const inconsistent = (what: string) => new RpcError('retryable', `the endpoint contradicts itself: ${what}`);

/**
 * Reads final blocks from the cursor on to `to` in one `eth_getLogs`. A header is fetched for every block with logs,
 * for its time and to compare hashes; when there are more than `maxHeaders`, the segment ends before the first that
 * does not fit, so that a tick's work stays bounded.
 */
export async function fetchRange(
  rpc: ChainRpc,
  cursor: Cursor,
  to: number,
  { addresses }: Expectation,
  maxHeaders: number,
): Promise<Fetched> {
  const from = cursor.number + 1;
  const logs = await rpc.logsInRange(from, to, addresses);
  if (logs.some((log) => log.blockNumber < from || log.blockNumber > to || !addresses.includes(log.address))) {
    throw inconsistent('a log outside of what was asked for');
  }
  const withLogs = [...new Set(logs.map((log) => log.blockNumber))];
  // The first and the last block of the range need their headers too.
  const overflow = withLogs[Math.max(maxHeaders - 2, 1)];
  const last = overflow === undefined ? to : overflow - 1;
  const numbers = [...new Set([from, ...withLogs.filter((number) => number <= last), last])];
  const headers = await inParallel(numbers, (number) => headerOf(rpc, number));
  const byNumber = new Map(headers.map((header) => [header.number, header]));
  const [first, tip] = [byNumber.get(from), byNumber.get(last)];
  if (!first || !tip) throw inconsistent('a block under another number');
  if (cursor.hash !== null && first.parentHash !== cursor.hash) return { outcome: 'diverged' };
  const timed = logs
    .filter((log) => log.blockNumber <= last)
    .map((log) => withTime(log, byNumber.get(log.blockNumber)));
  return { outcome: 'segment', segment: { from, tip, headers: [tip], logs: timed } };
}

/**
 * Reads the blocks from the cursor on to `to` one by one, their logs by block hash. It stops before a block that does
 * not stand on the one before it, and before one whose logs look incomplete unless `believed` says they are not.
 */
export async function fetchBlocks(
  rpc: ChainRpc,
  cursor: Cursor,
  to: number,
  head: BlockHeader,
  watched: Expectation,
  believed: (blockHash: string) => boolean,
): Promise<Fetched> {
  const from = cursor.number + 1;
  const numbers = Array.from({ length: to - cursor.number }, (_, offset) => from + offset);
  const fetched = await inParallel(numbers, (number) => (number === head.number ? head : headerOf(rpc, number)));
  const headers = linked(fetched, cursor.hash);
  if (headers.length === 0) return { outcome: 'diverged' };
  const answers = await inParallel(headers, (header) => rpc.logsOfBlock(header.hash, watched.addresses));
  const segment = { from, headers: [] as BlockHeader[], logs: [] as TimedLog[] };
  for (const [index, header] of headers.entries()) {
    const logs = answers[index] ?? [];
    if (logs.some((log) => !watched.addresses.includes(log.address))) {
      throw inconsistent('a log outside of what was asked for');
    }
    if (looksIncomplete(header.logsBloom, watched, logs) && !believed(header.hash)) {
      if (segment.headers.length === 0) return { outcome: 'incomplete', blockHash: header.hash };
      break;
    }
    segment.headers.push(header);
    segment.logs.push(...logs.map((log) => withTime(log, header)));
  }
  const tip = segment.headers.at(-1);
  if (!tip) throw new RangeError('there is no block to read');
  return { outcome: 'segment', segment: { ...segment, tip } };
}

async function headerOf(rpc: ChainRpc, number: number): Promise<BlockHeader> {
  const header = await rpc.header(number);
  if (!header) throw inconsistent(`no block ${number} below its head`);
  if (header.number !== number) throw inconsistent(`another block than ${number}`);
  return header;
}

/** As many of the headers as stand on each other, and the first of them on `parent`. */
function linked(headers: readonly BlockHeader[], parent: string | null): BlockHeader[] {
  const chain: BlockHeader[] = [];
  let expected = parent;
  for (const header of headers) {
    if (expected !== null && header.parentHash !== expected) break;
    chain.push(header);
    expected = header.hash;
  }
  return chain;
}

function withTime(log: RawLog, header: BlockHeader | undefined): TimedLog {
  if (header?.hash !== log.blockHash || header.number !== log.blockNumber) {
    throw inconsistent(`a log of another block ${log.blockNumber}`);
  }
  return { ...log, time: header.time };
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => R | Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += CONNECTIONS) {
    results.push(...(await Promise.all(items.slice(at, at + CONNECTIONS).map(work))));
  }
  return results;
}
