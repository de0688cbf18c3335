import * as z from 'zod';
import { LIMIT_ALGORITHMS, LIMIT_WINDOWS } from '../../access/edge.ts';
import { HTTP_METHODS } from '../../access/path-pattern.ts';
import { line, text } from '../../http/shapes.ts';
import { LIFECYCLES, VERSION_PLACES, VISIBILITIES } from '../compiled.ts';
import { fieldName, identifier, policyShape, versionName } from './policy-shape.ts';
import { poolShape } from './pool-shape.ts';

/**
 * The definition of an API as its owner writes it, in YAML or JSON: what is stored, shown and taken back. What is left out
 * stays left out; `compile.ts` fills in the defaults.
 */

export const slug = z
  .string()
  .max(63)
  .regex(/^[a-z0-9][a-z0-9-]+[a-z0-9]$/, 'must be 3 to 63 lower-case letters, digits and inner hyphens')
  .meta({ minLength: 3, examples: ['orders'] });

export const MAX_VERSIONS = 20;
export const MAX_ENDPOINTS = 1_000;

const moment = z.iso.datetime({ offset: true }).meta({ examples: ['2026-12-31T00:00:00Z'] });
const link = z.url({ protocol: /^https?$/ }).max(2048);

const changelog = z
  .array(z.strictObject({ date: z.iso.date(), text: text(1, 2_000) }))
  .max(200)
  .optional();

const lifecycle = {
  status: z.enum(LIFECYCLES).optional(),
  deprecated_at: moment.nullable().optional(),
  sunset_at: moment.nullable().optional(),
  documentation_url: link.nullable().optional(),
  successor: z
    .union([link, versionName])
    .nullable()
    .optional()
    .meta({ description: 'What to move to: a version, or an address' }),
};

/** One version; its policy fields hold over the API's. */
export const versionDefinition = z.object({
  name: versionName,
  ...lifecycle,
  changelog,
  ...policyShape,
});

const predicate = z
  .strictObject({
    in: z.enum(['host', 'header', 'query']),
    name: line(1, 100).optional(),
    equals: text(0, 500).optional(),
    one_of: z.array(text(0, 500)).min(1).max(50).optional(),
    prefix: text(1, 500).optional(),
    exists: z.boolean().optional(),
  })
  .refine((entry) => (entry.in === 'host') === (entry.name === undefined), {
    path: ['name'],
    error: 'is needed for header and query, and for no other',
  })
  .refine((entry) => [entry.equals, entry.one_of, entry.prefix, entry.exists].filter(isGiven).length === 1, {
    error: 'must have exactly one of equals, one_of, prefix and exists',
  });

const isGiven = (value: unknown) => value !== undefined;

const units = z.int().min(1).max(1_000_000_000);

const endpointLimit = z
  .strictObject({
    limit: units.meta({ description: 'Quota units a window' }),
    window: z.enum(LIMIT_WINDOWS),
    algorithm: z.enum(LIMIT_ALGORITHMS).optional().meta({ description: 'Default: fixed_window' }),
    burst: units.optional().meta({ description: 'Units that a token bucket holds; default: as many as the limit' }),
  })
  .refine(({ burst, algorithm }) => burst === undefined || algorithm === 'token_bucket', {
    path: ['burst'],
    error: 'is only for the algorithm token_bucket',
  })
  .refine(({ burst = 0, limit }) => burst <= 1_000 * limit, {
    path: ['burst'],
    error: 'must be at most 1000 times the limit',
  });

/** One endpoint; its policy fields hold over its version's and the API's. */
export const endpointDefinition = z.object({
  id: identifier.optional().meta({ description: 'Unique in the API; by default made of methods and path' }),
  methods: z.array(z.enum(HTTP_METHODS)).max(HTTP_METHODS.length).optional().meta({ description: 'Every method' }),
  path: text(1, 500).meta({ examples: ['/orders/{order_id}', '/files/{rest*}'] }),
  versions: z.array(versionName).min(1).max(20).nullable().optional(),
  when: z.array(predicate).max(8).optional(),
  priority: z.int().min(-1_000).max(1_000).optional(),
  limits: z.array(endpointLimit).max(3).optional().meta({
    description:
      'Hold beside the plan’s limit and those of `/api/v1/rate-limits`, for all callers of the endpoint together',
  }),
  description: text(0, 2_000).optional(),
  deprecated: z.boolean().optional().meta({ description: 'Told in the OpenAPI document' }),
  ...policyShape,
});

const origins = z
  .array(z.string().regex(/^(\*|https?:\/\/[a-z0-9.[\]:-]+)$/, 'must be "*" or an origin, such as https://example.com'))
  .min(1)
  .max(50);

const cors = z
  .strictObject({
    origins,
    methods: z.array(z.enum(HTTP_METHODS)).max(HTTP_METHODS.length).optional(),
    headers: z.array(fieldName).max(50).optional(),
    expose: z.array(fieldName).max(50).optional(),
    credentials: z.boolean().optional(),
    max_age_seconds: z.int().min(0).max(86_400).optional(),
  })
  .nullable()
  .optional();

export const apiDefinition = z.object({
  slug,
  name: line(1, 255),
  description: text(0, 2_000).nullable().optional(),
  visibility: z
    .enum(VISIBILITIES)
    .optional()
    .meta({ description: 'public: anyone may call; keyed, the default: with a key; private: not below /g/' }),
  ...lifecycle,
  changelog,
  ...poolShape,
  versioning: z
    .strictObject({
      by: z.array(z.enum(VERSION_PLACES)).min(1).max(3).optional(),
      default: versionName.nullable().optional().meta({ description: 'The first one; null refuses such requests' }),
    })
    .optional(),
  versions: z.array(z.strictObject(versionDefinition.shape)).max(MAX_VERSIONS).optional(),
  endpoints: z.array(z.strictObject(endpointDefinition.shape)).max(MAX_ENDPOINTS).optional(),
  ...policyShape,
  cors,
  address_limit: z
    .strictObject({ units: z.int().min(1).max(1_000_000), window: z.enum(['second', 'minute', 'hour', 'day']) })
    .optional()
    .meta({ description: 'Units that a caller without a credential may draw, by address; 60 a minute' }),
  websocket: z
    .strictObject({
      idle_ms: z.int().min(1_000).max(3_600_000).optional(),
      max_message_bytes: z.int().min(1).max(1_048_576).optional(),
      max_connections: z.int().min(1).max(100_000).optional(),
    })
    .optional(),
});

export type ApiDefinition = z.output<typeof apiDefinition>;
export type VersionDefinition = z.output<typeof versionDefinition>;
export type EndpointDefinition = z.output<typeof endpointDefinition>;
export type PredicateDefinition = z.output<typeof predicate>;
