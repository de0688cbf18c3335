import { createClient, type Hex, http } from 'viem';
import { RpcError, revertOf, toRpcError } from './rpc-error.ts';

export interface BlockHeader {
  number: number;
  /** Lower-case, as are all hex texts here. */
  hash: string;
  parentHash: string;
  /** Seconds since 1970. */
  time: number;
  logsBloom: string;
}

export interface RawLog {
  blockNumber: number;
  blockHash: string;
  logIndex: number;
  transactionHash: string;
  address: string;
  topics: string[];
  data: string;
}

/** A read of a contract. Without `to`, `data` is creation code, and what that returns is the answer. */
interface ContractRead {
  to?: string;
  data: string;
}

/** What a contract answered, or the data that it reverted with: `0x` where the endpoint does not pass that on. */
type ContractAnswer = { reverted: boolean; data: string };

/** One endpoint of one chain. Every call is one HTTP request, tried once, and throws an `RpcError` when it fails. */
export interface ChainRpc {
  chainId(): Promise<number>;
  head(): Promise<BlockHeader>;
  /** `null` when the endpoint has no block at this height (yet). */
  header(number: number): Promise<BlockHeader | null>;
  /** All logs of the addresses in one block. Asking by hash makes a node that lacks the block say so. */
  logsOfBlock(hash: string, addresses: readonly string[]): Promise<RawLog[]>;
  /** All logs of the addresses in the blocks from `from` to `to`, both included. */
  logsInRange(from: number, to: number, addresses: readonly string[]): Promise<RawLog[]>;
  /** Whether there was code at the address as of a block. Old blocks need a node that keeps old state. */
  hasCode(address: string, number: number): Promise<boolean>;
}

export interface ContractRpc extends ChainRpc {
  /** Reads a contract as of a block. */
  read(read: ContractRead, number: number): Promise<ContractAnswer>;
}

export interface RpcOptions {
  timeoutMs?: number;
  /** Longest answer that is read. A block full of logs can be some 15 MB of hex on chains with large gas limits. */
  maxBytes?: number;
}

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 32 * 1024 * 1024;
/** What a read may burn: a wallet is code of a stranger's choosing. Some ten times what verifying a passkey takes. */
const READ_GAS = 10_000_000;

/** Opens an endpoint (no request is made yet). Answers are checked, since an endpoint is not trusted to be right. */
export function openRpc(url: string, { timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES }: RpcOptions = {}): ContractRpc {
  // Retries are the caller's: the library's own would multiply requests, and hide which endpoint failed.
  const transport = http(url, { retryCount: 0, timeout: timeoutMs, maxResponseBodySize: maxBytes });
  const client = createClient({ transport, cacheTime: 0 });
  async function call<A, T>(method: string, request: () => Promise<A>, parse: (answer: A) => T | undefined) {
    let answer: A;
    try {
      answer = await request();
    } catch (error) {
      throw toRpcError(error, method, url);
    }
    const parsed = parse(answer);
    if (parsed === undefined) throw new RpcError('other', `${method}: the answer does not have the expected form`);
    return parsed;
  }
  const block = (tag: Hex | 'latest') =>
    call(
      'eth_getBlockByNumber',
      () => client.request({ method: 'eth_getBlockByNumber', params: [tag, false] }),
      (answer) => (answer === null ? null : parseHeader(answer)),
    );
  return {
    chainId: () => call('eth_chainId', () => client.request({ method: 'eth_chainId' }), parseQuantity),
    async head() {
      const header = await block('latest');
      if (header === null) throw new RpcError('other', 'eth_getBlockByNumber: the endpoint has no latest block');
      return header;
    },
    header: (number) => block(toHex(number)),
    logsOfBlock: (hash, addresses) =>
      call(
        'eth_getLogs',
        () =>
          client.request({
            method: 'eth_getLogs',
            params: [{ blockHash: asHex(hash), address: addresses.map(asHex) }],
          }),
        parseLogs,
      ),
    logsInRange: (from, to, addresses) =>
      call(
        'eth_getLogs',
        () =>
          client.request({
            method: 'eth_getLogs',
            params: [{ fromBlock: toHex(from), toBlock: toHex(to), address: addresses.map(asHex) }],
          }),
        parseLogs,
      ),
    hasCode: (address, number) =>
      call(
        'eth_getCode',
        () => client.request({ method: 'eth_getCode', params: [asHex(address), toHex(number)] }),
        (answer) => (isHex(answer) ? answer.length > 2 : undefined),
      ),
    read: ({ to, data }, number) =>
      call(
        'eth_call',
        () =>
          client
            .request({
              method: 'eth_call',
              params: [
                { ...(to !== undefined && { to: asHex(to) }), data: asHex(data), gas: toHex(READ_GAS) },
                toHex(number),
              ],
            })
            .then((answer) => ({ reverted: false, data: answer }))
            .catch(revertedOrThrow),
        parseRead,
      ),
  };
}

/** A contract that reverts has answered. @throws what it was given, when that is another failure */
function revertedOrThrow(error: unknown) {
  const data = revertOf(error);
  if (data === undefined) throw error;
  return { reverted: true, data };
}

function parseRead({ reverted, data }: { reverted: boolean; data: unknown }): ContractAnswer | undefined {
  return isHex(data) ? { reverted, data: data.toLowerCase() } : undefined;
}

const toHex = (number: number): Hex => `0x${number.toString(16)}`;

/** Only names the type: what comes in is an address or hash of ours, or one that was checked when it was read. */
const asHex = (text: string) => text as Hex;

const isHex = (value: unknown): value is string => typeof value === 'string' && /^0x[0-9a-f]*$/i.test(value);

const parseBytes = (value: unknown, bytes: number) =>
  isHex(value) && value.length === 2 + 2 * bytes ? value.toLowerCase() : undefined;

function parseQuantity(value: unknown): number | undefined {
  if (!isHex(value) || value.length < 3) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

function parseHeader(answer: unknown): BlockHeader | undefined {
  if (!isRecord(answer)) return undefined;
  const number = parseQuantity(answer['number']);
  const hash = parseBytes(answer['hash'], 32);
  const parentHash = parseBytes(answer['parentHash'], 32);
  const time = parseQuantity(answer['timestamp']);
  if (number === undefined || time === undefined || !hash || !parentHash) return undefined;
  // Some chains leave the bloom out or empty; without it only the omission check is lost.
  return { number, hash, parentHash, time, logsBloom: parseBytes(answer['logsBloom'], 256) ?? '0x' };
}

function parseLogs(answer: unknown): RawLog[] | undefined {
  if (!Array.isArray(answer)) return undefined;
  const logs: RawLog[] = [];
  for (const entry of answer) {
    const log = parseLog(entry);
    if (!log) return undefined;
    logs.push(log);
  }
  return logs.sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex);
}

function parseLog(entry: unknown): RawLog | undefined {
  if (!isRecord(entry) || entry['removed'] === true || !Array.isArray(entry['topics'])) return undefined;
  const blockNumber = parseQuantity(entry['blockNumber']);
  const logIndex = parseQuantity(entry['logIndex']);
  const blockHash = parseBytes(entry['blockHash'], 32);
  const transactionHash = parseBytes(entry['transactionHash'], 32);
  const address = parseBytes(entry['address'], 20);
  const topics = entry['topics'].flatMap((topic) => parseBytes(topic, 32) ?? []);
  const data = entry['data'];
  if (blockNumber === undefined || logIndex === undefined || !blockHash || !transactionHash || !address)
    return undefined;
  if (topics.length !== entry['topics'].length || !isHex(data) || data.length % 2 !== 0) return undefined;
  return { blockNumber, blockHash, logIndex, transactionHash, address, topics, data: data.toLowerCase() };
}
