import * as z from 'zod';
import { operation } from '../../http/operation.ts';

const health = z
  .object({
    status: z.enum(['healthy', 'unhealthy']),
    database: z.enum(['connected', 'disconnected']),
    version: z.string(),
  })
  .meta({ id: 'Health' });

export const getHealth = operation({
  id: 'getHealth',
  method: 'get',
  path: '/api/v1/health',
  tag: 'Health',
  summary: 'Whether the API and its database work',
  description: 'Answers 503 with the same body when PostgreSQL is unreachable.',
  security: { kind: 'public' },
  cost: 0,
  success: { status: 200, description: 'Healthy', schema: health },
  errors: ['service_unavailable'],
});

export const operations = [getHealth];
