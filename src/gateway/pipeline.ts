import type { QuotaStatus } from '../access/admission.ts';
import type { KeyUse } from '../access/edge.ts';
import { clientAddress } from '../http/address.ts';
import { errorResponse } from '../http/problem.ts';
import { tellQuota } from '../http/quota-fields.ts';
import { AppError, notFound } from '../kernel/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { type AdmitDeps, admitCall, chargeAsking } from './admit.ts';
import { answerOf } from './answer.ts';
import { type Call, requestIdOf } from './call.ts';
import { type ForwardDeps, forward } from './forward.ts';
import type { Credential } from './identify.ts';
import { type LocateDeps, type Located, locate } from './locate.ts';
import type { Place } from './place.ts';
import type { GatewayView } from './prepared.ts';
import type { Records } from './records/gatherer.ts';
import { recordOf } from './records/of-call.ts';
import { deadEnd } from './refuse.ts';
import { pathFrom } from './routing/path.ts';
import type { Routing } from './routing/router.ts';

export interface PipelineDeps extends LocateDeps, AdmitDeps, ForwardDeps {
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
      const answer = errorResponse(thrown, { ...call, accept: request.headers.get('accept') });
      return finish(deps, call, answer, thrown instanceof AppError ? thrown : undefined);
    }
  };
}

function begin({ clock, log }: PipelineDeps, request: Request, place: Place): Call {
  return {
    ...{ request, place, log, requestId: requestIdOf(request.headers), startedAt: clock().getTime(), fields: [] },
    address: clientAddress(request.headers),
    ...{ organizationId: undefined, quota: undefined, caller: undefined, routed: undefined, view: undefined },
    ...{ routing: undefined, admittedAt: undefined, giveBack: undefined, upstream: undefined },
    ...{ cacheStatus: undefined, error: undefined },
  };
}

/** @throws AppError as the request is refused on its way */
async function serve(deps: PipelineDeps, call: Call): Promise<Response> {
  const located = await locate(deps, call.place, call.request.headers);
  call.organizationId = located.organizationId;
  call.view = located.view;
  const first = await attempt(deps, call, located, located.view);
  if (first instanceof Response) return first;
  const latest = await latestOf(deps, located.organizationId, first);
  if (latest === located.view && 'answer' in first) return first.answer();
  if (!latest) throw notFound('Service');
  call.view = latest;
  const second = await attempt(deps, call, located, latest);
  if (second instanceof Response) return second;
  if ('answer' in second) return second.answer();
  throw new AppError('service_unavailable', 'The APIs are being changed at this moment', { retryAfter: 1 });
}

/** What a call is routed by once more: it was charged nothing so far. */
const latestOf = ({ snapshots }: PipelineDeps, organizationId: string, doubt: Doubt) =>
  'answer' in doubt ? snapshots.confirm(organizationId) : snapshots.get(organizationId, doubt.version);

type Doubt =
  /** What it was routed by is no longer in force. */
  | { version: number }
  /** It led to no call, so that nobody has said whether what it was routed by is in force. */
  | { answer(): Promise<Response> };

/** Answers the call, if what it was routed by is in force. */
async function attempt(
  deps: PipelineDeps,
  call: Call,
  { organizationId, credential }: Located,
  view: GatewayView,
): Promise<Response | Doubt> {
  const { request } = call;
  const routing = routeOf(call, view);
  call.routing = routing;
  const preflight = 'api' in routing ? view.corsOf(routing.api)?.preflight(request.method, request.headers) : undefined;
  if (preflight) return { answer: async () => new Response(null, preflight) };
  const use = useOf(call);
  const tell = (status: QuotaStatus) => {
    call.quota = status;
  };
  if (routing.kind !== 'routed') return { answer: () => refuse(deps, call, credential, routing, { use, tell }) };
  const { api, plan } = routing;
  const admission = await admitCall(deps, {
    ...{ organizationId, api, credential, use, tell, policy: plan.policy, version: view.version },
  });
  if (admission.kind === 'stale') return admission;
  call.routed = routing;
  call.admittedAt = deps.clock().getTime();
  call.caller = admission.caller;
  call.giveBack = admission.giveBack;
  return answerOf(call, routing, view.planOf(routing), await forward(deps, call, routing, view));
}

function routeOf({ request, place, startedAt }: Call, { router }: GatewayView): Routing {
  const { path, at, target } = place;
  const slug = path.segments[at] ?? '';
  const { host, search } = target;
  const { method, headers } = request;
  const routing = router.route({ slug, path, from: at + 1, method, now: startedAt, host, headers, search });
  // A private API has no address that tells of it.
  const isHidden = 'api' in routing && routing.api.visibility === 'private' && place.organization.by === 'name';
  return isHidden ? { kind: 'unknown_api' } : routing;
}

/** The request, as limits and keys name it: by the address at which the service is reached with a key. */
const useOf = ({ request, place: { path, at }, address }: Call): KeyUse => ({
  address,
  method: request.method,
  path: `/api/v1${pathFrom(path, at)}`,
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

/** What every answer carries, and what follows from how it ended. */
function finish(deps: PipelineDeps, call: Call, response: Response, refusal: AppError | undefined): Response {
  const { headers, status } = response;
  const { routed, request } = call;
  headers.set('x-request-id', call.requestId);
  for (const [name, value] of call.fields) headers.set(name, value);
  if (routed) {
    routed.lifecycle?.write(headers, routed.base);
    call.view?.corsOf(routed.api)?.decorate(request.headers, headers);
  }
  const now = deps.clock().getTime();
  tellQuota(headers, call.quota, refusal?.rateLimit, now);
  // Every request counts but those whose failure is not the caller's.
  const isGivenBack = status === 401 || status >= 500;
  if (call.giveBack && isGivenBack) deps.background(call.giveBack());
  const record = recordOf(call, response, now, isGivenBack);
  if (record) deps.records.note(record);
  return response;
}
