import type { CallerCtx } from '../../access/ctx.ts';
import { findRole } from '../members/store.ts';
import { findPersonalOrganization } from './store.ts';

/** The organization that is meant where none is named: a person's personal one, a key's or wallet's own. */
export async function ownOrganization({ principal, db }: CallerCtx): Promise<string | undefined> {
  if (principal.kind !== 'user') return principal.organizationId;
  return findPersonalOrganization(db.query, principal.userId);
}

/** Whether the caller belongs to an organization at all, whatever they may do there. */
export async function hasPlaceIn({ principal, db }: CallerCtx, organizationId: string): Promise<boolean> {
  if (principal.kind !== 'user') return principal.organizationId === organizationId;
  return (await findRole(db.query, organizationId, principal.userId)) !== undefined;
}
