import type { QuotaStatus } from '../access/admission.ts';
import type { KeyUse } from '../access/edge.ts';
import { clientAddress } from '../http/address.ts';
import { FieldMap } from '../http/header-fields.ts';
import { errorResponse } from '../http/problem.ts';
import { AppError, notFound } from '../kernel/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { type AdmitDeps, admitCall, type Caller, chargeAsking } from './admit.ts';
import { answerOf } from './answer.ts';
import { type Call, requestIdOf } from './call.ts';
import { finish } from './finish.ts';
import { type ForwardDeps, forward } from './forward.ts';
import { type Credential, readCredential } from './identify.ts';
import { type LocateDeps, type Located, locate } from './locate.ts';
import type { Message } from './message.ts';
import type { Place } from './place.ts';
import type { GatewayView } from './prepared.ts';
import type { Records } from './records/gatherer.ts';
import { deadEnd } from './refuse.ts';
import { pathFrom } from './routing/path.ts';
import type { RoutedCall, Routing } from './routing/router.ts';
import { mockAnswer, SANDBOX_FIELD, type SandboxDeps } from './sandbox/sandbox.ts';
import { isWebSocketRequest, proxyWebSocket, type SocketDeps } from './websocket/proxy.ts';

export interface PipelineDeps extends LocateDeps, AdmitDeps, ForwardDeps, SandboxDeps, SocketDeps {
  log: Logger;
  records: Records;
}

/**
 * The data plane: route → identify → admit → request transform → cache → balance → upstream → response transform → record.
 * A request is served by one version of its organization's gateway from beginning to end.
 */
export function createPipeline(deps: PipelineDeps): (request: Request, place: Place) => Promise<Response> {
  return async (request, place) => {
    const call = begin(deps, request, place);
    try {
      return finish(deps, call, await serve(deps, call), undefined);
    } catch (error) {
      const thrown = error instanceof Error ? error : new Error(String(error));
      call.error = thrown instanceof AppError ? thrown.code : 'internal_error';
      const answer = errorResponse(thrown, { ...call, accept: call.headers.get('accept') });
      return finish(deps, call, answer, thrown instanceof AppError ? thrown : undefined);
    }
  };
}

function begin({ clock, log }: PipelineDeps, request: Request, place: Place): Call {
  const headers = new FieldMap(request.headers);
  return {
    ...{ request, headers, place, log, requestId: requestIdOf(headers), startedAt: clock().getTime(), fields: [] },
    isSocket: isWebSocketRequest(request.method, headers),
    address: clientAddress(headers),
    ...{
      organizationId: undefined,
      quota: undefined,
      caller: undefined,
      asker: undefined,
      routed: undefined,
      view: undefined,
    },
    ...{ routing: undefined, admittedAt: undefined, giveBack: undefined, upstream: undefined },
    ...{ cacheStatus: undefined, error: undefined, isPreflight: false },
  };
}

/** @throws AppError as the request is refused on its way */
async function serve(deps: PipelineDeps, call: Call): Promise<Message> {
  const located = await locate(deps, call.place, call.headers);
  call.organizationId = located.organizationId;
  call.view = located.view;
  const first = await attempt(deps, call, located, located.view);
  if (isMessage(first)) return first;
  const latest = await latestOf(deps, located.organizationId, first);
  if (latest === located.view && 'answer' in first) return first.answer();
  if (!latest) throw notFound('Service');
  call.view = latest;
  const second = await attempt(deps, call, located, latest);
  if (isMessage(second)) return second;
  if ('answer' in second) return second.answer();
  throw new AppError('service_unavailable', 'The APIs are being changed at this moment', { retryAfter: 1 });
}

/** What a call is routed by once more: it was charged nothing so far. */
const latestOf = ({ snapshots }: PipelineDeps, organizationId: string, doubt: Doubt) =>
  'answer' in doubt ? snapshots.confirm(organizationId) : snapshots.get(organizationId, doubt.version);

type Doubt =
  /** What it was routed by is no longer in force. */
  | { version: number }
  /** It led to no call, or to one that is refused: nobody has said whether what it was routed by is in force. */
  | { answer(): Promise<Response> };

const isMessage = (served: Message | Doubt): served is Message => 'status' in served;

/** Answers the call, if what it was routed by is in force. */
async function attempt(
  deps: PipelineDeps,
  call: Call,
  { organizationId, credential }: Located,
  view: GatewayView,
): Promise<Message | Doubt> {
  const { request, headers } = call;
  const addressed = addressOf(call.place, view);
  const routing = routeOf(call, addressed, view);
  call.routing = routing;
  call.isPreflight = false;
  const preflight = 'api' in routing ? view.corsOf(routing.api)?.preflight(request.method, headers) : undefined;
  if (preflight) {
    call.isPreflight = true;
    return { answer: async () => new Response(null, preflight) };
  }
  const use = useOf(call, addressed);
  const tell = (status: QuotaStatus) => {
    call.quota = status;
  };
  const meet = (caller: Caller) => {
    call.asker = caller;
  };
  if (routing.kind !== 'routed') return { answer: () => refuse(deps, call, credential, routing, { use, tell }) };
  const { api, endpoint, plan } = routing;
  const admission = await admitCall(deps, {
    ...{ organizationId, api, endpoint, credential, use, tell, meet, policy: plan.policy, version: view.version },
    isSocket: call.isSocket,
  });
  if (admission.kind !== 'admitted') return admission;
  call.routed = routing;
  call.admittedAt = deps.clock().getTime();
  call.caller = admission.caller;
  call.giveBack = admission.giveBack;
  if (admission.caller.environment === 'test') return sandbox(deps, call, routing);
  const open = async () => answerOf(call, routing, view.planOf(routing), await forward(deps, call, routing, view));
  if (!call.isSocket) return open();
  const readmit = (charged: boolean) => readmitSocket(deps, call, { organizationId, credential, view }, charged);
  return proxyWebSocket(deps, { api, open, readmit });
}

/**
 * Whether a call that became an open WebSocket would still be let through, by the APIs and the credential as they are now.
 * @throws AppError as it would be refused
 */
async function readmitSocket(
  deps: PipelineDeps,
  call: Call,
  { organizationId, credential: first, view }: Located,
  charged: boolean,
): Promise<void> {
  const { place } = call;
  // A person's token and session end; what a key is worth is found out by its admission.
  const credential = first.kind === 'person' ? await readCredential(deps, call.headers) : first;
  const now = { ...call, startedAt: deps.clock().getTime() };
  let current: GatewayView | undefined = view;
  while (current) {
    const addressed = addressOf(place, current);
    const routing = routeOf(now, addressed, current);
    if (routing.kind !== 'routed') break;
    const { api, endpoint, plan } = routing;
    const admission = await admitCall(deps, {
      ...{ organizationId, api, endpoint, credential, use: useOf(call, addressed), version: current.version },
      isSocket: true,
      ...{
        policy: charged ? plan.policy : { ...plan.policy, cost: 0 },
        ...{ tell: () => undefined, meet: () => undefined },
      },
    });
    if (admission.kind === 'admitted') return;
    const latest = await latestOf(deps, organizationId, admission);
    if (latest === current && 'answer' in admission) return admission.answer();
    current = latest;
  }
  throw notFound('Service');
}

/** A key for trying things out reaches no upstream and no cache. */
function sandbox(deps: PipelineDeps, call: Call, { api, plan, params, forward }: RoutedCall): Promise<Response> {
  call.fields.push(SANDBOX_FIELD);
  const subject = `${api.id} ${forward}`;
  return mockAnswer(deps, { request: call.request, policy: plan.policy, params, subject });
}

/** What a request calls: an API, by its slug, and where the path below it begins. */
interface Addressed {
  slug: string;
  /** Index of a segment. */
  from: number;
}

/** Nothing when the name by which the organization was found is not its own in this version of its gateway. */
function addressOf({ path, at, organization }: Place, { names, boundTo }: GatewayView): Addressed | undefined {
  if (organization.by === 'name') {
    if (!names.has(organization.name)) return undefined;
    const bound = boundTo.get(organization.name);
    if (bound !== undefined) return { slug: bound, from: at };
  }
  return { slug: path.segments[at] ?? '', from: at + 1 };
}

function routeOf(
  { request, headers, place, startedAt }: Call,
  addressed: Addressed | undefined,
  { router }: GatewayView,
): Routing {
  if (!addressed) return { kind: 'unknown_api' };
  const { path, target } = place;
  const { host, search } = target;
  const { method } = request;
  const routing = router.route({ ...addressed, path, method, now: startedAt, host, headers, search });
  // A private API has no address that tells of it.
  const isHidden = 'api' in routing && routing.api.visibility === 'private' && place.organization.by === 'name';
  return isHidden ? { kind: 'unknown_api' } : routing;
}

/** The request, as limits and keys name it: by the address at which the service is reached with a key. */
const useOf = ({ request, place: { path, at }, address }: Call, addressed: Addressed | undefined): KeyUse => ({
  address,
  method: request.method,
  // A slug is its own canonical form; a first segment that is none is passed on as it was sent.
  path: addressed?.from === at ? `/api/v1/${addressed.slug}${pathFrom(path, at)}` : `/api/v1${pathFrom(path, at)}`,
});

async function refuse(
  deps: PipelineDeps,
  call: Call,
  credential: Credential,
  routing: Exclude<Routing, { kind: 'routed' }>,
  asking: Parameters<typeof chargeAsking>[2],
): Promise<Response> {
  const { error, fields } = deadEnd(routing);
  call.fields.push(...fields);
  if (!error) return new Response(null, { status: 204 });
  await chargeAsking(deps, credential, asking);
  throw error;
}
