import { rfc3339 } from '../../kernel/clock.ts';
import { lifecycleAt } from '../routing/lifecycle.ts';
import { compileLifecycle } from './compile.ts';
import type { RevisionRow } from './revision-store.ts';
import { maskSecrets } from './secrets.ts';
import type { ApiRow, ApiSummary } from './store.ts';

/** Rows as the public contract shows them: with the status that is in force, whatever was last written down. */
export const summaryToWire = (row: ApiSummary, now: Date) => ({
  id: row.id,
  organization_id: row.organizationId,
  slug: row.slug,
  name: row.name,
  description: row.description,
  visibility: row.visibility,
  status: lifecycleAt(compileLifecycle(row), now.getTime()),
  revision: row.revision,
  created_at: rfc3339(row.createdAt),
  updated_at: rfc3339(row.updatedAt),
});

export function apiToWire(row: ApiRow, now: Date) {
  const { deprecated_at, sunset_at } = row.definition;
  return { ...summaryToWire({ ...row, deprecated_at, sunset_at }, now), definition: maskSecrets(row.definition) };
}

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
