import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, line, pageOf, pageQuery } from '../../http/shapes.ts';
import { LIFECYCLES, VISIBILITIES } from '../compiled.ts';
import { api, definitionYaml, putAnswer, summary, warnings } from './answers.ts';
import { apiDefinition, slug } from './definition.ts';
import { operations as openApiOperations } from './openapi/contract.ts';
import { operations as partOperations } from './part-contract.ts';
import {
  byId,
  byIdOrNewSlug,
  changing,
  inOrganization,
  organization_id,
  READ,
  replacing,
  SHARED,
  WRITE,
} from './paths.ts';
import { operations as revisionOperations } from './revision-contract.ts';

export const createApi = operation({
  ...SHARED,
  id: 'createApi',
  method: 'post',
  path: '/api/v1/apis',
  summary: 'Register an API',
  description:
    'Publishes it at once. Without endpoints every method and path is forwarded to its upstreams. An organization has at most 100 APIs, each at most 1 MB.',
  security: WRITE,
  query: changing.pick({ note: true }),
  body: apiDefinition.extend({ organization_id }).meta({ id: 'CreateApiRequest' }),
  success: { status: 201, description: 'The API', schema: dataOf(api).extend({ warnings }) },
  errors: ['bad_request', 'conflict'],
});

export const listApis = operation({
  ...SHARED,
  id: 'listApis',
  method: 'get',
  path: '/api/v1/apis',
  summary: 'List APIs',
  description: 'Newest first.',
  security: READ,
  query: pageQuery.extend({
    organization_id,
    status: z.enum(LIFECYCLES).optional(),
    visibility: z.enum(VISIBILITIES).optional(),
    search: line(1, 100).optional().meta({ description: 'Part of the slug or the name' }),
  }),
  success: { status: 200, description: 'A page of APIs', schema: pageOf(summary) },
});

export const getApi = operation({
  ...SHARED,
  id: 'getApi',
  method: 'get',
  path: '/api/v1/apis/{id}',
  summary: 'Get an API with its definition',
  description: 'Secrets are shown as "***". `Accept: application/yaml` gives the definition alone, as a PUT takes it.',
  security: READ,
  params: byId,
  query: inOrganization,
  success: { status: 200, description: 'The API', schema: dataOf(api), yaml: definitionYaml },
});

export const putApi = operation({
  ...SHARED,
  id: 'putApi',
  method: 'put',
  path: '/api/v1/apis/{id}',
  summary: 'Create an API, or replace its definition',
  description:
    'The whole definition as one document, in JSON or YAML: what is left out takes its default. By a slug it makes the API if there is none. The same document again changes nothing. A secret "***" is the one that is stored.',
  security: WRITE,
  params: byIdOrNewSlug,
  query: replacing,
  body: apiDefinition.extend({ slug: slug.optional() }).meta({ id: 'PutApiRequest' }),
  yamlBody: true,
  success: {
    status: 200,
    description: 'The API as it is now, or with `dry_run` as it would be',
    schema: putAnswer,
  },
  made: (output) => z.object({ result: z.literal('created'), dry_run: z.literal(false) }).safeParse(output).success,
  errors: ['bad_request', 'conflict', 'unsupported_media_type'],
});

export const deleteApi = operation({
  ...SHARED,
  id: 'deleteApi',
  method: 'delete',
  path: '/api/v1/apis/{id}',
  summary: 'Delete an API with its revisions',
  security: WRITE,
  params: byId,
  query: inOrganization,
  success: { status: 204, description: 'Gone' },
});

const names = z.array(z.string().min(1).max(64)).max(100).optional();

export const purgeApi = operation({
  ...SHARED,
  id: 'purgeApi',
  method: 'post',
  path: '/api/v1/apis/{id}/purge',
  summary: 'Throw away what is cached of an API',
  description: 'All of it, or what endpoints (by id) or tags of the definition stand for. In force everywhere at once.',
  security: WRITE,
  params: byId,
  query: inOrganization,
  body: z.object({ all: z.boolean().optional(), endpoints: names, tags: names }).meta({ id: 'PurgeApiRequest' }),
  success: { status: 204, description: 'Nothing of it is served from the cache any more' },
});

export const operations = [
  createApi,
  listApis,
  getApi,
  putApi,
  deleteApi,
  purgeApi,
  ...openApiOperations,
  ...partOperations,
  ...revisionOperations,
];
