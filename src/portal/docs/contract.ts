import * as z from 'zod';
import { operation } from '../../http/operation.ts';

const PUBLIC = { security: { kind: 'public' }, cost: 0, method: 'get', tag: 'Documentation' } as const;

export const getOpenApi = operation({
  ...PUBLIC,
  id: 'getOpenApi',
  path: '/openapi.json',
  summary: 'This document',
  success: { status: 200, description: 'OpenAPI 3.1', schema: z.record(z.string(), z.unknown()) },
});

export const getDocs = operation({
  ...PUBLIC,
  id: 'getDocs',
  path: '/docs',
  summary: 'The reference as a page',
  success: {
    status: 200,
    description: 'A page that loads nothing from other hosts',
    schema: z.string(),
    contentType: 'text/html',
  },
});

export const getDocsFile = operation({
  ...PUBLIC,
  id: 'getDocsFile',
  path: '/docs/{file}',
  summary: 'A script or style of the reference page',
  params: z.object({ file: z.enum(['start.js', 'swagger-ui.css', 'swagger-ui-bundle.js']) }),
  success: { status: 200, description: 'The file', schema: z.string(), contentType: 'application/octet-stream' },
  errors: ['not_found'],
});

export const operations = [getOpenApi, getDocs, getDocsFile];
