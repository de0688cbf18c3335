import type { FieldReader } from '../../http/header-fields.ts';
import type { Call } from '../call.ts';
import type { Message } from '../message.ts';
import { cacheOutcome } from './cache-outcome.ts';
import type { CallRecord } from './record.ts';

/** A method is any token (RFC 9110 §9.1); those that are longer have no name that tells anything. */
const MAX_METHOD = 20;

/**
 * What is kept of a call that ends now. A call that found no organization is nobody's, and nothing is kept of it.
 * @param colo where this isolate runs
 * @param isGivenBack whether what it was charged is undone
 */
export function recordOf(
  call: Call,
  { status, headers }: Pick<Message, 'status' | 'headers'>,
  { now, colo, isGivenBack }: { now: number; colo: string | null; isGivenBack: boolean },
): CallRecord | undefined {
  const { organizationId, requestId, request, routing, routed, caller, upstream, startedAt, admittedAt } = call;
  if (organizationId === undefined) return undefined;
  const reached = routing && 'api' in routing ? routing : undefined;
  const endpoint = routed?.endpoint;
  const who = caller ?? call.asker;
  return {
    at: startedAt,
    organizationId,
    requestId,
    api: reached?.api.slug ?? null,
    version: (reached && 'version' in reached && reached.version?.name) || null,
    endpointId: endpoint?.id ?? null,
    route: endpoint?.path ?? null,
    method: request.method.slice(0, MAX_METHOD),
    status,
    error: call.error ?? null,
    cost: caller === undefined || isGivenBack ? 0 : (routed?.plan.policy.cost ?? 0),
    caller: who?.kind ?? null,
    keyId: who?.keyId ?? null,
    environment: who?.environment ?? null,
    upstreamId: upstream?.id ?? null,
    cache: cacheOutcome(call.cacheStatus ?? null),
    attempts: upstream?.attempts ?? 0,
    durationMs: now - startedAt,
    waitingMs: admittedAt === undefined ? null : admittedAt - startedAt,
    upstreamMs: upstream?.durationMs ?? null,
    requestBytes: lengthIn(call.headers),
    responseBytes: lengthIn(headers),
    colo,
    country: countryOf(call.headers),
  };
}

function lengthIn(headers: FieldReader): number | null {
  const field = headers.get('content-length');
  if (field === null) return null;
  const bytes = Number(field);
  return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : null;
}

/**
 * The platform writes it where the zone has it turned on; `request.cf` has it too, but is parsed anew for each request, which
 * takes many times as long as the rest of the record. https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-ipcountry
 */
function countryOf(headers: FieldReader): string | null {
  const country = headers.get('cf-ipcountry');
  return country?.length === 2 ? country : null;
}
