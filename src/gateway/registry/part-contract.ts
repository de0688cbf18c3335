import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf } from '../../http/shapes.ts';
import { endpointDefinition, versionDefinition } from './definition.ts';
import { byId, inOrganization, READ, SHARED, WRITE } from './paths.ts';
import { identifier, versionName } from './policy-shape.ts';

/** Versions and endpoints: parts of an API's definition, which change it like any other change of it. */

const version = versionDefinition.meta({ id: 'ApiVersion' });
const endpoint = endpointDefinition.meta({ id: 'ApiEndpoint' });

const byName = byId.extend({ name: versionName });
const byEndpoint = byId.extend({ endpoint_id: identifier });

const VERSIONS = '/api/v1/apis/{id}/versions';
const ENDPOINTS = '/api/v1/apis/{id}/endpoints';

export const listVersions = operation({
  ...SHARED,
  id: 'listApiVersions',
  method: 'get',
  path: VERSIONS,
  summary: 'List the versions of an API',
  description: 'All of them (20 at most), in the order of the definition.',
  security: READ,
  params: byId,
  query: inOrganization,
  success: { status: 200, description: 'The versions', schema: dataOf(z.array(version)) },
});

export const createVersion = operation({
  ...SHARED,
  id: 'createApiVersion',
  method: 'post',
  path: VERSIONS,
  summary: 'Add a version',
  security: WRITE,
  params: byId,
  query: inOrganization,
  body: versionDefinition.meta({ id: 'CreateApiVersionRequest' }),
  success: { status: 201, description: 'The version', schema: dataOf(version) },
  errors: ['bad_request', 'conflict'],
});

export const getVersion = operation({
  ...SHARED,
  id: 'getApiVersion',
  method: 'get',
  path: `${VERSIONS}/{name}`,
  summary: 'Get a version',
  security: READ,
  params: byName,
  query: inOrganization,
  success: { status: 200, description: 'The version', schema: dataOf(version) },
});

export const updateVersion = operation({
  ...SHARED,
  id: 'updateApiVersion',
  method: 'put',
  path: `${VERSIONS}/{name}`,
  summary: 'Replace a version',
  description: 'What is left out takes its default.',
  security: WRITE,
  params: byName,
  query: inOrganization,
  body: versionDefinition.extend({ name: versionName.optional() }).meta({ id: 'UpdateApiVersionRequest' }),
  success: { status: 200, description: 'The version as it is now', schema: dataOf(version) },
  errors: ['bad_request'],
});

export const deleteVersion = operation({
  ...SHARED,
  id: 'deleteApiVersion',
  method: 'delete',
  path: `${VERSIONS}/{name}`,
  summary: 'Delete a version',
  description: 'Refused with 409 while the definition names it elsewhere.',
  security: WRITE,
  params: byName,
  query: inOrganization,
  success: { status: 204, description: 'Gone' },
  errors: ['conflict'],
});

export const listEndpoints = operation({
  ...SHARED,
  id: 'listApiEndpoints',
  method: 'get',
  path: ENDPOINTS,
  summary: 'List the endpoints of an API',
  description: 'All of them (1,000 at most), in the order of the definition.',
  security: READ,
  params: byId,
  query: inOrganization,
  success: { status: 200, description: 'The endpoints', schema: dataOf(z.array(endpoint)) },
});

export const createEndpoint = operation({
  ...SHARED,
  id: 'createApiEndpoint',
  method: 'post',
  path: ENDPOINTS,
  summary: 'Add an endpoint',
  security: WRITE,
  params: byId,
  query: inOrganization,
  body: endpointDefinition.meta({ id: 'CreateApiEndpointRequest' }),
  success: { status: 201, description: 'The endpoint', schema: dataOf(endpoint) },
  errors: ['bad_request', 'conflict'],
});

export const getEndpoint = operation({
  ...SHARED,
  id: 'getApiEndpoint',
  method: 'get',
  path: `${ENDPOINTS}/{endpoint_id}`,
  summary: 'Get an endpoint',
  security: READ,
  params: byEndpoint,
  query: inOrganization,
  success: { status: 200, description: 'The endpoint', schema: dataOf(endpoint) },
});

export const updateEndpoint = operation({
  ...SHARED,
  id: 'updateApiEndpoint',
  method: 'put',
  path: `${ENDPOINTS}/{endpoint_id}`,
  summary: 'Replace an endpoint',
  description: 'What is left out takes its default. The id stays.',
  security: WRITE,
  params: byEndpoint,
  query: inOrganization,
  body: endpointDefinition.meta({ id: 'UpdateApiEndpointRequest' }),
  success: { status: 200, description: 'The endpoint as it is now', schema: dataOf(endpoint) },
  errors: ['bad_request'],
});

export const deleteEndpoint = operation({
  ...SHARED,
  id: 'deleteApiEndpoint',
  method: 'delete',
  path: `${ENDPOINTS}/{endpoint_id}`,
  summary: 'Delete an endpoint',
  security: WRITE,
  params: byEndpoint,
  query: inOrganization,
  success: { status: 204, description: 'Gone' },
});

export const operations = [
  listVersions,
  createVersion,
  getVersion,
  updateVersion,
  deleteVersion,
  listEndpoints,
  createEndpoint,
  getEndpoint,
  updateEndpoint,
  deleteEndpoint,
];
