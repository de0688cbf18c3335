import type { CachePolicy } from '../compiled.ts';
import type { Message } from '../message.ts';
import type { Answer } from './answer.ts';
import type { CacheReport } from './cache-status.ts';
import { notModified } from './conditions.ts';
import type { Call, Engine } from './engine.ts';
import type { Flight, Landing } from './flights.ts';
import { freshLeft, keepFor } from './freshness.ts';
import { CALLER } from './key.ts';
import { type Asked, newAnswer, varyBeyond } from './origin.ts';
import { passOn, present, type Showing } from './present.ts';
import { collector, pump, storeWriter } from './pump.ts';
import { recordFits, SMALL_BYTES } from './shelf.ts';
import { isCallersOwn } from './storable.ts';

interface Slot {
  key: string;
  names: readonly string[];
}

/** What others get who waited: nothing, where each of them has to ask the origin anyway. */
export function landingOf(
  landed: Omit<Extract<Landing, { kind: 'answer' }>, 'kind'>,
  policy: CachePolicy,
  now: number,
): Landing {
  return freshLeft(landed.answer, policy, now) > 0 ? { kind: 'answer', ...landed } : { kind: 'unshareable' };
}

const NO_FLIGHT: Flight = { land: () => undefined };

/**
 * Stores an answer that may be stored while handing it to the client. Small bodies of known length are read whole; large
 * ones stream to the client and the store at once; those of unknown length are gathered up to a bound.
 */
export async function fill(
  engine: Engine,
  call: Call,
  asked: Asked,
  known: readonly string[],
  report: CacheReport,
  flight: Flight = NO_FLIGHT,
): Promise<Message> {
  const { response } = asked;
  const { policy } = call.scope;
  const length = bodyLength(response);
  const draft = newAnswer(asked, length ?? 0);
  const useful = keepFor(draft, policy, asked.receivedAt) > 0;
  const fits = (length ?? 0) <= policy.maxBytes && recordFits(draft);
  const names = varyBeyond(response.headers, call.scope.vary);
  if (isCallersOwn(call.request, draft.directives, policy)) names.push(CALLER);
  const slot = useful && fits ? await engine.shelf.place(call.place, known, names) : null;
  if (slot === null) {
    flight.land({ kind: 'unshareable' });
    return passOn(response, { ...report, detail: useful ? 'size' : 'no-lifetime' });
  }
  const told = { ...report, stored: true, ttl: freshLeft(draft, policy, asked.receivedAt) };
  if (length !== null && length <= SMALL_BYTES) return fillSmall(engine, call, asked, draft, slot, told, flight);
  return fillStreaming(engine, call, asked, draft, length, slot, told, flight);
}

function bodyLength({ body, headers }: Response): number | null {
  if (body === null) return 0;
  const told = headers.get('content-length');
  return told !== null && /^\d{1,15}$/.test(told) ? Number(told) : null;
}

async function fillSmall(
  { shelf, clock }: Engine,
  call: Call,
  { response }: Asked,
  answer: Answer,
  { key, names }: Slot,
  report: CacheReport,
  flight: Flight,
): Promise<Message> {
  let body: Uint8Array<ArrayBuffer>;
  try {
    body = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    flight.land({ kind: 'failed' });
    throw error;
  }
  if (body.length !== answer.length) {
    // Whatever it is, it is not the message that was announced.
    flight.land({ kind: 'unshareable' });
    const { stored: _, ttl: _ttl, ...rest } = report;
    return passOn(response, { ...rest, detail: 'length' }, body);
  }
  call.request.background(shelf.save(key, answer, body, call.scope.policy));
  const now = clock().getTime();
  flight.land(landingOf({ answer, body, key, names, fwdStatus: response.status }, call.scope.policy, now));
  return present(answer, body, showing(call, shelf, now, key, response), report);
}

/** How a stored answer is cut and shown for a call; `origin` is the upstream's own, where it has just made or confirmed it. */
export const showing = (
  { request, terms }: Call,
  shelf: Engine['shelf'],
  now: number,
  key: string,
  origin?: Response,
): Showing => ({
  ...{ method: request.method, terms, now },
  // With an Age it comes from another cache, and not from the origin itself.
  isFirsthand: origin !== undefined && !origin.headers.has('age'),
  range: (range: { first: number; last: number }) => shelf.range(key, range),
});

async function fillStreaming(
  { shelf, clock, pipe, budget }: Engine,
  call: Call,
  { response }: Asked,
  draft: Answer,
  length: number | null,
  { key, names }: Slot,
  report: CacheReport,
  flight: Flight,
): Promise<Message> {
  const { policy } = call.scope;
  const source = response.body ?? new Response('').body;
  if (source === null) return passOn(response, report);
  const sink =
    length === null
      ? collector(budget, policy.maxBytes, async (body) => {
          if (body === null) return flight.land({ kind: 'alone' });
          const answer = { ...draft, length: body.length };
          const saved = shelf.save(key, answer, body, policy);
          flight.land(landingOf({ answer, body, key, names, fwdStatus: response.status }, policy, clock().getTime()));
          await saved;
        })
      : storeWriter(
          pipe(length),
          (stream) => shelf.save(key, draft, { stream, length }, policy),
          (stored) => flight.land({ kind: stored ? 'stored' : 'alone' }),
        );
  // Nobody reads the answer of a call behind the client's back, and a 304 has no body.
  const bodiless = call.behind || notModified(draft, call.terms);
  const client = bodiless ? null : pipe(length);
  call.request.background(pump(source, client?.writable ?? null, sink));
  if (client === null) return present(draft, null, showing(call, shelf, clock().getTime(), key, response), report);
  return passOn(response, report, client.readable);
}
