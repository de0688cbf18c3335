import * as z from 'zod';
import { KEY_ENVIRONMENTS, KEY_TYPES } from '../../access/edge.ts';
import { HTTP_METHODS, isPathPattern } from '../../access/path-pattern.ts';
import { operation } from '../../http/operation.ts';
import { dataOf, instant, int32, line, pageQuery, text, timestamp, uuid } from '../../http/shapes.ts';
import { canonicalBlock } from '../../outbound/address-block.ts';

const READ = { kind: 'organization', permission: 'keys:read' } as const;
const WRITE = { kind: 'organization', permission: 'keys:write' } as const;

const MAX_ENTRIES = 50;

const name = line(1, 100).meta({ examples: ['Production API Key'] });

const permissions = z
  .array(text(1, 64))
  .min(1, 'must name at least one permission')
  .max(MAX_ENTRIES)
  .meta({
    description:
      'Words (`read`, `write`, which does not include `read`, `admin`), single permissions `resource:verb`, and scopes of your own for your APIs (`orders:refund`)',
    examples: [['read', 'write']],
  });

const expiresAt = instant
  .nullable()
  .meta({ description: 'In the future; null: never', examples: ['2027-12-31T23:59:59Z'] });

const ipAllowlist = z
  .array(
    text(1, 60).transform((value, issues) => {
      const block = canonicalBlock(value);
      if (block !== undefined) return block;
      issues.addIssue({ code: 'custom', message: 'must be an IPv4 or IPv6 address or CIDR block' });
      return z.NEVER;
    }),
  )
  .min(1)
  .max(MAX_ENTRIES)
  .nullable()
  .meta({ description: 'Addresses and CIDR blocks the key may be used from', examples: [['203.0.113.0/24']] });

const endpoints = z
  .array(text(1, 200).refine(isPathPattern, 'must be a path; "*" stands for one segment, "**" at its end for any'))
  .min(1)
  .max(MAX_ENTRIES)
  .nullable()
  .meta({ description: 'Paths the key may be used on', examples: [['/api/v1/triggers/**']] });

const methods = z
  .array(z.enum(HTTP_METHODS))
  .min(1)
  .max(HTTP_METHODS.length)
  .nullable()
  .meta({ description: 'Methods the key may be used with; GET includes HEAD' });

/** Shown only where the key is limited by them. */
const limits = {
  ip_allowlist: z.array(z.string()).optional(),
  endpoints: z.array(z.string()).optional(),
  methods: z.array(z.string()).optional(),
};

const keyId = z.string().meta({ examples: ['key_0192f0c1a2b37c4d8e9fa0b1c2d3e4f5'] });
const secret = z.string().meta({ description: 'The key itself, shown only this once', examples: ['sk_live_…'] });
const prefix = z.string().meta({ description: 'The first 15 characters of the key' });

const apiKey = z
  .object({
    id: keyId,
    name: z.string(),
    prefix,
    environment: z.enum(KEY_ENVIRONMENTS),
    key_type: z.enum(KEY_TYPES),
    permissions: z.array(z.string()),
    rate_limit_override: z.int().nullable(),
    last_used_at: timestamp.nullable(),
    expires_at: timestamp.nullable(),
    created_at: timestamp,
    created_by: z.uuid(),
    is_revoked: z.boolean(),
    revoked_at: timestamp.nullable(),
    revoked_reason: z.string().optional(),
    ...limits,
  })
  .meta({ id: 'ApiKey' });

const createdKey = z
  .object({
    id: keyId,
    key: secret,
    name: z.string(),
    prefix,
    environment: z.enum(KEY_ENVIRONMENTS),
    key_type: z.enum(KEY_TYPES),
    permissions: z.array(z.string()),
    created_at: timestamp,
    expires_at: timestamp.nullable(),
    ...limits,
  })
  .meta({ id: 'CreatedApiKey' });

const rotatedKey = z
  .object({ id: keyId, key: secret, prefix, old_key_id: keyId, old_key_revoked_at: timestamp })
  .meta({ id: 'RotatedApiKey' });

const keyList = z
  .object({ items: z.array(apiKey), total: z.int(), page: z.int(), page_size: z.int(), total_pages: z.int() })
  .meta({ id: 'ApiKeyList' });

const createBody = z
  .object({
    name,
    environment: z.enum(KEY_ENVIRONMENTS),
    key_type: z.enum(KEY_TYPES),
    permissions,
    rate_limit_override: int32.min(1).nullish().meta({ description: 'Quota units an hour, for this key' }),
    expires_at: expiresAt.optional(),
    ip_allowlist: ipAllowlist.optional(),
    endpoints: endpoints.optional(),
    methods: methods.optional(),
  })
  .meta({ id: 'CreateApiKeyRequest' });

const revokeBody = z.object({ reason: text(0, 500).nullish() }).meta({ id: 'RevokeApiKeyRequest' });

const rotateBody = z
  .object({ name: name.optional(), expires_at: expiresAt.optional() })
  .meta({ id: 'RotateApiKeyRequest' });

const organization_id = uuid.optional();
const byId = z.object({ id: z.string().regex(/^key_[0-9a-f]{32}$/) });

const SHARED = { tag: 'API Keys', cost: 1 } as const;

/** One of the two addresses of the resource; `suffix` tells the ids of its operations apart. */
interface Address {
  base: `/${string}`;
  suffix: string;
  also: string;
}

function operationsOnAll({ base, suffix, also }: Address) {
  return {
    create: operation({
      ...SHARED,
      id: `createApiKey${suffix}`,
      method: 'post',
      path: base,
      summary: 'Create an API key',
      description: `The key is shown in this answer only. Without \`organization_id\` it is the personal organization’s.${also}`,
      security: WRITE,
      query: z.object({ organization_id }),
      body: createBody,
      success: { status: 201, description: 'The key', schema: dataOf(createdKey) },
      errors: ['bad_request', 'service_unavailable'],
    }),
    list: operation({
      ...SHARED,
      id: `listApiKeys${suffix}`,
      method: 'get',
      path: base,
      summary: 'List API keys',
      description: `Newest first. Without \`organization_id\`, of every organization whose keys one may see.${also}`,
      security: READ,
      query: pageQuery.extend({ organization_id, include_revoked: z.enum(['true', 'false']).default('false') }),
      success: { status: 200, description: 'A page of keys', schema: keyList },
    }),
  };
}

function operationsOnOne({ base, suffix, also }: Address) {
  return {
    get: operation({
      ...SHARED,
      id: `getApiKey${suffix}`,
      method: 'get',
      path: `${base}/{id}`,
      summary: 'Get an API key',
      description: `All but the key itself.${also}`,
      security: READ,
      params: byId,
      success: { status: 200, description: 'The key', schema: dataOf(apiKey) },
    }),
    revoke: operation({
      ...SHARED,
      id: `revokeApiKey${suffix}`,
      method: 'delete',
      path: `${base}/{id}`,
      summary: 'Revoke an API key',
      description: `Once this has answered, the key is refused everywhere.${also}`,
      security: WRITE,
      params: byId,
      body: revokeBody,
      bodyOptional: true,
      success: { status: 200, description: 'The revoked key', schema: dataOf(apiKey) },
      errors: ['bad_request', 'service_unavailable'],
    }),
    rotate: operation({
      ...SHARED,
      id: `rotateApiKey${suffix}`,
      method: 'post',
      path: `${base}/{id}/rotate`,
      summary: 'Replace an API key by a new one',
      description: `Revokes it and makes one like it. The new key is shown in this answer only.${also}`,
      security: WRITE,
      params: byId,
      body: rotateBody,
      bodyOptional: true,
      success: { status: 200, description: 'The new key', schema: dataOf(rotatedKey) },
      errors: ['bad_request', 'service_unavailable'],
    }),
  };
}

const operationsAt = (address: Address) => ({ ...operationsOnAll(address), ...operationsOnOne(address) });

export const apiKeys = operationsAt({ base: '/api/v1/api-keys', suffix: '', also: '' });

/** The same resource under its shorter name. */
export const keys = operationsAt({
  base: '/api/v1/keys',
  suffix: 'Short',
  also: ' The same as at `/api/v1/api-keys`.',
});

export const operations = [...Object.values(apiKeys), ...Object.values(keys)];
