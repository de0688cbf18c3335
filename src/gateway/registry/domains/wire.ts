import { rfc3339 } from '../../../kernel/clock.ts';
import { proofToWire } from '../hosts/proof-shape.ts';
import type { ShownDomain } from './store.ts';

const momentOf = (date: Date | null) => date && rfc3339(date);

export const domainToWire = (row: ShownDomain) => ({
  id: row.id,
  organization_id: row.organizationId,
  host: row.host,
  status: row.status,
  api: row.api,
  branding: {
    display_name: row.branding.display_name ?? null,
    logo_url: row.branding.logo_url ?? null,
    favicon_url: row.branding.favicon_url ?? null,
    primary_color: row.branding.primary_color ?? null,
    support_email: row.branding.support_email ?? null,
    support_url: row.branding.support_url ?? null,
  },
  proof: proofToWire(row),
  verified_at: momentOf(row.verifiedAt),
  checked_at: momentOf(row.checkedAt),
  created_at: rfc3339(row.createdAt),
  updated_at: rfc3339(row.updatedAt),
});
