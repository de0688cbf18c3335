import type { Ctx } from '../../access/ctx.ts';
import type { Executor } from '../../db/client.ts';
import { type AuditEntry, audit } from '../../telemetry/audit.ts';
import { findPersonalOrganization } from '../organizations/store.ts';

/** Leaves a row about a person's own things (account, sessions, password) in the trail of their personal organization. */
export async function auditPerson(tx: Executor, ctx: Ctx, userId: string, entry: AuditEntry): Promise<void> {
  const organizationId = await findPersonalOrganization(tx, userId);
  if (organizationId === undefined) throw new Error(`the user ${userId} has no personal organization`);
  await audit(tx, ctx, { ...entry, organizationId });
}

/**
 * The same for a row that is left only if there is something to tell: with nothing to tell, or nobody to tell it of, the
 * same statements run and write nothing.
 */
export async function auditPersonIf(tx: Executor, ctx: Ctx, userId: string, happened: boolean, entry: AuditEntry) {
  const organizationId = await findPersonalOrganization(tx, userId);
  await audit(tx, ctx, { ...entry, organizationId: happened ? (organizationId ?? null) : null });
}
