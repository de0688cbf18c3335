import { sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { type AuditContent, auditText, GENESIS } from './content.ts';
import { auditHeads, auditLogs } from './table.ts';

/**
 * Adds a row to an organization's chain in one statement: the head's row lock makes two writers take turns, and the
 * hash is computed from the head as it is under that lock (`content.ts` says over what). For no organization it writes
 * nothing.
 */
export async function appendAudit(tx: Executor, organizationId: string | null, content: AuditContent): Promise<void> {
  const text = auditText(content);
  const hashOf = (previous: unknown, seq: unknown) =>
    sql`encode(sha256(convert_to(${previous} || E'\n' || (${seq})::text || E'\n' || ${text}::text, 'UTF8')), 'hex')`;
  await tx.execute(sql`
    with head as (
      insert into ${auditHeads} (organization_id, seq, hash)
      select id, 1, ${hashOf(sql`${GENESIS}::text`, sql`1`)} from (select ${organizationId}::uuid as id) as trail
      where id is not null
      on conflict (organization_id) do update set
        seq = audit_heads.seq + 1,
        hash = ${hashOf(sql`audit_heads.hash`, sql`audit_heads.seq + 1`)}
      returning seq, hash
    )
    insert into ${auditLogs} (organization_id, seq, hash, content, actor, action, target_type, target_id, created_at)
    select ${organizationId}::uuid, head.seq, head.hash, ${text}, ${content.actor}, ${content.action},
      ${content.target.type}, ${content.target.id}, ${content.created_at}::timestamptz
    from head`);
}
