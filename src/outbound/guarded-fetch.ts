import type { Clock } from '../kernel/clock.ts';
import { readStart } from './body.ts';
import { checkUrl, judgeAddresses, type OutboundPolicy, portOf } from './guard.ts';
import type { Resolve } from './resolver.ts';

export interface OutboundRequest {
  url: string;
  method: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
  /** Bounds everything: looking the name up, connecting, sending, and reading the answer. */
  timeoutMs: number;
}

export type OutboundResult =
  /** The receiver answered, with whatever status; `excerpt` is the first 4 KiB of the body as text. */
  | { kind: 'response'; status: number; headers: Headers; excerpt: string; durationMs: number }
  /** The address is one that nothing is sent to. */
  | { kind: 'refused'; reason: string; durationMs: number }
  /** No answer came. One reason for a closed port, a reset and a failed handshake, so that this is no port scanner. */
  | { kind: 'unreachable'; reason: string; durationMs: number }
  | { kind: 'timeout'; reason: string; durationMs: number };

/** Sends one request to an address that a user chose. Never throws for what the receiver or the network does. */
export type Outbound = (request: OutboundRequest) => Promise<OutboundResult>;

/**
 * One request of a longer exchange, answered with the response itself. It does not bound time or bytes; the caller does.
 * @throws OutboundRefusal when nothing may be sent to the address; whatever `fetch` throws otherwise
 */
export type GuardedFetch = (url: string, init: RequestInit & { signal: AbortSignal }) => Promise<Response>;

/** Why the address was not called: it is not one that requests are sent to, or its name did not resolve. */
export class OutboundRefusal extends Error {
  readonly kind: 'refused' | 'unreachable';

  constructor(kind: 'refused' | 'unreachable', reason: string) {
    super(reason);
    this.kind = kind;
  }
}

interface OutboundDeps {
  fetch: typeof fetch;
  clock: Clock;
  policy: OutboundPolicy;
  resolve: Resolve;
}

const EXCERPT_BYTES = 4 * 1024;

/**
 * Whether requests may be sent to an address now: its text is checked, and its name resolved.
 * @throws OutboundRefusal when nothing may be sent to it, or its name could not be resolved
 */
export type Judge = (url: string, signal: AbortSignal) => Promise<void>;

export function createJudge({ policy, resolve }: Pick<OutboundDeps, 'policy' | 'resolve'>): Judge {
  return async (url, signal) => {
    const check = checkUrl(url, policy);
    if (!check.ok) throw new OutboundRefusal('refused', `The address ${check.reason}`);
    if (check.listed) return;
    const resolution = await resolve(check.url.hostname, signal);
    if (resolution.kind === 'failed')
      throw new OutboundRefusal('unreachable', `The destination could not be reached: ${resolution.reason}`);
    if (judgeAddresses(resolution.addresses, portOf(check.url), policy)) return;
    throw new OutboundRefusal('refused', 'The address must belong to the public internet');
  };
}

/**
 * The guard around every request to addresses that users chose. The address is checked, its name resolved and refused if
 * any of its addresses is not public; a redirect is an answer like any other and is never followed.
 */
export function createGuardedFetch({ fetch, policy, resolve }: Omit<OutboundDeps, 'clock'>): GuardedFetch {
  const judge = createJudge({ policy, resolve });
  return async (url, init) => {
    await judge(url, init.signal);
    // `manual` hands a redirect back untouched; Workers do not know `error`.
    return fetch(url, { ...init, redirect: 'manual' });
  };
}

/** The way out for single requests: guarded, bounded in time and bytes, and never throwing. */
export function createOutbound(deps: OutboundDeps): Outbound {
  const guarded = createGuardedFetch(deps);
  const { clock } = deps;
  return async ({ url, method, headers, body = null, timeoutMs }) => {
    const startedAt = clock().getTime();
    const elapsed = () => Math.max(0, clock().getTime() - startedAt);
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const response = await guarded(url, { method, headers, body, signal });
      const { text } = await readStart(response, EXCERPT_BYTES);
      return {
        kind: 'response',
        status: response.status,
        headers: response.headers,
        excerpt: text,
        durationMs: elapsed(),
      };
    } catch (error) {
      const durationMs = elapsed();
      if (error instanceof OutboundRefusal) return { kind: error.kind, reason: error.message, durationMs };
      if (signal.aborted) return { kind: 'timeout', reason: `No answer within ${timeoutMs} ms`, durationMs };
      return { kind: 'unreachable', reason: 'The destination could not be reached', durationMs };
    }
  };
}
