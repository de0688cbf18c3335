import { rfc3339 } from '../../kernel/clock.ts';
import type { ApiKeyRow } from './store.ts';

/** Rows as the public contract shows them. */
export const keyToWire = (row: ApiKeyRow) => ({
  id: row.id,
  name: row.name,
  prefix: row.prefix,
  environment: row.environment,
  key_type: row.keyType,
  permissions: row.permissions,
  rate_limit_override: row.rateLimitOverride,
  last_used_at: row.lastUsedAt && rfc3339(row.lastUsedAt),
  expires_at: row.expiresAt && rfc3339(row.expiresAt),
  created_at: rfc3339(row.createdAt),
  created_by: row.createdBy,
  is_revoked: row.revokedAt !== null,
  revoked_at: row.revokedAt && rfc3339(row.revokedAt),
  ...(row.revokedReason !== null && { revoked_reason: row.revokedReason }),
  ...limitsOf(row),
});

/** The one answer that shows the key itself. */
export const createdKeyToWire = (row: ApiKeyRow, key: string) => ({
  id: row.id,
  key,
  name: row.name,
  prefix: row.prefix,
  environment: row.environment,
  key_type: row.keyType,
  permissions: row.permissions,
  created_at: rfc3339(row.createdAt),
  expires_at: row.expiresAt && rfc3339(row.expiresAt),
  ...limitsOf(row),
});

const limitsOf = (row: ApiKeyRow) => ({
  ...(row.ipAllowlist && { ip_allowlist: row.ipAllowlist }),
  ...(row.endpoints && { endpoints: row.endpoints }),
  ...(row.methods && { methods: row.methods }),
});
