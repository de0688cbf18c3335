import { rfc3339 } from '../../kernel/clock.ts';
import type { RateLimitRow } from './store.ts';

/** Rows as the public contract shows them. */
export const limitToWire = (row: RateLimitRow) => ({
  id: row.id,
  organization_id: row.organizationId,
  name: row.name,
  scope: row.scope,
  target: row.target,
  limit: row.limit,
  window: row.window,
  algorithm: row.algorithm,
  burst: row.burst,
  created_at: rfc3339(row.createdAt),
  updated_at: rfc3339(row.updatedAt),
});
