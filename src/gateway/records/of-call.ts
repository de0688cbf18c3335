import type { Call } from '../call.ts';
import { cacheOutcome } from './cache-outcome.ts';
import type { CallRecord } from './record.ts';

/** Longest text that is kept of a route or method: a hundred records then fit into a message. */
const MAX_TEXT = 200;

/**
 * What is kept of a call that ends now. A call that found no organization is nobody's, and nothing is kept of it.
 * @param isGivenBack whether what it was charged is undone
 */
export function recordOf(
  call: Call,
  { status, headers }: Response,
  now: number,
  isGivenBack: boolean,
): CallRecord | undefined {
  const { organizationId, requestId, request, routing, routed, caller, upstream, startedAt, admittedAt } = call;
  if (organizationId === undefined) return undefined;
  const reached = routing && 'api' in routing ? routing : undefined;
  const endpoint = routed?.endpoint;
  const { cf } = request;
  return {
    at: startedAt,
    organizationId,
    requestId,
    api: reached?.api.slug ?? null,
    version: (reached && 'version' in reached && reached.version?.name) || null,
    endpointId: endpoint?.id ?? null,
    route: short(endpoint?.path) ?? null,
    method: short(request.method) ?? '',
    status,
    error: call.error ?? null,
    cost: caller === undefined || isGivenBack ? 0 : (routed?.plan.policy.cost ?? 0),
    caller: caller?.kind ?? null,
    keyId: caller?.keyId ?? null,
    environment: caller?.environment ?? null,
    upstreamId: upstream?.id ?? null,
    cache: cacheOutcome(call.cacheStatus ?? null),
    attempts: upstream?.attempts ?? 0,
    durationMs: now - startedAt,
    waitingMs: admittedAt === undefined ? null : admittedAt - startedAt,
    upstreamMs: upstream?.durationMs ?? null,
    requestBytes: lengthIn(request.headers),
    responseBytes: lengthIn(headers),
    colo: textOf(cf?.['colo']),
    country: textOf(cf?.['country']),
  };
}

const short = (text: string | undefined) =>
  text === undefined || text.length <= MAX_TEXT ? text : text.slice(0, MAX_TEXT);

function lengthIn(headers: Headers): number | null {
  const field = headers.get('content-length');
  if (field === null) return null;
  const bytes = Number(field);
  return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : null;
}

/** The platform's own codes of three and two letters. */
const textOf = (value: unknown) => (typeof value === 'string' && value.length <= 3 ? value : null);
