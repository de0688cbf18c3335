import type { CallerCtx } from '../../access/ctx.ts';
import { findPersonalOrganization } from './store.ts';

/** The organization that is meant where none is named: a person's personal one, a key's or wallet's own. */
export async function ownOrganization({ principal, db }: CallerCtx): Promise<string | undefined> {
  if (principal.kind !== 'user') return principal.organizationId;
  return findPersonalOrganization(db.query, principal.userId);
}
