import {
  type Ask,
  type CacheDeps,
  type CacheRequest,
  type CacheStore,
  cacheScope,
  createCache,
  type Forward,
  NEVER_PURGED,
} from '../../../src/gateway/cache/index.ts';
import type { CachePolicy, CompiledApi, FieldChange, Policy } from '../../../src/gateway/compiled.ts';
import type { Message } from '../../../src/gateway/message.ts';

export const START = Date.UTC(2026, 10, 22, 12, 0, 0);

export const POLICY: CachePolicy = {
  mode: 'origin',
  ttlSeconds: 60,
  staleWhileRevalidateSeconds: 0,
  staleIfErrorSeconds: 0,
  varyHeaders: [],
  queryParameters: null,
  tags: [],
  perCaller: null,
  maxBytes: 10_000_000,
};

const everywhere = (cache: CachePolicy): Policy => ({
  ...{ cost: 1, scopes: [], split: [], timeoutMs: 1_000, retries: 0, maxRequestBytes: null, cache },
  request: { headers: [], query: [], path: null, body: null },
  response: { headers: [], body: null, status: [], mask: [] },
  ...{ credentials: { passOn: [], inject: [] }, mock: [] },
});

const pool = {
  name: 'main',
  upstreams: [{ id: 'u', url: 'https://origin.example/base', weight: 1, backup: false, proven: true }],
  balancing: { algorithm: 'round_robin' as const, hashOn: { kind: 'key' as const } },
  healthCheck: null,
  breaker: { windowMs: 1, minimumCalls: 1, errorRate: 1, slowCallMs: 1, slowCallRate: 1, openMs: 1, probes: 1 },
  ejection: { consecutiveFailures: 1, forMs: 1, slowStartMs: 1 },
};

const api = (cache: CachePolicy, purged = NEVER_PURGED): CompiledApi => ({
  ...{ id: 'api', organizationId: 'org', revision: 1, slug: 's', name: 'S', visibility: 'public', versions: [] },
  lifecycle: { status: 'active', deprecatedAt: null, sunsetAt: null, documentationUrl: null, successor: null },
  ...{ versioning: { by: [], default: null }, pools: [pool], endpoints: [], policy: everywhere(cache), cors: null },
  addressLimit: { units: 1, window: 'hour' },
  websocket: { idleMs: 1, maxMessageBytes: 1, maxConnections: 1 },
  purged,
});

/** Beside how it caches, what an endpoint does with requests and where it sends them. */
export interface Around {
  headers?: readonly FieldChange[];
  split?: Policy['split'];
}

export const scopeOf = (
  change: Partial<CachePolicy> = {},
  purged = NEVER_PURGED,
  { headers = [], split = [] }: Around = {},
) => {
  const cache = { ...POLICY, ...change };
  const policy = { cache, split, request: { headers, query: [], path: null, body: null } };
  return cacheScope(api(cache, purged), { endpointId: 'e1', version: null, policy });
};

const gather = async (stream: ReadableStream<Uint8Array>) => new Uint8Array(await new Response(stream).arrayBuffer());

/** A store in memory, as strict as the real one: a body that is shorter than announced is refused. */
export function mapStore(): CacheStore & { size(): number; keys(): string[]; gets: number } {
  const entries = new Map<string, { record: string; body: Uint8Array<ArrayBuffer> }>();
  const store = {
    gets: 0,
    size: () => entries.size,
    keys: () => [...entries.keys()],
    async get(key: string, range?: { first: number; last: number }) {
      store.gets += 1;
      const found = entries.get(new URL(key).href);
      if (found === undefined) return undefined;
      const part = range === undefined ? found.body : found.body.subarray(range.first, range.last + 1);
      return { record: found.record, body: new Response(part).body };
    },
    async put(...[key, record, body]: Parameters<CacheStore['put']>) {
      if (body === null || body instanceof Uint8Array) {
        entries.set(new URL(key).href, { record, body: body ?? new Uint8Array() });
        return;
      }
      const bytes = await gather(body.stream);
      if (bytes.length !== body.length) throw new Error('the body was cut short');
      entries.set(new URL(key).href, { record, body: bytes });
    },
    async delete(key: string) {
      entries.delete(new URL(key).href);
    },
  };
  return store;
}

export interface Answered {
  status?: number;
  headers?: Record<string, string>;
  body?: string | ReadableStream<Uint8Array> | null;
}

export type Facts = Partial<Omit<CacheRequest, 'headers'>> & { headers?: Record<string, string> };

export type Origin = (headers: Headers, ask: Ask | undefined, count: number) => Answered | Promise<Answered>;

/** A cache over a store, an origin that counts, and a clock that stands still until it is moved. */
export function newWorld(
  origin: Origin,
  change: Partial<CachePolicy> = {},
  deps: Partial<CacheDeps> = {},
  around: Around = {},
) {
  let now = START;
  const tasks: Promise<unknown>[] = [];
  const refusals: string[] = [];
  const asked: Headers[] = [];
  const asks: (Ask | undefined)[] = [];
  const store = mapStore();
  const newCache = () =>
    createCache({
      store,
      clock: () => new Date(now),
      onStoreError: (error) => {
        throw error;
      },
      pipe: () => new TransformStream<Uint8Array, Uint8Array>(),
      ...deps,
    });
  let cache = newCache();
  const world = {
    ...{ asked, asks, store, refusals, scope: scopeOf(change, NEVER_PURGED, around) },
    wait: (seconds: number) => {
      now += seconds * 1_000;
    },
    /** Another isolate of the same data centre. */
    otherIsolate: () => {
      cache = newCache();
    },
    settle: async () => {
      while (tasks.length > 0) await tasks.shift();
    },
    async start(facts: Facts = {}): Promise<Response> {
      const headers = new Headers(facts.headers);
      const request: CacheRequest = {
        ...{ method: 'GET', scheme: 'https', host: 'api.example', target: facts.path ?? '/things', path: '/things' },
        ...{ query: '', hasBody: false, pool: 'main', refused: (report: string) => void refusals.push(report) },
        ...{ authorized: false, caller: null, background: (task: Promise<unknown>) => void tasks.push(task) },
        ...facts,
        headers,
      };
      const forward: Forward = async (ask) => {
        const sent = new Headers(headers);
        for (const [name, value] of ask?.fields ?? []) value === null ? sent.delete(name) : sent.set(name, value);
        asked.push(sent);
        asks.push(ask);
        const { status = 200, headers: fields = {}, body = 'hello' } = await origin(sent, ask, asked.length);
        const bodiless = body === null || status === 304 || status === 204 || request.method === 'HEAD';
        const length =
          typeof body === 'string' && !('content-length' in fields) ? { 'content-length': String(body.length) } : {};
        return new Response(bodiless ? null : body, {
          status,
          headers: { date: new Date(now).toUTCString(), ...length, ...fields },
        });
      };
      return asResponse(await cache.serve(request, world.scope, forward));
    },
    /** A call to its end, with what it left running. */
    async call(facts: Facts = {}) {
      const response = await world.start(facts);
      const body = await response.text();
      await world.settle();
      return { status: response.status, headers: response.headers, body, report: response.headers.get('cache-status') };
    },
  };
  return world;
}

const asResponse = ({ status, headers, body }: Message): Response =>
  new Response(body, { status, headers: new Headers([...headers]) });

export const MAX_AGE = { headers: { 'cache-control': 'max-age=60' } };
