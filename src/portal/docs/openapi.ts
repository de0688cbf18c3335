import * as z from 'zod';
import type { Operation } from '../../http/operation.ts';
import { ERRORS, type ErrorCode } from '../../kernel/errors.ts';
import { VERSION } from '../../kernel/version.ts';

type Json = Record<string, unknown>;

const errorBody = z
  .object({
    error: z.string().meta({ description: 'Code to branch on' }),
    message: z.string(),
    request_id: z.string(),
    details: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Error' });

const rateLimitBody = z
  .object({
    error: z.object({
      code: z.literal('RATE_LIMITED'),
      message: z.string(),
      retry_after: z.int(),
      limit: z.int(),
      window: z.int(),
    }),
  })
  .meta({ id: 'RateLimitError' });

/** The OpenAPI 3.1 document of the given operations: derived from the very schemas that validate. */
export function openApiDocument(operations: readonly Operation[], baseUrl: string): Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  for (const op of operations) {
    const path = paths[op.path] ?? {};
    path[op.method] = describe(op, components);
    paths[op.path] = path;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Weir',
      version: VERSION,
      description: 'API gateway and triggers on ERC-8004 events.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: baseUrl }],
    tags: [...new Set(operations.map((op) => op.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An access token, or an API key' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
  };
}

function describe(op: Operation, components: Json): Json {
  return {
    operationId: op.id,
    tags: [op.tag],
    summary: op.summary,
    ...(op.description && { description: op.description }),
    security: securityOf(op),
    'x-weir-permission': permissionOf(op),
    'x-weir-cost': op.cost,
    ...parametersOf(op, components),
    ...(op.body && {
      requestBody: {
        required: !op.bodyOptional,
        content: contentOf(op, schemaOf(op.body.strict(), 'input', components)),
      },
    }),
    responses: responsesOf(op, components),
  };
}

const securityOf = (op: Operation): Json[] => {
  if (op.security.kind === 'public') return [];
  if (op.security.kind === 'user') return [{ bearer: [] }];
  const either = [{ bearer: [] }, { apiKey: [] }];
  return op.security.kind === 'open' ? [{}, ...either] : either;
};

/** What a caller must hold; `public` and `self` where there is no organization to hold it in. */
const permissionOf = ({ security }: Operation) =>
  'permission' in security ? security.permission : security.kind === 'public' ? 'public' : 'self';

const JSON_TYPE = 'application/json';

const json = (schema: Json) => ({ [JSON_TYPE]: { schema } });

/** What a body may be sent as. */
const contentOf = ({ yamlBody }: Operation, schema: Json) => ({
  ...json(schema),
  ...(yamlBody && { 'application/yaml': { schema } }),
});

const integerHeader = (description: string) => ({ description, schema: { type: 'integer' } });
const textHeader = (description: string) => ({ description, schema: { type: 'string' } });

const RETRY_AFTER = integerHeader('Seconds after which to try again');

const QUOTA_HEADERS = {
  'X-RateLimit-Limit': integerHeader('Units of the window'),
  'X-RateLimit-Remaining': integerHeader('Units that are left; 0 on a 429'),
  'X-RateLimit-Reset': integerHeader('When the window is over, or on a 429 when to try again, in seconds since 1970'),
  'X-RateLimit-Window': integerHeader('Length of the window in seconds'),
  'X-RateLimit-Status': textHeader('`degraded` when the count could not be asked'),
  RateLimit: textHeader('What is left of every limit that was asked (draft-ietf-httpapi-ratelimit-headers)'),
  'RateLimit-Policy': textHeader('The limits that were asked'),
};

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'The same key with the same request is answered as the first time, for 24 hours',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

/** A stream is made anew each time: nothing of it is kept. */
const keepsAnswers = (op: Operation): boolean =>
  op.method !== 'get' && !op.withoutEffect && !('messages' in op.success);

function parametersOf(op: Operation, components: Json): Json {
  const named = (where: 'path' | 'query' | 'header', shape: z.ZodObject | undefined) =>
    Object.entries(shape?.shape ?? {}).map(([name, schema]) => {
      const { description, ...rest } = schemaOf(schema as z.ZodType, 'input', components);
      const required = where === 'path' || !z.safeParse(schema as z.ZodType, undefined).success;
      return { name, in: where, required, ...(description !== undefined && { description }), schema: rest };
    });
  const idempotent = keepsAnswers(op) ? [IDEMPOTENCY_KEY] : [];
  const declared = [...named('path', op.params), ...named('query', op.query), ...named('header', op.headers)];
  const parameters = [...declared, ...idempotent];
  return parameters.length > 0 ? { parameters } : {};
}

function responsesOf(op: Operation, components: Json): Json {
  const { success } = op;
  const responses: Json = {
    [success.status]: {
      description: success.description,
      ...(op.cost > 0 && { headers: QUOTA_HEADERS }),
      ...('schema' in success && {
        content: {
          [success.contentType ?? JSON_TYPE]: { schema: schemaOf(success.schema, 'output', components) },
          ...(success.yaml && {
            'application/yaml': { schema: schemaOf(success.yaml.schema, 'output', components) },
          }),
        },
      }),
      ...('messages' in success && {
        content: { 'text/event-stream': { schema: schemaOf(success.messages, 'output', components) } },
      }),
    },
  };
  if (op.made) responses[201] = responses[success.status];
  for (const code of refusalsOf(op)) {
    const { status, title } = ERRORS[code];
    const body = code === 'RATE_LIMITED' ? rateLimitBody : errorBody;
    responses[status] ??= {
      description: title,
      ...(code === 'RATE_LIMITED' && { headers: { ...QUOTA_HEADERS, 'Retry-After': RETRY_AFTER } }),
      ...(code === 'service_unavailable' && { headers: { 'Retry-After': RETRY_AFTER } }),
      content: json(schemaOf(body, 'output', components)),
    };
  }
  return responses;
}

/** The refusals that follow from what an operation is, and its own. */
function refusalsOf(op: Operation): ErrorCode[] {
  const codes: ErrorCode[] = [...(op.errors ?? [])];
  if (op.method !== 'get' || op.query || op.headers || op.body) codes.push('validation_failed');
  if (op.body) codes.push('payload_too_large');
  if (keepsAnswers(op)) codes.push('idempotency_mismatch');
  if (op.security.kind !== 'public') codes.push('unauthorized');
  if (op.security.kind === 'organization') codes.push('not_found');
  if ('permission' in op.security || op.security.kind === 'user') codes.push('forbidden');
  if (op.cost > 0) codes.push('RATE_LIMITED');
  codes.push('service_unavailable');
  return [...new Set(codes)].sort((a, b) => ERRORS[a].status - ERRORS[b].status);
}

/** A schema as JSON Schema 2020-12; the ones with an id become components and are referred to. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', components: Json): Json {
  const {
    $schema: _,
    $defs,
    ...root
  } = z.toJSONSchema(schema, { io, target: 'draft-2020-12', unrepresentable: 'any' });
  for (const [id, definition] of Object.entries($defs ?? {})) components[id] ??= hoist(definition as Json);
  const hoisted = hoist(root);
  const id = schema.meta()?.id;
  if (id === undefined) return hoisted;
  components[id] ??= hoisted;
  return { $ref: `#/components/schemas/${id}` };
}

/** Points references at the components, and drops the `id` that only named the schema. */
function hoist(node: Json): Json {
  const { id: _, ...rest } = node;
  const text = JSON.stringify(rest).replaceAll('"#/$defs/', '"#/components/schemas/');
  return JSON.parse(text) as Json;
}
