import * as z from 'zod';
import { isOwnScope, isPermission } from '../../access/key-permissions.ts';
import { isStorable, line, text } from '../../http/shapes.ts';

/** The fields that say how a call is carried out, as people write them: of an API, of a version, of an endpoint. */

const MAX_BODY_BYTES = 5 * 1024 * 1024 * 1024;
const MAX_CACHED_BYTES = 100 * 1024 * 1024;
const MAX_MAPPED_BYTES = 10 * 1024 * 1024;
const MAX_SECONDS = 31_536_000;

/** A token of RFC 9110 §5.6.2. */
export const fieldName = z
  .string()
  .max(100)
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'must be the name of a header field')
  .meta({ minLength: 1 });

/** What a pool, an upstream or an endpoint is called. */
export const identifier = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be letters, digits, ".", "_" and "-"')
  .meta({ minLength: 1 });

export const versionName = z
  .string()
  .max(32)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be letters, digits, ".", "_" and "-"')
  .meta({ minLength: 1, examples: ['v1'] });

const MAX_SCOPES = 50;
export const MAX_MOCKS = 20;

/** What an endpoint may ask of a key: a permission of the platform, or a scope of the organization's own. */
export const scope = z
  .string()
  .refine((value) => isPermission(value) || isOwnScope(value), 'must be a permission, or a scope such as orders:refund')
  .meta({ pattern: '^[a-z][a-z0-9_-]{0,31}:[a-z][a-z0-9_-]{0,31}$', examples: ['orders:refund'] });

const template = text(0, 4096);
const parameterName = line(1, 100);
const milliseconds = (min: number, max: number) => z.int().min(min).max(max);
const seconds = z.int().min(0).max(MAX_SECONDS);

const change = <T extends z.ZodType<string>>(name: T) =>
  z
    .strictObject({
      do: z.enum(['set', 'add', 'remove', 'rename']),
      name,
      value: template.optional().meta({ description: 'Of set and add a template, of rename the new name' }),
    })
    .refine((entry) => (entry.do === 'remove') === (entry.value === undefined), {
      path: ['value'],
      error: 'is needed for set, add and rename, and for no other change',
    });

const bodyMap = z.strictObject({
  expression: text(1, 16_384),
  max_bytes: z.int().min(1).max(MAX_MAPPED_BYTES).optional(),
});

const cache = z.strictObject({
  mode: z.enum(['off', 'origin', 'ttl']),
  ttl_seconds: seconds.optional(),
  stale_while_revalidate_seconds: seconds.optional(),
  stale_if_error_seconds: seconds.optional(),
  vary_headers: z.array(fieldName).max(20).optional(),
  query_parameters: z.array(parameterName).max(50).nullable().optional(),
  tags: z.array(identifier).max(20).optional(),
  per_caller: z
    .boolean()
    .nullable()
    .optional()
    .meta({
      description:
        'true: each caller has a cache of its own. false: with the mode ttl, answers to authorized requests are shared. ' +
        'Left out or null: they are shared only where the upstream allows it (public, s-maxage, must-revalidate)',
    }),
  max_bytes: z.int().min(1).max(MAX_CACHED_BYTES).optional(),
});

const request = z.strictObject({
  headers: z.array(change(fieldName)).max(50).optional(),
  query: z.array(change(parameterName)).max(50).optional(),
  path: text(1, 2048).nullable().optional(),
  body: bodyMap.nullable().optional(),
});

const status = z.int().min(200).max(599);

const response = z.strictObject({
  headers: z.array(change(fieldName)).max(50).optional(),
  body: bodyMap.nullable().optional(),
  status: z
    .array(z.strictObject({ from: status, to: status }))
    .max(50)
    .optional(),
  mask: z
    .array(text(1, 500).refine((pointer) => pointer.startsWith('/'), 'must be a JSON pointer, such as /user/email'))
    .max(50)
    .optional(),
});

/** What is shown in the place of a secret, and sent back to keep it. */
export const SECRET_MASK = '***';

const injected = z.strictObject({
  in: z.enum(['header', 'query']),
  name: fieldName,
  template: text(1, 1024).optional().meta({ description: 'With {{secret}} in it; alone by default' }),
  // What else a field cannot hold, or would hold as other octets than were meant (RFC 9110 §5.5).
  secret: text(1, 8192)
    .regex(/^[\t -~]*$/, 'must be visible ASCII characters, blanks and tabs')
    .meta({ description: 'Shown as "***"; "***" keeps the one that is stored' }),
});

const credentials = z.strictObject({
  pass_on: z.array(fieldName).max(10).optional(),
  inject: z.array(injected).max(10).optional(),
});

const json = z.unknown().refine((value) => isBoundedJson(value), 'must be at most 16 levels of storable JSON');

const mock = z.strictObject({
  name: line(1, 100).optional().meta({ description: 'By which `Prefer: example=` asks for it' }),
  status: status.optional(),
  content_type: line(1, 200).optional(),
  example: json.optional(),
  schema: json.optional(),
});

const MAX_DEPTH = 16;

/** Checked before anything walks it: a document may nest deeper than the stack reaches. */
export function isBoundedJson(value: unknown, levels = MAX_DEPTH): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value === 'number') return Number.isFinite(value);
  if (value === null || typeof value !== 'object') return true;
  if (levels === 0) return false;
  const inner = (item: unknown) => isBoundedJson(item, levels - 1);
  return Object.keys(value).every(isStorable) && Object.values(value).every(inner);
}

/** Every one may be left out: an endpoint then takes its version's, a version the API's, the API the default. */
export const policyShape = {
  cost: z.int().min(1).max(1_000).optional().meta({ description: 'Quota units a call; 1' }),
  scopes: z.array(scope).max(MAX_SCOPES).optional(),
  split: z
    .array(z.strictObject({ pool: identifier, weight: z.int().min(0).max(10_000) }))
    .min(1)
    .max(20)
    .optional()
    .meta({ description: 'Pools and the proportions in which they take calls; the first pool alone' }),
  timeout_ms: milliseconds(100, 120_000).optional(),
  retries: z.int().min(0).max(5).optional(),
  max_request_bytes: z.int().min(0).max(MAX_BODY_BYTES).nullable().optional(),
  cache: cache.optional(),
  request: request.optional(),
  response: response.optional(),
  credentials: credentials.optional(),
  mock: z.array(mock).max(MAX_MOCKS).optional().meta({ description: 'What test keys are answered with' }),
};

const policyFields = z.object(policyShape);

/** The policy fields of an API, a version or an endpoint. */
export type PolicyFields = z.output<typeof policyFields>;
