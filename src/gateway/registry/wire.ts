import { rfc3339 } from '../../kernel/clock.ts';
import type { RevisionRow } from './revision-store.ts';
import { maskSecrets } from './secrets.ts';
import type { ApiRow } from './store.ts';

/** Rows as the public contract shows them. */
export const summaryToWire = (row: Omit<ApiRow, 'definition' | 'compiledBytes' | 'limits' | 'purged'>) => ({
  id: row.id,
  organization_id: row.organizationId,
  slug: row.slug,
  name: row.name,
  description: row.description,
  visibility: row.visibility,
  status: row.status,
  revision: row.revision,
  created_at: rfc3339(row.createdAt),
  updated_at: rfc3339(row.updatedAt),
});

export const apiToWire = (row: ApiRow) => ({ ...summaryToWire(row), definition: maskSecrets(row.definition) });

export const revisionToWire = (row: Omit<RevisionRow, 'definition' | 'apiId'>) => ({
  revision: row.revision,
  note: row.note,
  actor: row.actor,
  created_at: rfc3339(row.createdAt),
});

export const wholeRevisionToWire = (row: RevisionRow) => ({
  ...revisionToWire(row),
  definition: maskSecrets(row.definition),
});
