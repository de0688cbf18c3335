import type { Ctx } from '../access/ctx.ts';
import { principalName } from '../access/principal.ts';
import type { Executor } from '../db/client.ts';
import { boundedContent } from './audit/bound.ts';
import { appendAudit } from './audit/store.ts';

export interface AuditEntry {
  /** What was done, as `resource.verb`: `member.add`. */
  action: string;
  target: { type: string; id: string };
  /** The target without its secrets, as it was and as it is; left out where there is none. `bound.ts` limits them. */
  before?: object;
  after?: object;
  /**
   * Whose trail it belongs to; by default the organization of the context. `null`: nobody's. Then the statement runs and
   * writes nothing, for what must not tell by its work whether there is anybody.
   */
  organizationId?: string | null;
}

type AuditCtx = Pick<Ctx, 'principal' | 'requestId' | 'address' | 'clock'> & { organizationId?: string };

/**
 * Leaves a row in the organization's audit trail. The last statement of every write's transaction: it makes the writes
 * of one organization take turns, which so lasts no longer than the commit, and in an order that cannot deadlock.
 */
export async function audit(tx: Executor, ctx: AuditCtx, entry: AuditEntry): Promise<void> {
  const organizationId = entry.organizationId === undefined ? ctx.organizationId : entry.organizationId;
  if (organizationId === undefined) throw new Error(`the audit entry ${entry.action} belongs to no organization`);
  const content = await boundedContent({
    actor: principalName(ctx.principal),
    action: entry.action,
    target: entry.target,
    before: entry.before ?? null,
    after: entry.after ?? null,
    address: ctx.address,
    request_id: ctx.requestId,
    created_at: ctx.clock().toISOString(),
  });
  await appendAudit(tx, organizationId, content);
}
