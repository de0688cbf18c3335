import type {
  CompiledApi,
  CompiledEndpoint,
  CompiledGateway,
  CompiledLifecycle,
  Policy,
} from '../../../src/gateway/compiled.ts';
import { readPath } from '../../../src/gateway/routing/path.ts';
import { createRouter, type RoutedCall, type Routing } from '../../../src/gateway/routing/router.ts';

export const NOW = Date.UTC(2026, 5, 1);

export const ACTIVE: CompiledLifecycle = {
  status: 'active',
  deprecatedAt: null,
  sunsetAt: null,
  documentationUrl: null,
  successor: null,
};

export const POLICY: Policy = {
  cost: 1,
  scopes: [],
  split: [{ pool: 'main', weight: 1 }],
  timeoutMs: 10_000,
  retries: 0,
  maxRequestBytes: null,
  cache: {
    mode: 'off',
    ttlSeconds: 0,
    staleWhileRevalidateSeconds: 0,
    staleIfErrorSeconds: 0,
    varyHeaders: [],
    queryParameters: null,
    tags: [],
    perCaller: false,
    maxBytes: 0,
  },
  request: { headers: [], query: [], path: null, body: null },
  response: { headers: [], body: null, status: [], mask: [] },
  credentials: { passOn: [], inject: [] },
  mock: [],
};

export const sampleApi = (change: Partial<CompiledApi> = {}): CompiledApi => ({
  id: '01890000-0000-7000-8000-000000000001',
  organizationId: '01890000-0000-7000-8000-000000000002',
  revision: 1,
  slug: 'shop',
  name: 'Shop',
  visibility: 'keyed',
  lifecycle: ACTIVE,
  versioning: { by: ['path', 'header', 'accept'], default: null },
  versions: [],
  pools: [],
  endpoints: [],
  policy: POLICY,
  cors: null,
  addressLimit: { units: 10, window: 'hour' },
  purged: { all: 0, endpoints: {}, tags: {} },
  websocket: { idleMs: 60_000, maxMessageBytes: 65_536, maxConnections: 10 },
  ...change,
});

/** `GET,PUT /orders/{id}`; `* /orders` takes every method. */
export function endpoint(id: string, written: string, change: Partial<CompiledEndpoint> = {}): CompiledEndpoint {
  const [methods = '', path = ''] = written.split(' ');
  const listed = methods === '*' ? [] : methods.split(',');
  return { id, methods: listed, path, versions: null, when: [], priority: 0, policy: {}, ...change };
}

export const sampleGateway = (...apis: CompiledApi[]): CompiledGateway => ({
  organizationId: '01890000-0000-7000-8000-000000000002',
  names: ['slug:acme'],
  boundTo: {},
  version: 1,
  apis,
});

export interface Call {
  headers?: Record<string, string>;
  host?: string;
  now?: number;
}

/** Routes `GET /orders?x=1`, a path below `/g/acme/<slug>`. */
export function routeOf(api: CompiledApi): (call: string, more?: Call) => Routing {
  const router = createRouter(sampleGateway(api));
  return (call, { headers = {}, host = 'gw.test', now = NOW } = {}) => {
    const [method = '', target = ''] = call.split(' ');
    const [raw = '', search = ''] = target.split('?');
    const path = readPath(`/g/acme/${api.slug}${raw}`);
    if (typeof path === 'string') throw new Error(`the path is refused: ${path}`);
    return router.route({ slug: api.slug, path, from: 3, method, host, headers: new Headers(headers), search, now });
  };
}

export function routedOf(routing: Routing): RoutedCall {
  if (routing.kind !== 'routed') throw new Error(`not routed: ${routing.kind}`);
  return routing;
}

/** The endpoint's id, `-` for an API without endpoints, else why it was refused. */
export const endedAt = (routing: Routing): string => {
  if (routing.kind === 'routed') return routing.endpoint?.id ?? '-';
  return 'allow' in routing ? `${routing.kind}: ${routing.allow}` : routing.kind;
};
