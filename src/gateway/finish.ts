import type { HeaderFields } from '../http/header-fields.ts';
import { tellQuota } from '../http/quota-fields.ts';
import type { Clock } from '../kernel/clock.ts';
import type { AppError, ErrorCode } from '../kernel/errors.ts';
import type { Call } from './call.ts';
import { showsCredential } from './identify.ts';
import { type Message, toResponse } from './message.ts';
import type { Records } from './records/gatherer.ts';
import { recordOf } from './records/of-call.ts';
import { addVary, variesBy } from './vary.ts';

interface FinishDeps {
  clock: Clock;
  records: Records;
  background(task: Promise<unknown>): void;
}

/** What every answer carries, and what follows from how it ended. */
export function finish(deps: FinishDeps, call: Call, message: Message, refusal: AppError | undefined): Response {
  const { headers, status } = message;
  headers.set('x-request-id', call.requestId);
  for (const [name, value] of call.fields) headers.set(name, value);
  if (!call.isPreflight) tellRoute(call, headers);
  // RFC 6750 §3: who showed no credential is told of no fault.
  if (call.error === 'unauthorized' && showsCredential(call.headers)) {
    headers.set('www-authenticate', 'Bearer error="invalid_token"');
  }
  const now = deps.clock().getTime();
  tellQuota(headers, call.quota, refusal?.rateLimit, now);
  // Before anything follows from it: where the platform does not take it, the answer is another.
  const response = toResponse(message);
  const isGivenBack = givesBack(call, status);
  if (call.giveBack && isGivenBack) deps.background(call.giveBack());
  const record = recordOf(call, message, { now, isGivenBack, colo: deps.records.coloOf(call.request) });
  if (record) deps.records.note(record);
  return response;
}

/** What follows from where a request led, also for one that was refused there: pages of other origins see why, too. */
function tellRoute(call: Call, headers: HeaderFields): void {
  const { routing, view } = call;
  const api = routing && 'api' in routing ? routing.api : undefined;
  if (routing?.kind === 'routed' || routing?.kind === 'gone') routing.lifecycle?.write(headers, routing.base);
  if (api) view?.corsOf(api)?.decorate(call.headers, headers);
  addVary(headers, variesBy(call, (api && view?.selectedBy(api)) ?? []));
  // In what form an error is told.
  if (call.error !== undefined) addVary(headers, ['Accept']);
}

/** Failures that a test key can have for the asking are none of these. */
const SANDBOX_FAILURES: ReadonlySet<ErrorCode> = new Set(['internal_error', 'not_implemented']);

/**
 * Whether a call is given back what it was charged. Every request counts but those whose failure is not the caller's: a
 * 401 and a 5xx, unless the caller brought it about.
 */
export function givesBack(
  call: Pick<Call, 'caller' | 'error' | 'headers' | 'request' | 'upstream'>,
  status: number,
): boolean {
  if (status !== 401 && status < 500) return false;
  const { caller, error, headers, request, upstream } = call;
  if (error === 'loop_detected' || request.signal.aborted) return false;
  if (caller?.environment === 'test') return error !== undefined && SANDBOX_FAILURES.has(error);
  // RFC 9111 §5.2.1.7: it wanted nobody to be asked.
  const isUnasked = upstream === undefined && (error === undefined || error === 'gateway_timeout');
  return !(isUnasked && /only-if-cached/i.test(headers.get('cache-control') ?? ''));
}
