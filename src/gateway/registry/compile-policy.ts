import type {
  BodyMap,
  CachePolicy,
  Credentials,
  FieldChange,
  MockAnswer,
  Policy,
  RequestTransform,
  ResponseTransform,
} from '../compiled.ts';
import type { PolicyFields } from './policy-shape.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** What holds where nobody says anything. `split` is the API's first pool. */
export const defaultPolicy = (pool: string): Policy => ({
  cost: 1,
  scopes: [],
  split: [{ pool, weight: 1 }],
  timeoutMs: 30_000,
  retries: 1,
  maxRequestBytes: null,
  cache: compileCache({ mode: 'off' }),
  request: compileRequest({}),
  response: compileResponse({}),
  credentials: { passOn: [], inject: [] },
  mock: [],
});

/** The fields of a policy that a definition gives, each with the defaults inside it. */
export function compilePolicy(fields: PolicyFields): Partial<Policy> {
  const { cost, scopes, split, retries, timeout_ms, max_request_bytes } = fields;
  const { cache, request, response, credentials, mock } = fields;
  return {
    ...(cost !== undefined && { cost }),
    ...(scopes && { scopes }),
    ...(split && { split }),
    ...(timeout_ms !== undefined && { timeoutMs: timeout_ms }),
    ...(retries !== undefined && { retries }),
    ...(max_request_bytes !== undefined && { maxRequestBytes: max_request_bytes }),
    ...(cache && { cache: compileCache(cache) }),
    ...(request && { request: compileRequest(request) }),
    ...(response && { response: compileResponse(response) }),
    ...(credentials && { credentials: compileCredentials(credentials) }),
    ...(mock && { mock: mock.map(compileMock) }),
  };
}

type Given<Field extends keyof PolicyFields> = NonNullable<PolicyFields[Field]>;

const lower = (names: readonly string[]) => [...new Set(names.map((name) => name.toLowerCase()))];

function compileCache(cache: Given<'cache'>): CachePolicy {
  return {
    mode: cache.mode,
    ttlSeconds: cache.ttl_seconds ?? 0,
    staleWhileRevalidateSeconds: cache.stale_while_revalidate_seconds ?? 0,
    staleIfErrorSeconds: cache.stale_if_error_seconds ?? 0,
    varyHeaders: lower(cache.vary_headers ?? []),
    queryParameters: cache.query_parameters ?? null,
    tags: [...new Set(cache.tags ?? [])],
    perCaller: cache.per_caller ?? null,
    maxBytes: cache.max_bytes ?? 8 * MIB,
  };
}

type Changes = NonNullable<Given<'request'>['headers']>;

const compileChanges = (changes: Changes = []): FieldChange[] =>
  changes.map(({ do: verb, name, value = '' }) => ({ do: verb, name, value }));

const compileMap = (map: Given<'request'>['body']): BodyMap | null =>
  map ? { expression: map.expression, maxBytes: map.max_bytes ?? MIB } : null;

const compileRequest = ({ headers, query, path = null, body }: Given<'request'>): RequestTransform => ({
  headers: compileChanges(headers),
  query: compileChanges(query),
  path,
  body: compileMap(body),
});

const compileResponse = ({ headers, body, status = [], mask = [] }: Given<'response'>): ResponseTransform => ({
  headers: compileChanges(headers),
  body: compileMap(body),
  status,
  mask,
});

/** In a definition that is stored, the secrets are sealed already. */
const compileCredentials = ({ pass_on = [], inject = [] }: Given<'credentials'>): Credentials => ({
  passOn: lower(pass_on),
  inject: inject.map(({ in: place, name, template = '{{secret}}', secret }) => ({
    in: place,
    name,
    template,
    sealed: secret,
  })),
});

const compileMock = ({ name, status = 200, content_type, example, schema }: Given<'mock'>[number]): MockAnswer => ({
  name: name ?? null,
  status,
  contentType: content_type ?? 'application/json',
  example,
  schema,
});
