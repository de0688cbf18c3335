import * as z from 'zod';
import { CACHE_OUTCOMES } from '../../gateway/index.ts';
import { operation } from '../../http/operation.ts';
import { instant, text, timestamp, uuid } from '../../http/shapes.ts';

/** In days. */
export const MAX_RANGE = 31;

const count = z.int().min(0);
const milliseconds = count.nullable();

const entry = z
  .object({
    request_id: z.string().meta({ description: 'The answer’s `X-Request-Id`' }),
    at: timestamp.meta({ description: 'When the call began, with milliseconds' }),
    api: z
      .string()
      .nullable()
      .meta({ description: 'Slug; null where there is no such API', examples: ['orders'] }),
    version: z.string().nullable(),
    endpoint: z.string().nullable().meta({ description: 'Id of the endpoint' }),
    route: z
      .string()
      .nullable()
      .meta({ description: 'Path pattern of the endpoint', examples: ['/orders/{id}'] }),
    method: z.string(),
    status: z.int(),
    error: z.string().nullable().meta({ description: 'Code, where the answer is the gateway’s own' }),
    cost: count.meta({ description: 'Quota units that it was charged' }),
    caller: z
      .enum(['key', 'user', 'wallet', 'anonymous'])
      .nullable()
      .meta({ description: 'null where the call was refused before that was known' }),
    key_id: z.string().nullable(),
    test: z.boolean().meta({ description: 'Whether it was made with a test key' }),
    upstream: z.string().nullable().meta({ description: 'Id of the upstream that answered' }),
    cache: z.enum(CACHE_OUTCOMES).nullable().meta({ description: 'null where caching is off' }),
    attempts: count.meta({ description: 'How often upstreams were asked' }),
    duration_ms: count.meta({ description: 'Until the header fields of the answer were there' }),
    waiting_ms: milliseconds.meta({ description: 'Until the call was let through' }),
    upstream_ms: milliseconds.meta({ description: 'Until the upstream’s header fields were there, tries included' }),
    request_bytes: milliseconds.meta({ description: 'As `Content-Length` said' }),
    response_bytes: milliseconds.meta({ description: 'As `Content-Length` said' }),
    colo: z
      .string()
      .nullable()
      .meta({ description: 'Data centre that answered', examples: ['FRA'] }),
    country: z
      .string()
      .nullable()
      .meta({ description: 'Of the caller, as ISO 3166-1', examples: ['DE'] }),
  })
  .meta({ id: 'RequestLogEntry' });

export const listRequests = operation({
  id: 'listRequests',
  method: 'get',
  path: '/api/v1/analytics/requests',
  tag: 'Analytics',
  summary: 'List calls of your APIs',
  description:
    'Newest first, a few seconds after they were answered; kept for 1, 7, 30 or 90 days by plan. Neither addresses, queries, bodies nor header values are kept. ' +
    `At most ${MAX_RANGE} days at once; without from and to the last 24 hours. For the next page repeat the query with its cursor.`,
  security: { kind: 'organization', permission: 'analytics:read' },
  cost: 1,
  query: z.object({
    organization_id: uuid.optional().meta({ description: 'Default: the personal organization; for a key, its own' }),
    api: text(1, 100).optional().meta({ description: 'Slug' }),
    version: text(1, 100).optional(),
    endpoint: text(1, 200).optional().meta({ description: 'Id of an endpoint' }),
    key_id: text(1, 100).optional(),
    status: z
      .string()
      .regex(/^[1-5](\d\d|xx)$/, 'must be a status such as 404, or a class such as 4xx')
      .optional()
      .meta({ examples: ['404', '4xx'] }),
    method: text(1, 32)
      .transform((method) => method.toUpperCase())
      .optional(),
    cache: z.enum(CACHE_OUTCOMES).optional(),
    min_duration_ms: z.coerce.number().int().min(0).max(2_147_483_647).optional(),
    from: instant.optional().meta({ description: 'Default: 24 hours before `to`' }),
    to: instant.optional().meta({ description: 'Default: now. Calls that began at it are not shown' }),
    limit: z.coerce.number().int().min(1).max(100).default(20).meta({ description: 'Number of results' }),
    cursor: text(1, 500).optional().meta({ description: '`next_cursor` of the page before; says `from` and `to` too' }),
  }),
  success: {
    status: 200,
    description: 'A page of calls',
    schema: z.object({
      data: z.array(entry),
      range: z.object({ from: timestamp, to: timestamp }),
      lost: count.meta({ description: 'Calls told in this time as served of which nothing else could be kept' }),
      pagination: z.object({ limit: z.int(), has_more: z.boolean(), next_cursor: z.string().nullable() }),
    }),
  },
});

export const operations = [listRequests];
