import type { ErrorDetail } from '../../../kernel/errors.ts';
import { AppError } from '../../../kernel/errors.ts';
import { type ApiDefinition, apiDefinition, type EndpointDefinition } from '../definition.ts';
import { withEndpointIds } from '../endpoint-ids.ts';
import { endpointsOf, type Source, shapeOf } from './endpoints.ts';
import { at, isObject, type Json } from './pointer.ts';
import { createReading, type Reading } from './reading.ts';

/** What a document says of an API. */
export interface Imported {
  name: string | undefined;
  description: string | undefined;
  /** The first server at an absolute https address. */
  upstream: { url: string; pointer: string } | undefined;
  sources: readonly Source[];
  warnings: readonly ErrorDetail[];
}

/**
 * @param location where the document is, by which relative addresses in it are meant
 * @throws AppError `validation_failed` naming each fault by its JSON pointer
 */
export function readDocument(root: Json, location: string | undefined): Imported {
  const reading = createReading(root);
  const sources = endpointsOf(reading);
  const info = isObject(root['info']) ? root['info'] : {};
  const upstream = upstreamOf(reading, location);
  reading.refuse();
  return {
    name:
      textOf(info['title'], 255)
        ?.replace(/\p{Cc}/gu, ' ')
        .trim() || undefined,
    description: textOf(info['description'], 2_000) || undefined,
    ...{ upstream, sources, warnings: reading.warnings },
  };
}

const textOf = (value: unknown, max: number) =>
  typeof value === 'string' ? [...value.replaceAll('\0', '').toWellFormed()].slice(0, max).join('') : undefined;

const MAX_SERVERS = 50;

function upstreamOf({ root }: Reading, location: string | undefined): Imported['upstream'] {
  const servers = Array.isArray(root['servers']) ? root['servers'].slice(0, MAX_SERVERS) : [];
  for (const [index, server] of servers.entries()) {
    if (!isObject(server) || typeof server['url'] !== 'string') continue;
    const variables = isObject(server['variables']) ? server['variables'] : {};
    const written = server['url'].replace(/\{([^{}]+)\}/g, (whole, name: string) => {
      const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
      return isObject(variable) && typeof variable['default'] === 'string' ? variable['default'] : whole;
    });
    const url = URL.parse(written, location);
    if (url?.protocol !== 'https:') continue;
    return { url: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, pointer: at('/servers', index, 'url') };
  }
  return undefined;
}

/** What a document never says of an endpoint, it does not change. */
export function mergedEndpoints(
  sources: readonly Source[],
  before: readonly EndpointDefinition[],
): EndpointDefinition[] {
  const byId = new Map(before.map((endpoint) => [endpoint.id, endpoint]));
  const byPlace = new Map(before.map((endpoint) => [placeOf(endpoint), endpoint]));
  return sources.map(({ endpoint }) => {
    const known = endpoint.id === undefined ? byPlace.get(placeOf(endpoint)) : byId.get(endpoint.id);
    if (!known) return endpoint;
    const { methods: _, description: __, deprecated: ___, ...kept } = known;
    return { ...kept, ...endpoint };
  });
}

const placeOf = ({ methods = [], path, versions, when, priority }: EndpointDefinition) =>
  JSON.stringify([[...methods].sort(), shapeOf(path), versions ?? null, when ?? [], priority ?? 0]);

/**
 * The definition in the form in which one that was sent is checked.
 * @throws AppError `validation_failed`, by the places in the document
 */
export function shapedDefinition(definition: object, imported: Imported): ApiDefinition {
  const { success, data, error } = apiDefinition.strict().safeParse(definition);
  if (success) return withEndpointIds(data);
  const details = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  throw placed(new AppError('validation_failed', 'The OpenAPI document cannot be imported', { details }), imported);
}

/** The same error, which names places in the document where it named what was made of them. */
export function placed(error: unknown, imported: Imported): unknown {
  if (!(error instanceof AppError) || !error.details) return error;
  return new AppError(error.code, error.message, { details: placedDetails(error.details, imported) });
}

export const placedDetails = (details: readonly ErrorDetail[], { sources, upstream }: Imported): ErrorDetail[] =>
  details.map(({ path, message }) => ({ path: pointerOf(path, sources, upstream), message }));

function pointerOf(path: string, sources: readonly Source[], upstream: Imported['upstream']): string {
  const [, index, field] = /^endpoints\.(\d+)(?:\.(\w+))?/.exec(path) ?? [];
  if (index === undefined) return upstream && path === 'upstreams.0.url' ? upstream.pointer : path;
  const { pointer = path } = sources[Number(index)] ?? {};
  // The path is the name of the operation's place, not one of its members.
  return field === 'path' ? pointer.replace(/\/[a-z]+$/, '') : pointer;
}
