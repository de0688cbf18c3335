import { HTTP_METHODS } from '../../../access/path-pattern.ts';
import { notFound } from '../../../kernel/errors.ts';
import { lifecycleAt, versionLifecycleAt } from '../../routing/lifecycle.ts';
import { readPattern } from '../../routing/pattern.ts';
import { compileLifecycle } from '../compile.ts';
import type { ApiDefinition, EndpointDefinition, VersionDefinition } from '../definition.ts';
import { withEndpointIds } from '../endpoint-ids.ts';
import { shapeOf } from './endpoints.ts';
import type { Json } from './pointer.ts';
import { responsesOf } from './responses.ts';

export interface ExportFacts {
  revision: number;
  /** Where callers reach the API, without a slash at the end. */
  addresses: readonly string[];
  /** The one version that is described; without it all of them are. */
  version: string | undefined;
  /** Milliseconds since 1970. */
  now: number;
}

/**
 * The OpenAPI 3.1 document of an API as its callers see it: nothing of what stands behind it.
 * @throws AppError `not_found` for a version that there is not
 */
export function exportDocument(sent: ApiDefinition, facts: ExportFacts): Json {
  const api = withEndpointIds(sent);
  const { version } = facts;
  const described = api.versions?.find(({ name }) => name === version);
  if (version !== undefined && !described) throw notFound('Version');
  const status = described ? versionStatus(api, described, facts.now) : statusOf(api, facts.now);
  const { sunset_at } = described ?? api;
  return {
    openapi: '3.1.0',
    info: {
      title: api.name,
      ...(api.description && { description: api.description }),
      version: version ?? String(facts.revision),
      ...(status !== 'active' && { 'x-weir-status': status }),
      ...(sunset_at && { 'x-weir-sunset': sunset_at }),
    },
    servers: serversOf(api, facts),
    security: securityOf(api, []),
    paths: pathsOf(api, facts),
    components: {
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key or an access token' },
      },
    },
  };
}

const isByPath = ({ versions = [], versioning }: ApiDefinition) =>
  versions.length > 0 && (versioning?.by ?? ['path']).includes('path');

const statusOf = (part: Parameters<typeof compileLifecycle>[0], now: number) =>
  lifecycleAt(compileLifecycle(part), now);

const versionStatus = (api: ApiDefinition, version: VersionDefinition, now: number) =>
  versionLifecycleAt(compileLifecycle(api), compileLifecycle(version), now);

/** The versions that are not gone by themselves. */
const served = ({ versions = [] }: ApiDefinition, now: number) =>
  versions.filter((version) => statusOf(version, now) !== 'retired').map(({ name }) => name);

function serversOf(api: ApiDefinition, { addresses, version, now }: ExportFacts): Json[] {
  if (!isByPath(api)) return addresses.map((url) => ({ url }));
  if (version !== undefined) return addresses.map((url) => ({ url: `${url}/${version}` }));
  const names = served(api, now);
  const usual = api.versioning?.default ?? names[0] ?? '';
  if (!names.includes(usual)) return addresses.map((url) => ({ url }));
  const variables = { version: { enum: names, default: usual } };
  return addresses.map((url) => ({ url: `${url}/{version}`, variables }));
}

const securityOf = ({ visibility = 'keyed' }: ApiDefinition, scopes: readonly string[]): Json[] => [
  ...(visibility === 'public' && scopes.length === 0 ? [{}] : []),
  { apiKey: scopes },
  { bearer: scopes },
];

/** Operations by path and method. What has no place of its own there stands beside what has it. */
function pathsOf(api: ApiDefinition, { version, now }: ExportFacts): Json {
  const keys = new Map<string, string>();
  const paths = new Map<string, Map<string, Json>>();
  for (const endpoint of api.endpoints ?? []) {
    if (version !== undefined && endpoint.versions && !endpoint.versions.includes(version)) continue;
    const shape = shapeOf(endpoint.path);
    // Templates that differ in the names of their parameters alone are the same path (OpenAPI 3.1 §4.8.8).
    const key = keys.get(shape) ?? endpoint.path.replace(/\*\}$/, '}');
    keys.set(shape, key);
    const item = paths.get(key) ?? new Map<string, Json>();
    paths.set(key, item);
    place(api, endpoint, { key, now }, item);
  }
  return Object.fromEntries([...paths].map(([key, item]) => [key, Object.fromEntries(item)]));
}

function place(
  api: ApiDefinition,
  endpoint: EndpointDefinition,
  { key, now }: Pick<Place, 'key' | 'now'>,
  item: Map<string, Json>,
) {
  const every = !endpoint.methods?.length;
  const wanted = (every ? HTTP_METHODS : (endpoint.methods ?? [])).map((method) => method.toLowerCase());
  const taken = wanted.filter((method) => item.has(method));
  const host = item.get(taken[0] ?? '');
  // One for every method gives way to those that name theirs, as it does when a request is routed.
  if (host && !(every && taken.length < wanted.length)) {
    const others = host['x-weir-alternatives'];
    host['x-weir-alternatives'] = [...(Array.isArray(others) ? others : []), visibleIn(endpoint)];
    return;
  }
  const free = wanted.filter((method) => !item.has(method));
  for (const method of free)
    item.set(method, operationOf(api, endpoint, { key, now, method, every, alone: wanted.length === 1 }));
}

/** What callers may know of an endpoint. */
function visibleIn(endpoint: EndpointDefinition): Json {
  const { id, methods, path, versions, when, priority, description, deprecated, cost, scopes, mock } = endpoint;
  const visible = { id, methods, path, versions, when, priority, description, deprecated, cost, scopes, mock };
  return Object.fromEntries(Object.entries(visible).filter(([, value]) => value !== undefined));
}

interface Place {
  key: string;
  now: number;
  method: string;
  every: boolean;
  /** Whether it is the endpoint's only operation. */
  alone: boolean;
}

function operationOf(
  api: ApiDefinition,
  endpoint: EndpointDefinition,
  { key, now, method, every, alone }: Place,
): Json {
  const { id = '', description, deprecated, cost, scopes = [], mock = [], versions, when, priority } = endpoint;
  const words = {
    id,
    ...(key !== endpoint.path && { path: endpoint.path }),
    ...(every && { every_method: true }),
    ...(versions !== undefined && { versions }),
    ...(when !== undefined && { when }),
    ...(priority !== undefined && { priority }),
  };
  const parameters = [...pathParameters(key), ...versionParameters(api, now), ...predicateParameters(endpoint)];
  return {
    operationId: alone ? id : `${id}-${method}`,
    ...(description && { description }),
    ...(deprecated && { deprecated }),
    ...(parameters.length > 0 && { parameters }),
    ...(mock.length > 0 && { responses: responsesOf(mock) }),
    ...(scopes.length > 0 && { security: securityOf(api, scopes) }),
    ...(cost !== undefined && { 'x-weir-cost': cost }),
    ...(endpoint.scopes !== undefined && { 'x-weir-scopes': scopes }),
    'x-weir-endpoint': words,
  };
}

const text = { type: 'string' };

function pathParameters(key: string): Json[] {
  const pattern = readPattern(key);
  const names = typeof pattern === 'string' ? [] : pattern.parameters;
  return names.map((name) => ({ name, in: 'path', required: true, schema: text }));
}

/** Where the version is no part of the address. */
function versionParameters(api: ApiDefinition, now: number): Json[] {
  const names = served(api, now);
  if (names.length === 0 || isByPath(api) || !api.versioning?.by?.includes('header')) return [];
  const required = api.versioning.default === null;
  return [{ name: 'X-API-Version', in: 'header', required, schema: { ...text, enum: names } }];
}

function predicateParameters({ when = [] }: EndpointDefinition): Json[] {
  const known = new Set<string>();
  return when.flatMap(({ in: where, name = '', equals, one_of, exists }) => {
    const key = `${where} ${name.toLowerCase()}`;
    if (where === 'host' || exists === false || known.has(key) || isIgnored(where, name)) return [];
    known.add(key);
    const values = equals === undefined ? one_of : [equals];
    return [{ name, in: where, required: true, schema: { ...text, ...(values && { enum: values }) } }];
  });
}

/** Header parameters that have no meaning in OpenAPI (3.1 §4.8.12.2.1). */
const isIgnored = (where: string, name: string) =>
  where === 'header' && /^(accept|content-type|authorization)$/i.test(name);
