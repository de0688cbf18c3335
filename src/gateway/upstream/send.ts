import type { FieldMap } from '../../http/header-fields.ts';
import { type Clock, SECOND } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { type Destination, UnsendableRequest } from '../../outbound/destination.ts';
import { OutboundRefusal } from '../../outbound/guarded-fetch.ts';
import type { CompiledApi, CompiledPool, CompiledUpstream, Policy } from '../compiled.ts';
import type { Picked, PickOptions, Upstreams } from '../watch/upstreams.ts';
import type { RetryBudget } from './budget.ts';
import type { Upload } from './upload.ts';

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
  headers: FieldMap;
  body: ReadableStream<Uint8Array> | Uint8Array | string | null;
  /** How the body gets on, if it is a stream. */
  upload: Upload | undefined;
  /** Path below the upstream's own, and the query with its question mark. */
  rest: string;
  /** What a consistent hash goes by. */
  hashKey: string | undefined;
  /** Of the caller's own request. */
  signal: AbortSignal;
  /** Is told after each attempt. */
  tried(so: Tried): void;
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
 * neither the call's time nor the API's budget for retries is used up. A body that is a stream is not repeated; the call's
 * time runs from when it has been sent.
 * @throws AppError `service_unavailable` when no upstream takes calls; `gateway_timeout`; `bad_gateway`; `bad_request` for
 * what cannot be sent; as the body broke off
 */
export async function sendUpstream(deps: SendDeps, call: UpstreamCall): Promise<UpstreamAnswer> {
  const { api, pool, policy, hashKey, method, body } = call;
  const startedAt = deps.clock().getTime();
  const mayRepeat = policy.retries > 0 && IDEMPOTENT.has(method) && !(body instanceof ReadableStream);
  const budget = mayRepeat ? deps.budgetOf(api) : undefined;
  budget?.noteCall();
  const headers = new Headers();
  call.headers.writeTo(headers);
  const tried = new Set<string>();
  for (let attempts = 1; ; attempts += 1) {
    const picked = await pick(deps, api, pool, { hashKey, exclude: tried });
    tried.add(picked.upstream.id);
    const left = policy.timeoutMs - (deps.clock().getTime() - startedAt);
    const outcome = await attempt(deps, call, headers, picked, left);
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

async function attempt(
  deps: SendDeps,
  call: UpstreamCall,
  headers: Headers,
  picked: Picked,
  left: number,
): Promise<Attempted> {
  const { method, body, rest, upload } = call;
  const now = () => deps.clock().getTime();
  const startedAt = now();
  const deadline = new AbortController();
  const giveUp = () => deadline.abort();
  // At once: when the caller is gone, workerd may drop what is awaited here without settling it (measured).
  const goAway = () => {
    picked.done({ kind: 'aborted' });
    giveUp();
  };
  // Not AbortSignal.timeout: the time is for the answer's header fields, and its body may take as long as it likes.
  let timer = setTimeout(ring, Math.max(1, left));
  function ring(): void {
    const more = upload ? timeLeft(upload, startedAt, left, now()) : 0;
    if (more > 0) timer = setTimeout(ring, more);
    else giveUp();
  }
  if (call.signal.aborted) goAway();
  if (upload?.signal.aborted) giveUp();
  call.signal.addEventListener('abort', goAway);
  // For good: the body may break off while the answer is on its way.
  upload?.signal.addEventListener('abort', giveUp);
  try {
    const init = { method, headers, body, signal: deadline.signal };
    const response = await deps.destinationOf(picked.upstream).fetch(rest, init);
    picked.done({
      kind: 'answered',
      status: response.status,
      durationMs: now() - waitedSince(upload, startedAt, now()),
    });
    return { response };
  } catch (error) {
    const broken = upload?.broken();
    if (broken || call.signal.aborted) {
      picked.done({ kind: 'aborted' });
      return { error: broken ?? new AppError('bad_gateway', 'The caller went away', { cause: error }) };
    }
    if (error instanceof UnsendableRequest) {
      picked.done({ kind: 'aborted' });
      throw new AppError('bad_request', 'The request cannot be passed on', { cause: error });
    }
    const reason = deadline.signal.aborted ? 'timeout' : 'unreachable';
    picked.done({ kind: 'failed', reason });
    return { error: errorOf(reason, error) };
  } finally {
    clearTimeout(timer);
    upload?.leave();
    call.signal.removeEventListener('abort', goAway);
  }
}

/** Of the upstream's time, which does not pass while the caller is waited for: that has a bound of its own. */
function timeLeft(upload: Upload, startedAt: number, timeoutMs: number, now: number): number {
  const { for: whom, since } = upload.waiting();
  return whom === 'caller' ? timeoutMs : Math.max(since, startedAt) + timeoutMs - now;
}

/** Since when the upstream could have answered; just now, where it did so before it had everything. */
function waitedSince(upload: Upload | undefined, startedAt: number, now: number): number {
  if (!upload) return startedAt;
  const { for: whom, since } = upload.waiting();
  return whom === 'answer' ? Math.max(since, startedAt) : now;
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
