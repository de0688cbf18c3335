import { FieldMap } from '../../http/header-fields.ts';
import type { CachePolicy } from '../compiled.ts';
import { dropBody, type Message } from '../message.ts';
import type { Answer } from './answer.ts';
import type { CacheReport, Forwarded } from './cache-status.ts';
import type { Call, Engine } from './engine.ts';
import { fill, landingOf, showing } from './fill.ts';
import type { Flight } from './flights.ts';
import { freshLeft } from './freshness.ts';
import { CALLER } from './key.ts';
import { type Ask, type Asked, askFor, confirms, failed, freshen } from './origin.ts';
import { passOn, present, showsChange } from './present.ts';
import type { Found } from './shelf.ts';
import { isCallersOwn, whyNotStored } from './storable.ts';
import { usableOnError } from './verdict.ts';

/** RFC 9211 §2.2: `request` where the stored answer is fresh and the client's Cache-Control kept it from being used. */
export function whyForwarded({ answer, miss }: Found, policy: CachePolicy, now: number): Forwarded {
  if (answer === null) return miss;
  return freshLeft(answer, policy, now) > 0 ? 'request' : 'stale';
}

/** A stale answer in place of an error (RFC 5861 §4), where it may be. */
export async function insteadOfError(
  engine: Engine,
  call: Call,
  found: Found,
  report: CacheReport,
): Promise<Message | null> {
  const now = engine.clock().getTime();
  const { answer, body, key } = found;
  const { policy } = call.scope;
  if (answer === null || !usableOnError(answer, policy, now)) return null;
  const told = {
    fwd: whyForwarded(found, policy, now),
    ...report,
    ttl: freshLeft(answer, policy, now),
    detail: 'stale-if-error',
  };
  return present(answer, body, showing(call, engine.shelf, now, key), told);
}

export async function askOrigin(
  engine: Engine,
  call: Call,
  found: Found,
  flight: Flight | undefined,
): Promise<Message> {
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
    const stale = await insteadOfError(engine, call, found, {});
    if (stale !== null) return stale;
    await dropBody(found);
    throw error;
  }
  const asked: Asked = { response, requestedAt, receivedAt: clock().getTime() };
  if (failed(response.status)) return afterError(engine, call, found, asked, flight);
  const validated = found.answer !== null && (found.answer.etag !== null || found.answer.lastModified !== null);
  if (response.status !== 304 || !validated || found.answer === null)
    return afterAnswer(engine, call, found, asked, flight);
  if (confirms(found.answer, response))
    return afterConfirmation(engine, call, { ...found, answer: found.answer }, asked, flight);
  // It confirms an answer that is not ours (RFC 9111 §4.3.4): asked again without ours.
  await dropBody(found);
  return askOrigin(engine, call, { ...found, answer: null, body: null }, flight);
}

async function afterError(
  engine: Engine,
  call: Call,
  found: Found,
  { response, requestedAt }: Asked,
  flight: Flight | undefined,
): Promise<Message> {
  flight?.land({ kind: 'failed' });
  const { status } = response;
  const stale = await insteadOfError(engine, call, found, { fwdStatus: status });
  if (stale !== null) {
    await response.body?.cancel();
    return stale;
  }
  await dropBody(found);
  return passOn(response, { fwd: whyForwarded(found, call.scope.policy, requestedAt), fwdStatus: status });
}

type Confirmed = Found & { answer: NonNullable<Found['answer']> };

async function afterConfirmation(
  engine: Engine,
  call: Call,
  found: Confirmed,
  asked: Asked,
  flight: Flight | undefined,
): Promise<Message> {
  const { shelf, clock } = engine;
  const { policy } = call.scope;
  const { body } = found;
  const answer = freshen(found.answer, asked);
  await asked.response.body?.cancel();
  // The 304 may say of the answer what was not said before: that it is private, or no longer public.
  const headers = new FieldMap(answer.fields);
  const reason = whyNotStored({ ...factsOf(call), method: 'GET' }, answer.status, headers, policy);
  const slot = reason === null ? await slotOf(engine, call, found, answer) : null;
  const report: CacheReport = {
    ...{ fwd: whyForwarded(found, policy, asked.requestedAt), fwdStatus: 304, stored: slot !== null },
    ttl: freshLeft(answer, policy, asked.receivedAt),
    ...(reason !== null && { detail: reason }),
  };
  if (slot === null) flight?.land({ kind: 'unshareable' });
  else if (body instanceof Uint8Array) {
    call.request.background(shelf.save(slot.key, answer, body, policy));
    flight?.land(landingOf({ ...slot, answer, body, fwdStatus: 304 }, policy, asked.receivedAt));
  } else call.request.background(rewrite(engine, call, slot.key, answer, flight));
  return present(answer, body, showing(call, shelf, clock().getTime(), found.key, asked.response), report);
}

/** Where a confirmed answer goes; `null`: nowhere. What was for everybody may have become its caller's own. */
async function slotOf({ shelf }: Engine, call: Call, { key, names, body }: Confirmed, answer: Answer) {
  const moves = isCallersOwn(call.request, answer.directives, call.scope.policy) && !names.includes(CALLER);
  if (!moves) return { key, names };
  // The bytes of a large one are in the store alone, under the key that is given up.
  return body instanceof Uint8Array ? shelf.place(call.place, names, [CALLER]) : null;
}

const factsOf = ({ request, terms }: Call) => ({
  method: request.method,
  noStore: terms.noStore,
  ...{ authorized: request.authorized, caller: request.caller, coding: terms.coding },
});

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
): Promise<Message> {
  const { response } = asked;
  const { request, scope } = call;
  await dropBody(found);
  const report: CacheReport = {
    fwd: whyForwarded(found, scope.policy, asked.requestedAt),
    fwdStatus: response.status,
  };
  const reason = whyNotStored(factsOf(call), response.status, response.headers, scope.policy);
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
