import { utf8 } from '../../kernel/crypto.ts';
import { AppError } from '../../kernel/errors.ts';
import {
  type CompiledApi,
  type CompiledEndpoint,
  type CompiledLifecycle,
  type CompiledVersion,
  type Cors,
  type Predicate,
  type PurgeGenerations,
  VERSION_PLACES,
  type Versioning,
} from '../compiled.ts';
import { compilePolicy, defaultPolicy } from './compile-policy.ts';
import { compilePools } from './compile-pools.ts';
import type { ApiDefinition, EndpointDefinition, PredicateDefinition, VersionDefinition } from './definition.ts';

/** What a definition does not say of itself. */
export interface ApiFacts {
  id: string;
  organizationId: string;
  revision: number;
  purged: PurgeGenerations;
  /** Whether the organization has shown that an upstream at this address is its own. */
  isProven(url: URL): boolean;
}

/** The published form of a definition that has been checked, and whose endpoints have ids. */
export function compileApi(api: ApiDefinition, { isProven, ...facts }: ApiFacts): CompiledApi {
  const pools = compilePools(api, isProven);
  const { versions = [], endpoints = [], address_limit, websocket = {} } = api;
  const { idle_ms = 300_000, max_message_bytes = 1_048_576, max_connections = 1_000 } = websocket;
  return {
    ...facts,
    slug: api.slug,
    name: api.name,
    visibility: api.visibility ?? 'keyed',
    lifecycle: compileLifecycle(api),
    versioning: compileVersioning(api),
    versions: versions.map(compileVersion),
    pools,
    endpoints: endpoints.map(compileEndpoint),
    policy: { ...defaultPolicy(pools[0]?.name ?? ''), ...compilePolicy(api) },
    cors: compileCors(api.cors),
    addressLimit: address_limit ?? { units: 60, window: 'minute' },
    websocket: { idleMs: idle_ms, maxMessageBytes: max_message_bytes, maxConnections: max_connections },
  };
}

const momentOf = (text: string | null | undefined): number | null => (text ? Date.parse(text) : null);

function compileVersioning({ versioning = {}, versions = [] }: ApiDefinition): Versioning {
  const { by = VERSION_PLACES, default: chosen } = versioning;
  if (chosen !== undefined) return { by, default: chosen };
  const [first] = versions;
  return first ? { by, default: first.name, takesFirst: true } : { by, default: null };
}

type LifecycleFields = Pick<
  VersionDefinition,
  'status' | 'deprecated_at' | 'sunset_at' | 'documentation_url' | 'successor'
>;

export const compileLifecycle = (fields: LifecycleFields): CompiledLifecycle => ({
  status: fields.status ?? 'active',
  deprecatedAt: momentOf(fields.deprecated_at),
  sunsetAt: momentOf(fields.sunset_at),
  documentationUrl: fields.documentation_url ?? null,
  successor: fields.successor ?? null,
});

const compileVersion = (version: VersionDefinition): CompiledVersion => ({
  name: version.name,
  lifecycle: compileLifecycle(version),
  policy: compilePolicy(version),
});

const compileEndpoint = (endpoint: EndpointDefinition): CompiledEndpoint => ({
  id: endpoint.id ?? '',
  methods: endpoint.methods ?? [],
  path: endpoint.path,
  versions: endpoint.versions ?? null,
  when: (endpoint.when ?? []).map(compilePredicate),
  priority: endpoint.priority ?? 0,
  policy: compilePolicy(endpoint),
});

/** Names of hosts and header fields are the same in either case (RFC 9110 §4.2.3 and §5.1). */
function compilePredicate({ in: place, name = '', ...test }: PredicateDefinition): Predicate {
  const named = { in: place, name: place === 'header' ? name.toLowerCase() : name };
  const value = (text: string) => (place === 'host' ? text.toLowerCase() : text);
  if (test.equals !== undefined) return { ...named, test: { equals: value(test.equals) } };
  if (test.one_of !== undefined) return { ...named, test: { oneOf: test.one_of.map(value) } };
  if (test.prefix !== undefined) return { ...named, test: { prefix: value(test.prefix) } };
  return { ...named, test: { exists: test.exists ?? true } };
}

function compileCors(cors: ApiDefinition['cors']): Cors | null {
  if (!cors) return null;
  const { origins, methods = ['GET', 'HEAD', 'POST'], headers = [], expose = [], credentials = false } = cors;
  return { origins, methods, headers, expose, credentials, maxAgeSeconds: cors.max_age_seconds ?? 600 };
}

const MAX_COMPILED_BYTES = 1024 * 1024;

/**
 * How large an API is as it is published.
 * @throws AppError `bad_request` above 1 MiB: it is in the memory of every isolate that serves it
 */
export function compiledBytes(api: CompiledApi): number {
  const bytes = utf8(JSON.stringify(api)).length;
  if (bytes <= MAX_COMPILED_BYTES) return bytes;
  throw new AppError('bad_request', 'The API is larger than 1 MB once every default is filled in');
}
