import type { CompiledApi, CompiledEndpoint, CompiledGateway, CompiledVersion, Policy } from '../compiled.ts';
import { type LifecycleFields, lifecycleFields } from './lifecycle.ts';
import { pathBefore, pathFrom, type RequestPath } from './path.ts';
import type { RequestFacts } from './predicates.ts';
import { compileSplit, type PoolChoice } from './split.ts';
import { buildTree, type EndpointTree } from './tree.ts';
import { type VersionFault, versionChooser } from './versions.ts';

interface RouteRequest extends RequestFacts {
  slug: string;
  path: RequestPath;
  /** Index of the first segment of `path` after the slug. */
  from: number;
  method: string;
  /** Milliseconds since 1970. */
  now: number;
}

/** How the calls of an endpoint in a version are carried out: always the same object for the same pair. */
interface Plan {
  policy: Policy;
  choosePool: PoolChoice;
}

interface Reached {
  api: CompiledApi;
  version: CompiledVersion | null;
}

export type Routing =
  | RoutedCall
  /** 404. */
  | { kind: 'unknown_api' }
  | { kind: 'unknown_version'; api: CompiledApi; fault: VersionFault; versions: readonly string[] }
  /** 410, with its fields. */
  | (Reached & { kind: 'gone'; lifecycle: LifecycleFields; base: string })
  /** 404. */
  | (Reached & { kind: 'unknown_endpoint' })
  /** 405 with `Allow`. */
  | (Reached & { kind: 'method_not_allowed'; allow: string })
  /** `OPTIONS` that no endpoint takes itself: 204 with `Allow` (RFC 9110 §9.3.7). */
  | (Reached & { kind: 'options'; allow: string });

export interface RoutedCall extends Reached {
  kind: 'routed';
  /** `null` in an API without endpoints. */
  endpoint: CompiledEndpoint | null;
  plan: Plan;
  /** Decoded: encode what goes into a path. The rest keeps its slashes. */
  params: ReadonlyMap<string, string>;
  /** What follows the slug and the version, canonical: empty, or with a slash at its beginning. */
  forward: string;
  /** Under which the API was reached (`/g/acme/orders`), canonical, version excluded. */
  base: string;
  /** The same with the version, where the path names one: what stands for the upstream's own base. */
  mount: string;
  lifecycle: LifecycleFields | null;
}

export interface Router {
  route(request: RouteRequest): Routing;
}

/** Finds APIs by their slug; each is prepared when it is first asked for, for as long as this version of them holds. */
export function createRouter(gateway: CompiledGateway): Router {
  const apis = new Map(gateway.apis.map((api) => [api.slug, api]));
  const prepared = new Map<string, ApiRoutes>();
  return {
    route(request) {
      let routes = prepared.get(request.slug);
      if (!routes) {
        const api = apis.get(request.slug);
        if (!api) return UNKNOWN_API;
        routes = new ApiRoutes(api);
        prepared.set(request.slug, routes);
      }
      return routes.route(request);
    },
  };
}

interface PreparedVersion extends Reached {
  lifecycle: LifecycleFields | null;
  /** By the index of the endpoint, made when it is first called. */
  plans: Map<number, Plan>;
  /** Of endpoints that say nothing of their own, and where there are none. */
  plain: Plan;
}

class ApiRoutes {
  readonly #api: CompiledApi;
  readonly #chooseVersion: ReturnType<typeof versionChooser>;
  readonly #versions: ReadonlyMap<string | null, PreparedVersion>;
  readonly #tree: EndpointTree | null;
  /** Of the API as a whole: it can be gone whatever version is asked for. */
  readonly #lifecycle: LifecycleFields | null;

  constructor(api: CompiledApi) {
    this.#api = api;
    this.#chooseVersion = versionChooser(api);
    this.#tree = api.endpoints.length === 0 ? null : buildTree(api.endpoints);
    const versions = api.versions.length === 0 ? [null] : api.versions;
    this.#versions = new Map(versions.map((version) => [version?.name ?? null, prepareVersion(api, version)]));
    this.#lifecycle = lifecycleFields(api.lifecycle, null, addressedVersions(api));
  }

  route(request: RouteRequest): Routing {
    const choice = this.#chooseVersion({
      segment: request.path.segments[request.from],
      headers: request.headers,
      now: request.now,
    });
    if (choice.kind === 'fault') {
      const gone = goneOf({ api: this.#api, version: null }, this.#lifecycle, request);
      return gone ?? { kind: 'unknown_version', api: this.#api, fault: choice, versions: this.#served(request.now) };
    }
    const reached = this.#versions.get(choice.name);
    if (!reached) throw new Error('a version was chosen that the API does not have');
    const { api, version, lifecycle } = reached;
    const gone = goneOf(reached, lifecycle, request);
    if (gone) return gone;
    const from = choice.byPath ? request.from + 1 : request.from;
    // An upstream that answers TRACE sends back what it was sent (RFC 9110 §9.3.8): with it the credentials put in for it.
    if (request.method === 'TRACE') return this.#refuse(request, from, reached);
    if (this.#tree === null) return routed(reached, null, reached.plain, NO_PARAMS, request, from);
    const found = this.#tree.find(treeQuery(request, from, version));
    if (!found) return this.#refuse(request, from, reached);
    const endpoint = api.endpoints[found.index] ?? null;
    return routed(reached, endpoint, planFor(reached, found.index), found.params, request, from);
  }

  #refuse(request: RouteRequest, from: number, reached: PreparedVersion): Routing {
    const { api, version } = reached;
    const methods = this.#methods(request, from, reached);
    if (methods.size === 0) return { kind: 'unknown_endpoint', api, version };
    const kind = request.method === 'OPTIONS' ? 'options' : 'method_not_allowed';
    return { kind, api, version, allow: allowOf(methods) };
  }

  #methods(request: RouteRequest, from: number, { version }: PreparedVersion): ReadonlySet<string> {
    return this.#tree?.methods(treeQuery(request, from, version)) ?? EVERY_METHOD;
  }

  /** The versions that a caller may turn to. */
  #served(now: number): string[] {
    return [...this.#versions.values()].flatMap(({ version, lifecycle }) =>
      version !== null && now < (lifecycle?.goneAt ?? Number.POSITIVE_INFINITY) ? [version.name] : [],
    );
  }
}

const treeQuery = (
  { path, method, host, headers, search }: RouteRequest,
  from: number,
  version: CompiledVersion | null,
) => ({
  segments: path.segments,
  from,
  method,
  version: version?.name ?? null,
  host,
  headers,
  search,
});

const routed = (
  { api, version, lifecycle }: PreparedVersion,
  endpoint: CompiledEndpoint | null,
  plan: Plan,
  params: ReadonlyMap<string, string>,
  { path, from: base }: RouteRequest,
  from: number,
): RoutedCall => ({
  kind: 'routed',
  api,
  version,
  endpoint,
  plan,
  params,
  forward: pathFrom(path, from),
  base: pathBefore(path, base),
  mount: pathBefore(path, from),
  lifecycle,
});

function goneOf({ api, version }: Reached, lifecycle: LifecycleFields | null, request: RouteRequest): Routing | null {
  if (lifecycle === null || request.now < lifecycle.goneAt) return null;
  return { kind: 'gone', api, version, lifecycle, base: pathBefore(request.path, request.from) };
}

const addressedVersions = ({ versioning, versions }: CompiledApi): ReadonlySet<string> =>
  new Set(versioning.by.includes('path') ? versions.map(({ name }) => name) : []);

function prepareVersion(api: CompiledApi, version: CompiledVersion | null): PreparedVersion {
  return {
    api,
    version,
    lifecycle: lifecycleFields(api.lifecycle, version?.lifecycle ?? null, addressedVersions(api)),
    plans: new Map(),
    plain: planOf(api, version ? { ...api.policy, ...version.policy } : api.policy),
  };
}

function planFor(reached: PreparedVersion, index: number): Plan {
  const known = reached.plans.get(index);
  if (known) return known;
  const own = reached.api.endpoints[index]?.policy ?? {};
  const { plain } = reached;
  const plan = Object.keys(own).length === 0 ? plain : planOf(reached.api, { ...plain.policy, ...own });
  reached.plans.set(index, plan);
  return plan;
}

const planOf = (api: CompiledApi, policy: Policy): Plan => ({
  policy,
  choosePool: compileSplit(policy.split, api.pools[0]?.name ?? '', api.id),
});

/** In one order, so that the field is the same for the same methods. `OPTIONS` is always answered, `HEAD` wherever `GET` is. */
function allowOf(methods: ReadonlySet<string>): string {
  const all = new Set(methods.has('*') ? [...COMMON_METHODS, ...methods] : methods);
  all.delete('*');
  all.delete('TRACE');
  if (all.has('GET')) all.add('HEAD');
  all.add('OPTIONS');
  const uncommon = [...all].filter((method) => !COMMON_METHODS.includes(method)).sort();
  return [...COMMON_METHODS.filter((method) => all.has(method)), ...uncommon].join(', ');
}

const COMMON_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const EVERY_METHOD: ReadonlySet<string> = new Set(['*']);
const NO_PARAMS: ReadonlyMap<string, string> = new Map();
const UNKNOWN_API: Routing = { kind: 'unknown_api' };
