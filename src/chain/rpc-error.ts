import { BaseError, HttpRequestError, ResponseBodyTooLargeError, RpcRequestError, TimeoutError } from 'viem';

/**
 * `retryable`: the same call may work later or on another endpoint; `timeout`: no answer in time; `range_too_large`:
 * fewer blocks must be asked for; `other`: the endpoint will not serve the call, or its answer makes no sense.
 */
export type RpcFault = 'retryable' | 'timeout' | 'range_too_large' | 'other';

/** A failed call. Its message names no URL, and it has no cause, since the library's errors quote URLs. */
export class RpcError extends Error {
  readonly fault: RpcFault;
  /** How many blocks the endpoint says it would serve, where it says so. */
  readonly suggestedRange: number | undefined;

  constructor(fault: RpcFault, message: string, suggestedRange?: number) {
    super(message);
    this.name = 'RpcError';
    this.fault = fault;
    this.suggestedRange = suggestedRange;
  }
}

const TRANSIENT_STATUS = new Set([408, 425, 429, 500, 502, 503, 504, 520, 522, 524]);
/**
 * -32603 internal error, -32005 limit exceeded (EIP-1474); -32007 and 429 are rate limits in a JSON-RPC body; -32000
 * and -32001 are what nodes answer for a block that they do not have, or not yet.
 */
const TRANSIENT_CODE = new Set([-32_603, -32_005, -32_007, 429, -32_000, -32_001, -32_002]);

const TOO_LARGE =
  /(block|query|log)s? range|range (is )?(too|exceed|limit)|too (many|large|wide)|(response|result)s? (size|is too|set)|more than \d+ (result|log|event)|max(imum)? results|exceeds? .*(limit|range|results)|limited to .*(block|range)/i;
/** What nodes say that keep no old state: no later try will help. */
const PRUNED = /missing trie node|historical state|pruned|archive|state .*not available/i;
const RATE = /rate|per second|too many requests|capacity|credits|quota/i;

/** Translates what a call threw. `secretUrl` is the endpoint's; nothing of it survives into the message. */
export function toRpcError(error: unknown, method: string, secretUrl: string): RpcError {
  const base = error instanceof BaseError ? error : undefined;
  const find = (kind: new (...args: never[]) => Error) => base?.walk((inner) => inner instanceof kind);
  if (find(ResponseBodyTooLargeError)) return new RpcError('range_too_large', `${method}: the answer is too large`);
  if (find(TimeoutError)) return new RpcError('timeout', `${method}: no answer in time`);
  const answered = find(RpcRequestError);
  const http = find(HttpRequestError);
  const detail = redact(base?.details ?? (error instanceof Error ? error.message : String(error)), secretUrl);
  if (answered instanceof RpcRequestError) {
    return fromAnswer(method, answered.code, answered.status, detail);
  }
  const status = http instanceof HttpRequestError ? http.status : undefined;
  if (status === 413) return new RpcError('range_too_large', `${method}: HTTP 413`);
  // Without a status the connection failed, or what came was not JSON.
  const fault = status === undefined || TRANSIENT_STATUS.has(status) ? 'retryable' : 'other';
  return new RpcError(fault, `${method}: ${status === undefined ? 'no usable answer' : `HTTP ${status}`}: ${detail}`);
}

/** EIP-1474 has no code for it; 3 is geth's, which most nodes follow, with the revert's data beside it. */
const REVERTED = 3;
/** What the execution itself can end with, as geth, reth and anvil word it, where the node gives another code. */
const EXECUTION =
  /execution reverted|vm execution error|out of gas|invalid (opcode|jump)|stack (under|over)flow|EVM error/i;

/** The data of a revert, `0x` where there is none; nothing when the error is not the contract's doing. */
export function revertOf(error: unknown): string | undefined {
  const answered = error instanceof BaseError ? error.walk((inner) => inner instanceof RpcRequestError) : undefined;
  if (!(answered instanceof RpcRequestError)) return undefined;
  if (answered.code !== REVERTED && !EXECUTION.test(answered.details)) return undefined;
  return typeof answered.data === 'string' && /^0x[0-9a-f]*$/i.test(answered.data) ? answered.data : '0x';
}

function fromAnswer(method: string, code: number, status: number | undefined, detail: string): RpcError {
  const message = `${method}: error ${code}: ${detail}`;
  if (method === 'eth_getLogs' && TOO_LARGE.test(detail) && !RATE.test(detail)) {
    return new RpcError('range_too_large', message, suggestedRange(detail));
  }
  if (PRUNED.test(detail)) return new RpcError('other', message);
  const transient = TRANSIENT_CODE.has(code) || (status !== undefined && TRANSIENT_STATUS.has(status));
  return new RpcError(transient || RATE.test(detail) ? 'retryable' : 'other', message);
}

/**
 * The number of blocks that a refusal proposes. Providers write a pair of block numbers, hex in brackets or decimal
 * with a hyphen, or a plain maximum such as "up to a 2,000 block range" or "limited to 1000 blocks".
 */
export function suggestedRange(detail: string): number | undefined {
  const pair = /\[\s*(0x[0-9a-f]+)\s*,\s*(0x[0-9a-f]+)\s*\]/i.exec(detail) ?? /\b(\d+)\s*-\s*(\d+)\b/.exec(detail);
  if (pair) return positive(Number(pair[2]) - Number(pair[1]) + 1);
  const maximum =
    /\b([\d,_]+k?)[ -]blocks?\b/i.exec(detail) ??
    /\b(?:limited to|range of|max(?:imum)?(?: block)?(?: range)?(?: is)?:?) (?:an? )?([\d,_]+k?)\b/i.exec(detail);
  const digits = maximum?.[1]?.replaceAll(/[,_]/g, '').toLowerCase();
  return digits === undefined ? undefined : positive(Number(digits.replace('k', '000')));
}

const positive = (count: number) => (Number.isSafeInteger(count) && count > 0 ? count : undefined);

const SHORTEST_SECRET = 6;
const LONGEST_DETAIL = 200;

/** Takes URLs, and every part of the endpoint's own that could be a key, out of a node's text, and shortens it. */
export function redact(detail: string, secretUrl: string): string {
  let text = detail.replaceAll(/\b(?:https?|wss?):\/\/[^\s"'<>]+/gi, '[url]');
  for (const secret of secretParts(secretUrl)) text = text.replaceAll(secret, '[redacted]');
  return text.replaceAll(/\s+/g, ' ').slice(0, LONGEST_DETAIL);
}

function secretParts(secretUrl: string): string[] {
  if (!URL.canParse(secretUrl)) return [secretUrl];
  const url = new URL(secretUrl);
  const parts = [
    url.host,
    url.hostname,
    url.username,
    url.password,
    ...url.pathname.split('/'),
    ...url.searchParams.values(),
  ];
  return parts.filter((part) => part.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length);
}
