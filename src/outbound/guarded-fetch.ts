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

interface OutboundDeps {
  fetch: typeof fetch;
  clock: Clock;
  policy: OutboundPolicy;
  resolve: Resolve;
}

const EXCERPT_BYTES = 4 * 1024;

/**
 * The one way out to addresses that users chose. The address is checked, its name resolved and refused if any of its
 * addresses is not public; a redirect is an answer like any other and is never followed.
 */
export function createOutbound({ fetch, clock, policy, resolve }: OutboundDeps): Outbound {
  /** Why the address may not be called, or `undefined` if it may. */
  async function objection(
    url: string,
    signal: AbortSignal,
  ): Promise<{ kind: 'refused' | 'unreachable'; reason: string } | undefined> {
    const check = checkUrl(url, policy);
    if (!check.ok) return { kind: 'refused', reason: `The address ${check.reason}` };
    if (check.listed) return undefined;
    const resolution = await resolve(check.url.hostname, signal);
    if (resolution.kind === 'failed')
      return { kind: 'unreachable', reason: `The destination could not be reached: ${resolution.reason}` };
    if (judgeAddresses(resolution.addresses, portOf(check.url), policy)) return undefined;
    return { kind: 'refused', reason: 'The address must belong to the public internet' };
  }

  return async (request) => {
    const startedAt = clock().getTime();
    const elapsed = () => Math.max(0, clock().getTime() - startedAt);
    const signal = AbortSignal.timeout(request.timeoutMs);
    const refusal = await objection(request.url, signal);
    if (refusal) return { ...refusal, durationMs: elapsed() };
    try {
      const { url, method, headers, body = null } = request;
      // `manual` hands a redirect back untouched; Workers do not know `error`.
      const response = await fetch(url, { method, headers, body, redirect: 'manual', signal });
      const { text } = await readStart(response, EXCERPT_BYTES);
      return {
        kind: 'response',
        status: response.status,
        headers: response.headers,
        excerpt: text,
        durationMs: elapsed(),
      };
    } catch {
      const durationMs = elapsed();
      if (signal.aborted) return { kind: 'timeout', reason: `No answer within ${request.timeoutMs} ms`, durationMs };
      return { kind: 'unreachable', reason: 'The destination could not be reached', durationMs };
    }
  };
}
