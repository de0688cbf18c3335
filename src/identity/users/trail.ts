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
