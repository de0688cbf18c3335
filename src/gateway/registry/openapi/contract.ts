import * as z from 'zod';
import { operation } from '../../../http/operation.ts';
import { isStorable, line, text } from '../../../http/shapes.ts';
import { VISIBILITIES } from '../../compiled.ts';
import { putAnswer } from '../answers.ts';
import { slug } from '../definition.ts';
import { byId, changing, inOrganization, organization_id, READ, replacing, SHARED, WRITE } from '../paths.ts';
import { poolShape } from '../pool-shape.ts';

/** OpenAPI documents in and out. */

const source = {
  url: text(1, 2048)
    .refine((url) => URL.canParse(url), 'must be a URL')
    .optional()
    .meta({ format: 'uri', description: 'Where the document is; instead of `document`' }),
  document: z
    .union([
      z.string().refine(isStorable, 'must be well-formed Unicode without NUL'),
      z.record(z.string(), z.unknown()),
    ])
    .optional()
    .meta({ description: 'OpenAPI 3.0 or 3.1: as JSON, or as a text of JSON or YAML' }),
  upstreams: poolShape.upstreams,
  dry_run: z.boolean().optional().meta({ description: 'Tells what would change, and changes nothing' }),
};

const imported = putAnswer.extend({
  warnings: z.array(z.object({ path: z.string().meta({ description: 'JSON pointer' }), message: z.string() })).meta({
    description: 'What of the document was left out or changed, and hosts of upstreams to be shown to be yours',
  }),
});

const made = (output: unknown) =>
  z.object({ result: z.literal('created'), dry_run: z.literal(false) }).safeParse(output).success;

export const importNewApi = operation({
  ...SHARED,
  id: 'importApi',
  method: 'post',
  path: '/api/v1/apis/import',
  summary: 'Register an API from an OpenAPI document',
  description:
    'Its operations become endpoints, its first https server the upstream, its responses mock answers. References inside the document are followed, others refused. Faults name their place in the document by a JSON pointer.',
  security: WRITE,
  query: changing.pick({ note: true }),
  body: z
    .object({
      organization_id,
      ...source,
      slug: slug.optional().meta({ description: 'By default made of the title' }),
      name: line(1, 255).optional().meta({ description: 'By default the title' }),
      visibility: z.enum(VISIBILITIES).optional(),
    })
    .meta({ id: 'ImportApiRequest' }),
  // An address may take its time: no transaction stays open for it.
  ownTransactions: true,
  made,
  success: { status: 200, description: 'The API, or with `dry_run` what it would be', schema: imported },
  errors: ['bad_request', 'conflict'],
});

export const importIntoApi = operation({
  ...SHARED,
  id: 'importApiEndpoints',
  method: 'post',
  path: '/api/v1/apis/{id}/import',
  summary: 'Replace the endpoints of an API by those of an OpenAPI document',
  description:
    'What the document has no words for (caching, time limits, transformations …) stays as it is, at endpoints of the same id; upstreams stay unless they are given.',
  security: WRITE,
  params: byId,
  query: replacing.omit({ dry_run: true }),
  body: z.object(source).meta({ id: 'ImportApiEndpointsRequest' }),
  ownTransactions: true,
  success: { status: 200, description: 'The API, or with `dry_run` as it would be', schema: imported },
  errors: ['bad_request', 'conflict'],
});

const EXPORT = {
  ...SHARED,
  method: 'get',
  security: READ,
  params: byId,
  query: inOrganization.extend({
    version: line(1, 32).optional().meta({ description: 'One version alone; by default all of them' }),
  }),
} as const;

const DESCRIPTION =
  'OpenAPI 3.1 of what callers see: our addresses, credentials and endpoints, and nothing of the upstreams. Importing it gives the same endpoints.';

export const exportApi = operation({
  ...EXPORT,
  id: 'exportApi',
  path: '/api/v1/apis/{id}/openapi.json',
  summary: 'Get the OpenAPI document of an API',
  description: DESCRIPTION,
  success: { status: 200, description: 'OpenAPI 3.1', schema: z.record(z.string(), z.unknown()) },
});

export const exportApiYaml = operation({
  ...EXPORT,
  id: 'exportApiYaml',
  path: '/api/v1/apis/{id}/openapi.yaml',
  summary: 'Get the OpenAPI document of an API as YAML',
  description: DESCRIPTION,
  success: { status: 200, description: 'OpenAPI 3.1', schema: z.string(), contentType: 'application/yaml' },
});

export const operations = [importNewApi, importIntoApi, exportApi, exportApiYaml];
