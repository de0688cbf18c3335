import type { HeaderFields } from '../http/header-fields.ts';
import { AppError } from '../kernel/errors.ts';
import type { Call } from './call.ts';
import type { Forwarded } from './forward.ts';
import { confine } from './headers/confine.ts';
import { downstreamHeaders } from './headers/downstream.ts';
import { dropBody, type Message, type OwnMessage } from './message.ts';
import type { CallPlan } from './prepared.ts';
import type { RoutedCall } from './routing/router.ts';
import type { JsonChange } from './transform/body.ts';
import { type ChangedBody, changeAnswer, isJsonType } from './transform/message.ts';

/**
 * The upstream's answer as the caller gets it.
 * @throws AppError `bad_gateway` when it is more or something else than may be passed on
 */
export async function answerOf(
  call: Call,
  routed: RoutedCall,
  { response: changes }: CallPlan,
  { response, pool, upstream, rest, injection, facts }: Forwarded,
): Promise<OwnMessage> {
  if (!response.webSocket && (response.status < 200 || response.status > 599)) {
    await dropBody(response);
    throw new AppError('bad_gateway', 'The upstream answered with a status that there is not');
  }
  const made = downstreamHeaders(response.headers, {
    requestId: call.requestId,
    mount: {
      upstreams: pool.upstreams.map(({ url }) => url),
      requested: upstream.url + rest,
      publicBase: `${facts.scheme}://${facts.host}${routed.mount}`,
      queryNames: injection?.queryNames ?? [],
    },
    cookies: { mount: routed.base, upstream: upstream.url },
    secrets: injection?.secrets ?? [],
  });
  if (!made.ok) {
    await dropBody(response);
    throw new AppError('bad_gateway', 'The upstream answered with header fields that cannot be passed on');
  }
  const { headers } = made;
  if (response.webSocket) return { status: 101, headers, body: null, webSocket: response.webSocket };
  const status = changes.status?.get(response.status) ?? response.status;
  const body = changes.body ? await changedBody(call, changes.body, response, headers, routed) : response.body;
  changes.headers?.(headers, facts);
  const { organization } = call.place;
  if (!(organization.by === 'name' && organization.kind === 'host')) confine(headers);
  return { status, headers, body };
}

/** @throws AppError `bad_gateway`; as `inTime` */
async function changedBody(
  { request: { method } }: Call,
  change: JsonChange,
  { status, body: received }: Message,
  headers: HeaderFields,
  { plan }: RoutedCall,
): Promise<Message['body']> {
  const stream = received === null || received instanceof ReadableStream ? received : new Response(received).body;
  const body = isJsonType(headers) ? decoded(stream, headers) : stream;
  const changed = await inTime(() => changeAnswer(change, { method, status, body }, headers), plan.policy.timeoutMs);
  if (changed.ok) return changed.body;
  throw new AppError('bad_gateway', `The upstream's answer cannot be passed on: ${changed.message}`);
}

/**
 * What is to be changed is read here, and so is waited for: no longer than for the beginning of an answer.
 * @throws AppError `gateway_timeout`; `bad_gateway` when the answer breaks off
 */
async function inTime(change: () => Promise<ChangedBody>, timeoutMs: number): Promise<ChangedBody> {
  const late = Promise.withResolvers<never>();
  const tooLate = new AppError('gateway_timeout', 'The upstream did not answer in time');
  const timer = setTimeout(() => late.reject(tooLate), timeoutMs);
  try {
    return await Promise.race([change(), late.promise]);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('bad_gateway', "The upstream's answer broke off", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** A body that is to be read. Only gzip can be undone here; another coding is found not to be JSON. */
function decoded(body: ReadableStream<Uint8Array> | null, headers: HeaderFields): ReadableStream<Uint8Array> | null {
  if (headers.get('content-encoding')?.trim().toLowerCase() !== 'gzip') return body;
  headers.delete('content-encoding');
  return body?.pipeThrough(new DecompressionStream('gzip') as ReadableWritablePair<Uint8Array, Uint8Array>) ?? null;
}
