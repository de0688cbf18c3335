import { AppError, invalidField, notFound } from '../../kernel/errors.ts';
import {
  type ApiDefinition,
  type EndpointDefinition,
  MAX_ENDPOINTS,
  MAX_VERSIONS,
  type VersionDefinition,
} from './definition.ts';

/** Changes of one part of a definition. Each answers the whole, and where the part stands in it, or stood. */
export interface Edited {
  api: ApiDefinition;
  index: number;
}

function refuseMore(list: readonly unknown[], max: number, what: string) {
  if (list.length >= max) throw new AppError('bad_request', `An API has at most ${max} ${what}`);
}

/** @throws AppError `conflict`; `bad_request` when there are too many */
export function addVersion(api: ApiDefinition, version: VersionDefinition): Edited {
  const { versions = [] } = api;
  if (versions.some(({ name }) => name === version.name)) {
    throw new AppError('conflict', 'A version of this name exists already');
  }
  refuseMore(versions, MAX_VERSIONS, 'versions');
  return { api: { ...api, versions: [...versions, version] }, index: versions.length };
}

/** @throws AppError `not_found`; `validation_failed` when it has another name */
export function replaceVersion(
  api: ApiDefinition,
  name: string,
  sent: Omit<VersionDefinition, 'name'> & { name?: string | undefined },
): Edited {
  const index = versionAt(api, name);
  if (sent.name !== undefined && sent.name !== name) throw invalidField('name', 'must be the name in the address');
  return { api: { ...api, versions: (api.versions ?? []).with(index, { ...sent, name }) }, index };
}

/** @throws AppError `not_found`; `conflict` while something else names the version */
export function removeVersion(api: ApiDefinition, name: string): Edited {
  const index = versionAt(api, name);
  const { versioning, ...rest } = api;
  const named = (who: string) => new AppError('conflict', `The version is still named by ${who}`);
  if (versioning?.default === name) throw named('versioning.default');
  if (api.successor === name) throw named('successor');
  const successor = api.versions?.find((version) => version.successor === name);
  if (successor) throw named(`the version ${successor.name}`);
  const endpoint = api.endpoints?.find(({ versions }) => versions?.includes(name));
  if (endpoint) throw named(`the endpoint ${endpoint.id}`);
  const versions = (api.versions ?? []).toSpliced(index, 1);
  return { api: versions.length > 0 ? { ...api, versions } : { ...rest, versions }, index };
}

/** @throws AppError `not_found` */
export function versionAt({ versions = [] }: ApiDefinition, name: string): number {
  const index = versions.findIndex((version) => version.name === name);
  if (index < 0) throw notFound('Version');
  return index;
}

/** @throws AppError `conflict`; `bad_request` when there are too many */
export function addEndpoint(api: ApiDefinition, endpoint: EndpointDefinition): Edited {
  const { endpoints = [] } = api;
  if (endpoint.id !== undefined && endpoints.some(({ id }) => id === endpoint.id)) {
    throw new AppError('conflict', 'An endpoint of this id exists already');
  }
  refuseMore(endpoints, MAX_ENDPOINTS, 'endpoints');
  return { api: { ...api, endpoints: [...endpoints, endpoint] }, index: endpoints.length };
}

/** @throws AppError `not_found`; `validation_failed` when it has another id */
export function replaceEndpoint(api: ApiDefinition, id: string, sent: EndpointDefinition): Edited {
  const index = endpointAt(api, id);
  if (sent.id !== undefined && sent.id !== id) throw invalidField('id', 'must be the id in the address');
  return { api: { ...api, endpoints: (api.endpoints ?? []).with(index, { ...sent, id }) }, index };
}

/** @throws AppError `not_found` */
export function removeEndpoint(api: ApiDefinition, id: string): Edited {
  const index = endpointAt(api, id);
  return { api: { ...api, endpoints: (api.endpoints ?? []).toSpliced(index, 1) }, index };
}

/** @throws AppError `not_found` */
export function endpointAt({ endpoints = [] }: ApiDefinition, id: string): number {
  const index = endpoints.findIndex((endpoint) => endpoint.id === id);
  if (index < 0) throw notFound('Endpoint');
  return index;
}
