import { type Clock, SECOND } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Destination } from '../../outbound/destination.ts';
import { OutboundRefusal } from '../../outbound/guarded-fetch.ts';
import type { CompiledApi, CompiledPool, CompiledUpstream, Policy } from '../compiled.ts';
import type { Picked, PickOptions, Upstreams } from '../watch/upstreams.ts';
import type { RetryBudget } from './budget.ts';

export interface SendDeps {
  clock: Clock;
  upstreams: Upstreams;
  destinationOf(upstream: CompiledUpstream): Destination;
  budgetOf(api: CompiledApi): RetryBudget;
}

export interface UpstreamCall {
  api: CompiledApi;
  pool: CompiledPool;
  policy: Readonly<{ timeoutMs: Policy['timeoutMs']; retries: Policy['retries'] }>;
  method: string;
  headers: Headers;
  body: ReadableStream<Uint8Array> | string | null;
  /** Path below the upstream's own, and the query with its question mark. */
  rest: string;
  /** What a consistent hash goes by. */
  hashKey: string | undefined;
  /** Of the caller's own request. */
  signal: AbortSignal;
  /** Aborted when the request's body is broken off. */
  bodySignal: AbortSignal | undefined;
  /** Is told after each attempt. */
  tried(so: Tried): void;
  /** Why the request's body broke off, if it did: that is not the upstream's failure. */
  broken(): AppError | undefined;
}

export interface UpstreamAnswer {
  response: Response;
  upstream: CompiledUpstream;
}

/** How far sending has come. */
interface Tried {
  /** Of the upstream that was asked last. */
  id: string;
  attempts: number;
  /** Until the header fields of its answer were there, or would not come. */
  durationMs: number;
}

/** RFC 9110 §9.2.2: whoever repeats these asks for nothing more. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Answers with which an upstream or what is before it says that it could not even try. */
const WORTH_RETRYING: ReadonlySet<number> = new Set([502, 503, 504]);

/** Left over, this much time makes one more attempt sensible. */
const MIN_ATTEMPT_MS = 50;

/**
 * Sends a call to one of a pool's upstreams, and to others of them while the first ones fail, it may be repeated, and
 * neither the call's time nor the API's budget for retries is used up. The body of what is repeated must be a text.
 * @throws AppError `service_unavailable` when no upstream takes calls; `gateway_timeout`; `bad_gateway`
 */
export async function sendUpstream(deps: SendDeps, call: UpstreamCall): Promise<UpstreamAnswer> {
  const { api, pool, policy, hashKey, method, body } = call;
  const startedAt = deps.clock().getTime();
  const mayRepeat = policy.retries > 0 && IDEMPOTENT.has(method) && (body === null || typeof body === 'string');
  const budget = mayRepeat ? deps.budgetOf(api) : undefined;
  budget?.noteCall();
  const tried = new Set<string>();
  for (let attempts = 1; ; attempts += 1) {
    const picked = await pick(deps, api, pool, { hashKey, exclude: tried });
    tried.add(picked.upstream.id);
    const left = policy.timeoutMs - (deps.clock().getTime() - startedAt);
    const outcome = await attempt(deps, call, picked, left);
    const elapsed = deps.clock().getTime() - startedAt;
    call.tried({ id: picked.upstream.id, attempts, durationMs: elapsed });
    const isLast =
      attempts > policy.retries || policy.timeoutMs - elapsed < MIN_ATTEMPT_MS || !mayRepeat || call.signal.aborted;
    if (outcome.response && (isLast || !WORTH_RETRYING.has(outcome.response.status) || !budget?.take())) {
      return { response: outcome.response, upstream: picked.upstream };
    }
    if (outcome.response) await outcome.response.body?.cancel();
    else if (isLast || !budget?.take()) throw outcome.error;
    // With nobody else to ask, the same one is asked again.
    if (tried.size === pool.upstreams.length) tried.clear();
  }
}

/** @throws AppError `service_unavailable` */
async function pick({ upstreams }: SendDeps, api: CompiledApi, pool: CompiledPool, options: PickOptions) {
  let picked = upstreams.pick(api, pool, options);
  if ('unavailable' in picked && picked.recheck) {
    await picked.recheck();
    picked = upstreams.pick(api, pool, options);
  }
  if ('unavailable' in picked) throw unavailable(picked.retryAfterMs);
  return picked;
}

type Attempted = { response: Response; error?: undefined } | { response?: undefined; error: AppError };

async function attempt(deps: SendDeps, call: UpstreamCall, picked: Picked, left: number): Promise<Attempted> {
  const { method, headers, body, rest } = call;
  const startedAt = deps.clock().getTime();
  const deadline = new AbortController();
  // Not AbortSignal.timeout: the time is for the answer's header fields, and its body may take as long as it likes.
  const giveUp = () => deadline.abort();
  const timer = setTimeout(giveUp, Math.max(1, left));
  if (call.signal.aborted || call.bodySignal?.aborted) giveUp();
  call.signal.addEventListener('abort', giveUp);
  // For good: the body may break off while the answer is on its way.
  call.bodySignal?.addEventListener('abort', giveUp);
  try {
    const init = { method, headers, body, signal: deadline.signal };
    const response = await deps.destinationOf(picked.upstream).fetch(rest, init);
    picked.done({ kind: 'answered', status: response.status, durationMs: deps.clock().getTime() - startedAt });
    return { response };
  } catch (error) {
    const broken = call.broken();
    if (broken || call.signal.aborted) {
      picked.done({ kind: 'aborted' });
      return { error: broken ?? new AppError('bad_gateway', 'The caller went away', { cause: error }) };
    }
    const reason = deadline.signal.aborted ? 'timeout' : 'unreachable';
    picked.done({ kind: 'failed', reason });
    return { error: errorOf(reason, error) };
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener('abort', giveUp);
  }
}

/** Nothing of the network's own words: they would tell addresses, and make this a port scanner. */
function errorOf(reason: 'timeout' | 'unreachable', cause: unknown): AppError {
  if (reason === 'timeout') return new AppError('gateway_timeout', 'The upstream did not answer in time', { cause });
  const why = cause instanceof OutboundRefusal && cause.kind === 'refused' ? 'may not be called' : 'cannot be reached';
  return new AppError('bad_gateway', `The upstream ${why}`, { cause });
}

const unavailable = (retryAfterMs: number) =>
  new AppError('service_unavailable', 'No upstream of this API takes calls at the moment', {
    retryAfter: Math.max(1, Math.ceil(retryAfterMs / SECOND)),
  });
