import type { Answer } from './answer.ts';
import type { CacheReport } from './cache-status.ts';
import type { Call, Engine } from './engine.ts';
import { fill, landingOf, showing } from './fill.ts';
import type { Flight } from './flights.ts';
import { freshLeft } from './freshness.ts';
import { type Ask, type Asked, askFor, confirms, failed, freshen } from './origin.ts';
import { passOn, present, showsChange } from './present.ts';
import type { Found } from './shelf.ts';
import { whyNotStored } from './storable.ts';
import { usableOnError } from './verdict.ts';

/** A stale answer in place of an error (RFC 5861 §4), where it may be. */
export async function insteadOfError(
  engine: Engine,
  call: Call,
  found: Found,
  report: CacheReport,
): Promise<Response | null> {
  const now = engine.clock().getTime();
  const { answer, body, key } = found;
  const { policy } = call.scope;
  if (answer === null || !usableOnError(answer, policy, now)) return null;
  const told = { ...report, ttl: freshLeft(answer, policy, now), detail: 'stale-if-error' };
  return present(answer, body, showing(call, engine.shelf, now, key), told);
}

export async function askOrigin(
  engine: Engine,
  call: Call,
  found: Found,
  flight: Flight | undefined,
): Promise<Response> {
  const { clock } = engine;
  const ask: Ask = {
    fields: askFor(call.terms, found.answer, flight !== undefined),
    query: call.query,
    behind: call.behind,
  };
  const requestedAt = clock().getTime();
  let response: Response;
  try {
    response = await call.forward(ask);
  } catch (error) {
    flight?.land({ kind: 'failed' });
    const stale = await insteadOfError(engine, call, found, { fwd: 'stale' });
    if (stale !== null) return stale;
    await dropBody(found);
    throw error;
  }
  const asked: Asked = { response, requestedAt, receivedAt: clock().getTime() };
  if (failed(response.status)) return afterError(engine, call, found, response, flight);
  const validated = found.answer !== null && (found.answer.etag !== null || found.answer.lastModified !== null);
  if (response.status !== 304 || !validated || found.answer === null)
    return afterAnswer(engine, call, found, asked, flight);
  if (confirms(found.answer, response))
    return afterConfirmation(engine, call, { ...found, answer: found.answer }, asked, flight);
  // It confirms an answer that is not ours (RFC 9111 §4.3.4): asked again without ours.
  await dropBody(found);
  return askOrigin(engine, call, { ...found, answer: null, body: null }, flight);
}

export async function dropBody({ body }: Found): Promise<void> {
  if (body instanceof ReadableStream) await body.cancel();
}

async function afterError(
  engine: Engine,
  call: Call,
  found: Found,
  response: Response,
  flight: Flight | undefined,
): Promise<Response> {
  flight?.land({ kind: 'failed' });
  const { status } = response;
  const stale = await insteadOfError(engine, call, found, { fwd: 'stale', fwdStatus: status });
  if (stale !== null) {
    await response.body?.cancel();
    return stale;
  }
  await dropBody(found);
  return passOn(response, { fwd: found.answer === null ? found.miss : 'stale', fwdStatus: status });
}

type Confirmed = Found & { answer: NonNullable<Found['answer']> };

async function afterConfirmation(
  engine: Engine,
  call: Call,
  found: Confirmed,
  asked: Asked,
  flight: Flight | undefined,
): Promise<Response> {
  const { shelf, clock } = engine;
  const { policy } = call.scope;
  const { key, names, body } = found;
  const answer = freshen(found.answer, asked);
  await asked.response.body?.cancel();
  const report: CacheReport = {
    fwd: 'stale',
    fwdStatus: 304,
    stored: true,
    ttl: freshLeft(answer, policy, asked.receivedAt),
  };
  if (body instanceof Uint8Array) {
    call.request.background(shelf.save(key, answer, body, policy));
    flight?.land(landingOf({ answer, body, key, names, fwdStatus: 304 }, policy, asked.receivedAt));
  } else call.request.background(rewrite(engine, call, key, answer, flight));
  return present(answer, body, showing(call, shelf, clock().getTime(), key), report);
}

/** The store cannot change a record alone: the bytes are read once more and written back beside it. */
async function rewrite(
  { shelf }: Engine,
  call: Call,
  key: string,
  answer: Answer,
  flight: Flight | undefined,
): Promise<void> {
  const stream = await shelf.range(key);
  if (stream !== null) await shelf.save(key, answer, { stream, length: answer.length }, call.scope.policy);
  flight?.land({ kind: stream === null ? 'alone' : 'stored' });
}

async function afterAnswer(
  engine: Engine,
  call: Call,
  found: Found,
  asked: Asked,
  flight: Flight | undefined,
): Promise<Response> {
  const { response } = asked;
  const { request, terms, scope } = call;
  await dropBody(found);
  const report: CacheReport = { fwd: found.answer === null ? found.miss : 'stale', fwdStatus: response.status };
  const facts = {
    method: request.method,
    noStore: terms.noStore,
    authorized: request.authorized,
    coding: terms.coding,
  };
  const reason = whyNotStored(facts, response.status, response.headers, scope.policy);
  if (reason === null) return fill(engine, call, asked, found.names, report, flight);
  flight?.land({ kind: 'unshareable' });
  // What was stored is not what the origin says now.
  const outdated =
    found.answer !== null &&
    response.status < 500 &&
    (request.method !== 'HEAD' || showsChange(found.answer, response));
  if (outdated) request.background(engine.shelf.remove(found.key));
  return passOn(response, { ...report, detail: reason });
}
