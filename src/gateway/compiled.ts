/**
 * What the edge knows of a registered API: the definition that its owner wrote, checked, with every default filled in and
 * every secret sealed. Plain JSON, made by the registry, never changed afterwards, and read by every part of the data
 * plane. Times are milliseconds, moments milliseconds since 1970.
 */

export const VISIBILITIES = ['public', 'keyed', 'private'] as const;

/** `public`: anyone; `keyed`: whoever has a key of the organization; `private`: the same, at `/api/v1/…` alone. */
export type Visibility = (typeof VISIBILITIES)[number];

export const LIFECYCLES = ['active', 'deprecated', 'retired'] as const;

export type Lifecycle = (typeof LIFECYCLES)[number];

export interface CompiledApi {
  /** UUID. */
  id: string;
  organizationId: string;
  /** Counts the changes of this API; 1 is its first form. */
  revision: number;
  slug: string;
  name: string;
  visibility: Visibility;
  lifecycle: CompiledLifecycle;
  versioning: Versioning;
  /** Empty: the API has no versions, and no path segment is taken for one. */
  versions: readonly CompiledVersion[];
  /** The first one is the default. */
  pools: readonly CompiledPool[];
  /** Empty: every method and path is forwarded under `policy`. */
  endpoints: readonly CompiledEndpoint[];
  /** What holds where neither an endpoint nor a version says otherwise. */
  policy: Policy;
  cors: Cors | null;
  /** How many units a caller without a credential may draw, by address. */
  addressLimit: { units: number; window: 'second' | 'minute' | 'hour' | 'day' };
  websocket: { idleMs: number; maxMessageBytes: number; maxConnections: number };
  purged: PurgeGenerations;
}

/**
 * How often what the caches hold of an API was purged: in all, by endpoint (its id) and by tag; a name that is not there
 * counts 0. Only ever grows, also when an older form of the API is published again (cache/purge.ts).
 */
export interface PurgeGenerations {
  all: number;
  endpoints: Readonly<Record<string, number>>;
  tags: Readonly<Record<string, number>>;
}

export interface CompiledLifecycle {
  status: Lifecycle;
  /** When it was or will be deprecated (RFC 9745). */
  deprecatedAt: number | null;
  /** From when on it answers 410 (RFC 8594). */
  sunsetAt: number | null;
  /** Where its users read about it: `Link` with `rel="deprecation"`. */
  documentationUrl: string | null;
  /** The version to move to: `Link` with `rel="successor-version"`. */
  successor: string | null;
}

export const VERSION_PLACES = ['path', 'header', 'accept'] as const;

/**
 * Where a request may say which version it wants: as the first segment after the slug, in `X-API-Version`, or as the
 * parameter `version` of `Accept` (`application/json;version=v2`, and `application/vnd.<anything>.v2+json`).
 */
export type VersionPlace = (typeof VERSION_PLACES)[number];

export interface Versioning {
  by: readonly VersionPlace[];
  /** For requests that name none; `null` refuses them. */
  default: string | null;
  /** Nobody chose it: once it is retired, the first version that is not takes its place. */
  takesFirst?: boolean;
}

export interface CompiledVersion {
  /** `v1`, `beta` and so on. */
  name: string;
  lifecycle: CompiledLifecycle;
  /** Parts of the API's policy that are otherwise in this version. */
  policy: Partial<Policy>;
}

export interface CompiledEndpoint {
  /** Unique in the API; stable when the endpoint is changed. */
  id: string;
  /** Upper case; empty means every method. `HEAD` is included in `GET` unless another endpoint has it. */
  methods: readonly string[];
  /** `/orders/{order_id}`; the last segment may be `{rest*}`, which takes any number of segments, none included. */
  path: string;
  /** In which versions it exists; `null`: in all. */
  versions: readonly string[] | null;
  /** All of them must hold. */
  when: readonly Predicate[];
  /** Where several endpoints fit, the highest priority goes first, then the more specific path, then the order written. */
  priority: number;
  policy: Partial<Policy>;
}

/** `equals` and `matches` need the value to be there; `exists: false` needs it not to be. */
export interface Predicate {
  in: 'host' | 'header' | 'query';
  /** Of the header field (lower case) or query parameter; empty for `host`. */
  name: string;
  test: { equals: string } | { oneOf: readonly string[] } | { prefix: string } | { exists: boolean };
}

/** How a call is carried out. Endpoint over version over API, field by field. */
export interface Policy {
  /** Quota units a call. */
  cost: number;
  /** Permissions that a key must hold beside the one to call. */
  scopes: readonly string[];
  /** Which pools take the calls, and in which proportions: a canary is a pool with a small weight. */
  split: readonly { pool: string; weight: number }[];
  /** For the whole call, retries included, until the answer's header fields are there. */
  timeoutMs: number;
  /** Attempts beside the first, of safe and idempotent methods alone (RFC 9110 §9.2.2). */
  retries: number;
  maxRequestBytes: number | null;
  cache: CachePolicy;
  request: RequestTransform;
  response: ResponseTransform;
  credentials: Credentials;
  /** What a test key gets. Without examples one is made from the schema. */
  mock: readonly MockAnswer[];
}

export interface CachePolicy {
  mode: 'off' | 'origin' | 'ttl';
  /** With `ttl`: how long an answer is fresh, whatever the origin says short of `no-store` and `private`. */
  ttlSeconds: number;
  staleWhileRevalidateSeconds: number;
  staleIfErrorSeconds: number;
  /**
   * Request header fields (lower case) and query parameters that belong to the key; `null`: all query parameters.
   * Parameters outside the list are not sent to the upstream either.
   */
  varyHeaders: readonly string[];
  queryParameters: readonly string[] | null;
  /** For purging. */
  tags: readonly string[];
  /**
   * `true`: one cache for each caller, an answer is never shown to another. `false`: answers to authorized requests are
   * shared with `ttl`, for which the owner answers. `null`: only where the origin allows it (RFC 9111 §3.5); with `ttl`
   * those that it does not are kept for each caller.
   */
  perCaller: boolean | null;
  maxBytes: number;
}

/** `value` is a template: `{{request.path}}` and the other names of transform/names.ts. */
export interface FieldChange {
  do: 'set' | 'add' | 'remove' | 'rename';
  name: string;
  /** Of `set` and `add`; the new name of `rename`. */
  value: string;
}

export interface RequestTransform {
  headers: readonly FieldChange[];
  query: readonly FieldChange[];
  /** The path below the upstream's own, as a template with the endpoint's parameters: `/v2/users/{{params.id}}`. */
  path: string | null;
  /** Maps a JSON body. */
  body: BodyMap | null;
}

export interface ResponseTransform {
  headers: readonly FieldChange[];
  body: BodyMap | null;
  /** From the upstream's status to ours. */
  status: readonly { from: number; to: number }[];
  /** JSON pointers (RFC 6901, `*` for any member) of what is replaced by `"***"`. */
  mask: readonly string[];
}

export interface BodyMap {
  /** In the mapping language (transform/body.ts). */
  expression: string;
  /** Larger bodies are refused (413) or, on the way back, answered with 502. */
  maxBytes: number;
}

export interface Credentials {
  /** Of the caller's own credential fields, those that are passed on (lower case). */
  passOn: readonly string[];
  inject: readonly {
    in: 'header' | 'query';
    name: string;
    /** `Bearer {{secret}}` */
    template: string;
    /** Sealed; the context is `api:<id>:credential`. */
    sealed: string;
  }[];
}

export interface MockAnswer {
  /** By which `Prefer: example=` asks for it. */
  name: string | null;
  status: number;
  contentType: string;
  /** A body to give, or a JSON Schema (without references) to make one from. */
  example: unknown;
  schema: unknown;
}

export interface Cors {
  /** Exact origins, or `*` alone. */
  origins: readonly string[];
  methods: readonly string[];
  headers: readonly string[];
  expose: readonly string[];
  credentials: boolean;
  maxAgeSeconds: number;
}

export const BALANCING_ALGORITHMS = ['round_robin', 'weighted', 'least_pending', 'consistent_hash'] as const;

export type BalancingAlgorithm = (typeof BALANCING_ALGORITHMS)[number];

export interface CompiledPool {
  name: string;
  upstreams: readonly CompiledUpstream[];
  balancing: {
    algorithm: BalancingAlgorithm;
    /** Of `consistent_hash`: the caller's key or address, or a header field (lower case). */
    hashOn: { kind: 'key' } | { kind: 'address' } | { kind: 'header'; name: string };
  };
  /** Asked by an alarm, however little traffic there is; `null`: not asked. */
  healthCheck: HealthCheck | null;
  breaker: BreakerSettings;
  /** What is taken out of the pool after so many failures in a row, and comes back slowly. */
  ejection: { consecutiveFailures: number; forMs: number; slowStartMs: number };
}

export interface CompiledUpstream {
  /** Stable name inside the API: what health and breakers are kept by. */
  id: string;
  /** Origin and base path, without a trailing slash, query or credentials: `https://api.example.com/v1`. */
  url: string;
  weight: number;
  /** Takes calls only while no other can. */
  backup: boolean;
  /** Whether the organization has shown that the host is its own. Without that it gets no traffic. */
  proven: boolean;
}

export interface HealthCheck {
  path: string;
  intervalMs: number;
  timeoutMs: number;
  expectedStatus: readonly number[];
  /** Answers in a row that make it healthy, and that make it unhealthy. */
  healthyAfter: number;
  unhealthyAfter: number;
}

export interface BreakerSettings {
  windowMs: number;
  /** Fewer calls in the window say nothing. */
  minimumCalls: number;
  /** Opens at this part of failures, or of slow calls, from 0 to 1. */
  errorRate: number;
  slowCallMs: number;
  slowCallRate: number;
  /** How long it stays open before it lets probes through. */
  openMs: number;
  /** Probes that must all succeed. */
  probes: number;
}

/** Everything that the data plane is told of an organization. */
export interface CompiledGateway {
  organizationId: string;
  /** What it may be found by, as the directory knows it: `slug:acme`, `host:api.acme.com`. */
  names: readonly string[];
  /** Of hosts all of whose paths belong to one API: its slug, by the name of the host. */
  boundTo: Readonly<Record<string, string>>;
  version: number;
  apis: readonly CompiledApi[];
}
