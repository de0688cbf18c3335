import * as z from 'zod';
import { LIMIT_ALGORITHMS, LIMIT_SCOPES, LIMIT_WINDOWS } from '../../access/edge.ts';
import { operation } from '../../http/operation.ts';
import { dataOf, pageOf, pageQuery, text, timestamp, uuid } from '../../http/shapes.ts';

const READ = { kind: 'organization', permission: 'limits:read' } as const;
const WRITE = { kind: 'organization', permission: 'limits:write' } as const;

const MAX_UNITS = 1_000_000_000;

/** It is told in the structured fields of answers (RFC 9651 §3.3.3), where it must not need escapes. */
const name = z
  .string()
  .max(64)
  .regex(
    /^[!#-[\]-~]([ !#-[\]-~]*[!#-[\]-~])?$/,
    'must be printable ASCII without quotes, backslashes and outer spaces',
  )
  .refine((value) => value !== 'hour', 'must not be "hour", which is what answers call the plan’s own limit')
  .meta({
    minLength: 1,
    description: 'Unique in the organization; answers name the limit by it',
    examples: ['writes'],
  });

const target = text(1, 250)
  .nullable()
  .meta({
    description:
      'Which API (slug), endpoint (path pattern, or method and path pattern), key or user (id), or address (CIDR ' +
      'block) alone; null: each of them, counted apart. Needed for endpoints, and none for the organization.',
    examples: ['POST /api/v1/triggers/**'],
  });

const units = z.int().min(1).max(MAX_UNITS);
const limit = units.meta({ description: 'Quota units a window', examples: [60] });
const burst = units
  .nullable()
  .meta({ description: 'Units that a token bucket holds, at most 1000 times the limit; null: as many as the limit' });

const scope = z.enum(LIMIT_SCOPES);
const window = z.enum(LIMIT_WINDOWS);
const algorithm = z.enum(LIMIT_ALGORITHMS);

const rateLimit = z
  .object({
    id: z.string().meta({ examples: ['limit_0192f0c1a2b37c4d8e9fa0b1c2d3e4f5'] }),
    organization_id: z.uuid(),
    name: z.string(),
    scope,
    target: z.string().nullable(),
    limit: z.int(),
    window,
    algorithm,
    burst: z.int().nullable(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'RateLimit' });

const organization_id = uuid
  .optional()
  .meta({ description: 'Default: the personal organization; for a key or wallet, its own' });

const byId = z.object({ id: z.string().regex(/^limit_[0-9a-f]{32}$/) });

const SHARED = { tag: 'Rate Limits', cost: 1 } as const;

export const createRateLimit = operation({
  ...SHARED,
  id: 'createRateLimit',
  method: 'post',
  path: '/api/v1/rate-limits',
  summary: 'Create a limit',
  description: 'Holds beside the plan’s limit and all others: what one of them refuses is charged to none.',
  security: WRITE,
  body: z
    .object({
      organization_id,
      name,
      scope,
      target: target.optional(),
      limit,
      window,
      algorithm: algorithm.default('fixed_window'),
      burst: burst.optional(),
    })
    .meta({ id: 'CreateRateLimitRequest' }),
  success: { status: 201, description: 'The limit', schema: dataOf(rateLimit) },
  errors: ['bad_request', 'conflict', 'service_unavailable'],
});

export const listRateLimits = operation({
  ...SHARED,
  id: 'listRateLimits',
  method: 'get',
  path: '/api/v1/rate-limits',
  summary: 'List limits',
  description: 'Newest first.',
  security: READ,
  query: pageQuery.extend({ organization_id }),
  success: { status: 200, description: 'A page of limits', schema: pageOf(rateLimit) },
});

export const getRateLimit = operation({
  ...SHARED,
  id: 'getRateLimit',
  method: 'get',
  path: '/api/v1/rate-limits/{id}',
  summary: 'Get a limit',
  security: READ,
  params: byId,
  success: { status: 200, description: 'The limit', schema: dataOf(rateLimit) },
});

export const updateRateLimit = operation({
  ...SHARED,
  id: 'updateRateLimit',
  method: 'put',
  path: '/api/v1/rate-limits/{id}',
  summary: 'Update a limit',
  description:
    'Changes the fields that are sent. Another scope takes the target away, and another algorithm the burst, unless ' +
    'they are sent too. What was counted is kept, except under another algorithm or window.',
  security: WRITE,
  params: byId,
  body: z.object({ name, scope, target, limit, window, algorithm, burst }).partial().meta({
    id: 'UpdateRateLimitRequest',
  }),
  success: { status: 200, description: 'The limit as it is now', schema: dataOf(rateLimit) },
  errors: ['conflict', 'service_unavailable'],
});

export const deleteRateLimit = operation({
  ...SHARED,
  id: 'deleteRateLimit',
  method: 'delete',
  path: '/api/v1/rate-limits/{id}',
  summary: 'Delete a limit',
  security: WRITE,
  params: byId,
  success: { status: 204, description: 'Gone' },
  errors: ['service_unavailable'],
});

export const operations = [createRateLimit, listRateLimits, getRateLimit, updateRateLimit, deleteRateLimit];
