import * as z from 'zod';
import { operation } from '../../http/operation.ts';
import { dataOf, line, pageOf, pageQuery, timestamp } from '../../http/shapes.ts';
import { apiDefinition } from './definition.ts';
import { byId, inOrganization, organization_id, READ, SHARED, trying, WRITE } from './paths.ts';
import { change, revisionNumber, revisionText } from './revision-shapes.ts';

const revision = z
  .object({ revision: z.int(), note: z.string().nullable(), actor: z.string(), created_at: timestamp })
  .meta({ id: 'ApiRevision' });

const wholeRevision = revision.extend({ definition: apiDefinition }).meta({ id: 'ApiRevisionDetails' });

export const getChangelog = operation({
  ...SHARED,
  id: 'getApiChangelog',
  method: 'get',
  path: '/api/v1/apis/{id}/changelog',
  summary: 'Get the changelog of an API',
  description: 'What its owner has written for those who call it, of the API and its versions. Newest first.',
  security: READ,
  params: byId,
  query: inOrganization,
  success: {
    status: 200,
    description: 'The entries',
    schema: dataOf(z.array(z.object({ date: z.iso.date(), version: z.string().nullable(), text: z.string() }))),
  },
});

export const listRevisions = operation({
  ...SHARED,
  id: 'listApiRevisions',
  method: 'get',
  path: '/api/v1/apis/{id}/revisions',
  summary: 'List the revisions of an API',
  description: 'Every change makes one. Newest first; the newest 100 are kept.',
  security: READ,
  params: byId,
  query: pageQuery.extend({ organization_id }),
  success: { status: 200, description: 'A page of revisions', schema: pageOf(revision) },
});

export const getRevision = operation({
  ...SHARED,
  id: 'getApiRevision',
  method: 'get',
  path: '/api/v1/apis/{id}/revisions/{revision}',
  summary: 'Get a revision with its definition',
  security: READ,
  params: byId.extend({ revision: revisionText }),
  query: inOrganization,
  success: { status: 200, description: 'The revision', schema: dataOf(wholeRevision) },
});

const revisionFrom = z.coerce
  .number({ error: 'is needed: the number of the revision to compare with `to`, or without `to` with the present one' })
  .pipe(revisionNumber);

export const diffRevisions = operation({
  ...SHARED,
  id: 'diffApiRevisions',
  method: 'get',
  path: '/api/v1/apis/{id}/diff',
  summary: 'Compare two revisions of an API',
  security: READ,
  params: byId,
  query: inOrganization.extend({
    from: revisionFrom,
    to: revisionText.optional().meta({ description: 'Default: the present one' }),
  }),
  success: {
    status: 200,
    description: 'What leads from one to the other',
    schema: dataOf(z.object({ from: z.int(), to: z.int(), changes: z.array(change) })),
  },
});

export const rollBack = operation({
  ...SHARED,
  id: 'rollBackApi',
  method: 'post',
  path: '/api/v1/apis/{id}/rollback',
  summary: 'Make an earlier revision the present one',
  description: 'Its definition becomes a new revision, with the secrets that it had. Purged stays purged.',
  security: WRITE,
  params: byId,
  query: trying,
  body: z.object({ revision: revisionNumber, note: line(1, 200).optional() }).meta({ id: 'RollBackApiRequest' }),
  success: {
    status: 200,
    description: 'The new revision, or with `dry_run` what it would be',
    schema: z.object({
      data: wholeRevision.extend({ created_at: timestamp.nullable() }),
      dry_run: z.boolean(),
      changes: z.array(change),
    }),
  },
  errors: ['bad_request', 'conflict'],
});

export const operations = [getChangelog, listRevisions, getRevision, diffRevisions, rollBack];
