import { AppError } from '../kernel/errors.ts';
import type { Call } from './call.ts';
import type { Forwarded } from './forward.ts';
import { confine } from './headers/confine.ts';
import { downstreamHeaders } from './headers/downstream.ts';
import type { CallPlan } from './prepared.ts';
import type { RoutedCall } from './routing/router.ts';
import { type ChangedBody, changeAnswer, isJsonType } from './transform/message.ts';

/** Statuses whose answers have no body (Fetch, "null body status"). */
const BODILESS: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

/**
 * The upstream's answer as the caller gets it.
 * @throws AppError `bad_gateway` when it is more or something else than may be passed on
 */
export async function answerOf(
  call: Call,
  routed: RoutedCall,
  { response: changes }: CallPlan,
  { response, pool, upstream, rest, injection, facts }: Forwarded,
): Promise<Response> {
  if (!response.webSocket && (response.status < 200 || response.status > 599)) {
    await response.body?.cancel();
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
    await response.body?.cancel();
    throw new AppError('bad_gateway', 'The upstream answered with header fields that cannot be passed on');
  }
  const { headers } = made;
  if (response.webSocket) return new Response(null, { status: 101, headers, webSocket: response.webSocket });
  const status = changes.status?.get(response.status) ?? response.status;
  const body = changes.body && isJsonType(headers) ? decoded(response.body, headers) : response.body;
  const { method } = call.request;
  const change = () => changeAnswer(changes.body, { method, status: response.status, body }, headers);
  const changed = await (changes.body ? inTime(change, routed.plan.policy.timeoutMs) : change());
  if (!changed.ok) {
    throw new AppError('bad_gateway', `The upstream's answer cannot be passed on: ${changed.message}`);
  }
  changes.headers?.(headers, facts);
  const { organization } = call.place;
  if (!(organization.by === 'name' && organization.kind === 'host')) confine(headers);
  // Bodies are as they came over the wire: nothing undoes or repeats the coding that Content-Encoding names.
  return new Response(BODILESS.has(status) ? null : changed.body, { status, headers, encodeBody: 'manual' });
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
function decoded(body: ReadableStream<Uint8Array> | null, headers: Headers): ReadableStream<Uint8Array> | null {
  if (headers.get('content-encoding')?.trim().toLowerCase() !== 'gzip') return body;
  headers.delete('content-encoding');
  return body?.pipeThrough(new DecompressionStream('gzip') as ReadableWritablePair<Uint8Array, Uint8Array>) ?? null;
}
