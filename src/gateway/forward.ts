import { FieldMap } from '../http/header-fields.ts';
import { AppError } from '../kernel/errors.ts';
import type { Ask, GatewayCache } from './cache/index.ts';
import type { Call } from './call.ts';
import { originOf } from './call.ts';
import type { CompiledPool, CompiledUpstream } from './compiled.ts';
import { type Injection, injectHeaders } from './headers/credentials.ts';
import { type PassedOnDeps, passedOn } from './headers/passed-on.ts';
import { continueTrace } from './headers/trace.ts';
import { upstreamHeaders } from './headers/upstream.ts';
import type { Message } from './message.ts';
import type { CallPlan, GatewayView } from './prepared.ts';
import type { RoutedCall } from './routing/router.ts';
import { receiveBody } from './size.ts';
import { askForWhole, changeRequest, type MessageFault } from './transform/message.ts';
import type { CallFacts } from './transform/names.ts';
import { addPieces, keepPieces } from './transform/query.ts';
import { type SendDeps, sendUpstream, type UpstreamCall } from './upstream/send.ts';
import type { Upload } from './upstream/upload.ts';

export interface ForwardDeps extends SendDeps, PassedOnDeps {
  cache: GatewayCache;
  /** From 0 to 1, 1 excluded. */
  random(): number;
  background(task: Promise<unknown>): void;
}

/** What came back, and what is needed to show it to the caller. */
export interface Forwarded {
  response: Message;
  pool: CompiledPool;
  /** The upstream that answered; the first of the pool where the cache did. */
  upstream: CompiledUpstream;
  /** Path and query that the upstream was asked for. */
  rest: string;
  injection: Injection | null;
  facts: CallFacts;
}

/** Of what nobody waits for. */
const NEVER = new AbortController().signal;

/** The request as it goes up, before the API's own credentials. */
interface Outgoing {
  headers: FieldMap;
  path: string;
  query: string;
  body: UpstreamCall['body'];
  upload: Upload | undefined;
}

/**
 * Carries a call to an upstream, through the cache.
 * @throws AppError as the request is refused (400, 408, 413, 415, 431, 508), and as sending it fails
 */
export async function forward(
  deps: ForwardDeps,
  call: Call,
  routed: RoutedCall,
  view: GatewayView,
): Promise<Forwarded> {
  const plan = view.planOf(routed);
  const facts = factsOf(call, routed);
  const outgoing = await outgoingOf(deps, call, routed, plan, facts);
  const injection = await plan.injection;
  const caller = call.caller?.keyId ?? call.caller?.userId ?? null;
  const { plan: chosen, api } = routed;
  const pool = view.poolOf(api, chosen.choosePool(caller ?? call.address ?? null, deps.random()));
  let upstream = pool.upstreams[0];
  const send = async (ask?: Ask) => {
    const sent = await sendUpstream(deps, {
      ...{ api, pool, policy: chosen.policy, method: call.request.method, body: outgoing.body },
      upload: outgoing.upload,
      headers: asked(outgoing.headers, ask, injection),
      rest: restOf(outgoing, ask, injection),
      hashKey: hashKeyOf(pool, call, outgoing.headers),
      signal: ask?.behind ? NEVER : call.request.signal,
      tried: (so) => {
        call.upstream = so;
      },
    });
    upstream = sent.upstream;
    return sent.response;
  };
  const request = {
    ...{ method: call.request.method, scheme: facts.scheme, host: facts.host, target: routed.forward },
    ...{ path: outgoing.path, query: outgoing.query, caller, pool: pool.name },
    ...{ headers: outgoing.headers, hasBody: outgoing.body !== null, background: deps.background },
    authorized:
      call.caller?.kind !== 'anonymous' || outgoing.headers.has('authorization') || call.headers.has('cookie'),
    refused: (report: string) => {
      call.cacheStatus = report;
      call.fields.push(['cache-status', report]);
    },
  };
  const response = call.isSocket ? await send() : await deps.cache.serve(request, plan.scope, send);
  if (plan.scope.policy.mode !== 'off') call.cacheStatus = response.headers.get('cache-status') ?? undefined;
  if (!upstream) throw new Error('an API was published with a pool that has no upstreams');
  return { response, pool, upstream, rest: restOf(outgoing, undefined, null), injection, facts };
}

function factsOf(call: Call, { api, version, params }: RoutedCall): CallFacts {
  const { request, headers, place, requestId, address, caller, organizationId } = call;
  const { scheme, host } = originOf(request.url);
  return {
    ...{
      requestId,
      method: request.method,
      scheme,
      host,
      path: place.target.path,
      search: place.target.search.slice(1),
    },
    ...{ headers, params, address },
    caller: { keyId: caller?.keyId ?? null, organizationId: organizationId ?? null, userId: caller?.userId ?? null },
    api: { slug: api.slug, version: version?.name ?? null },
    now: new Date(call.startedAt),
  };
}

async function outgoingOf(
  deps: PassedOnDeps & SendDeps,
  call: Call,
  routed: RoutedCall,
  plan: CallPlan,
  facts: CallFacts,
): Promise<Outgoing> {
  const { request, headers: received } = call;
  const { policy } = routed.plan;
  const passOn = await passedOn(deps, policy.credentials.passOn, received, call.caller);
  const made = upstreamHeaders(received, {
    ...{ requestId: call.requestId, address: call.address, host: facts.host, scheme: facts.scheme },
    ...{ trace: continueTrace(received), passOn, websocket: call.isSocket },
  });
  if (!made.ok) throw REFUSALS[made.reason]();
  const { headers } = made;
  const changes = plan.request;
  changes.headers?.(headers, facts);
  askForWhole(plan.response.body, headers);
  const path = changes.path ? changes.path(facts) : routed.forward;
  if (path === undefined) throw new AppError('bad_request', 'The path does not lead to the upstream');
  const query = changes.query ? changes.query(facts.search, facts) : facts.search;
  const { body, upload } = await receiveBody(request, { clock: deps.clock, maxBytes: policy.maxRequestBytes });
  if (!changes.body || body === null) return { headers, path, query, body, upload };
  const stream = body instanceof Uint8Array ? new Response(body).body : body;
  const changed = await changeRequest(changes.body, headers, stream).catch((error: unknown) => {
    throw upload?.broken() ?? error;
  });
  if (!changed.ok) throw bodyError(changed);
  return typeof changed.body === 'string'
    ? { headers, path, query, body: changed.body, upload: undefined }
    : { headers, path, query, body, upload };
}

const REFUSALS = {
  malformed: () => new AppError('bad_request', 'A header field is malformed'),
  too_large: () => new AppError('header_fields_too_large', 'The header fields are too many or too large'),
  loop: () => new AppError('loop_detected', 'The request has been through this gateway too often'),
} as const;

function bodyError({ reason, message }: MessageFault): AppError {
  const text = `The request body cannot be passed on: ${message}`;
  if (reason === 'too_large') return new AppError('payload_too_large', text);
  return new AppError(reason === 'coding' ? 'unsupported_media_type' : 'bad_request', text);
}

/** With what the cache asks for instead, and the API's own credentials, which nothing else may write or read. */
function asked(headers: FieldMap, ask: Ask | undefined, injection: Injection | null): FieldMap {
  if (!ask && !injection) return headers;
  const all = new FieldMap(headers);
  for (const [name, value] of ask?.fields ?? []) {
    if (value === null) all.delete(name);
    else all.set(name, value);
  }
  if (injection) injectHeaders(all, injection);
  return all;
}

function restOf({ path, query }: Outgoing, ask: Ask | undefined, injection: Injection | null): string {
  let search = ask?.query ?? query;
  if (injection && injection.queryNames.length > 0) {
    search = addPieces(
      keepPieces(search, (name) => !injection.queryNames.includes(name)),
      injection.query,
    );
  }
  return search === '' ? path : `${path}?${search}`;
}

function hashKeyOf(
  { balancing: { algorithm, hashOn } }: CompiledPool,
  call: Call,
  headers: FieldMap,
): string | undefined {
  if (algorithm !== 'consistent_hash') return undefined;
  switch (hashOn.kind) {
    case 'key':
      return call.caller?.keyId ?? call.caller?.userId ?? call.address;
    case 'address':
      return call.address;
    case 'header':
      return headers.get(hashOn.name) ?? call.address;
  }
}
