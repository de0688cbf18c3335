import type * as z from 'zod';
import { type OrganizationCtx, permit } from '../../access/ctx.ts';
import { toPage } from '../../kernel/page.ts';
import { ChainCheck } from '../../telemetry/audit/chain.ts';
import type { AuditContent } from '../../telemetry/audit/content.ts';
import { type AuditRow, findHead, listAudit, readChain } from '../../telemetry/audit/read-store.ts';
import type { listAuditLogs as listContract } from './contract.ts';

const CHUNK = 200;

export async function listAuditLogs(ctx: OrganizationCtx, query: z.output<typeof listContract.query>) {
  permit(ctx, 'audit:read');
  const filter = {
    actor: query.actor,
    action: query.action,
    targetType: query.target_type,
    targetId: query.target_id,
    from: query.from,
    to: query.to,
  };
  const { rows, total } = await listAudit(ctx.db.query, ctx.organizationId, filter, query);
  return toPage(rows.map(toWire), total, query);
}

/** What an entry says is read from the hashed text, never from the columns beside it. */
const toWire = ({ seq, hash, content }: AuditRow) => {
  const { before, after, ...said } = JSON.parse(content) as AuditContent;
  return {
    ...said,
    before: before as Record<string, unknown> | null,
    after: after as Record<string, unknown> | null,
    seq,
    hash,
    content,
  };
};

/** Reads the head first: entries that are added meanwhile then lie behind it and are left for the next time. */
export async function verifyAuditLogs(ctx: OrganizationCtx) {
  permit(ctx, 'audit:read');
  const check = new ChainCheck();
  const head = (await findHead(ctx.db.query, ctx.organizationId)) ?? { seq: 0, hash: check.hash };
  while (!check.fault) {
    const rows = await readChain(ctx.db.query, ctx.organizationId, check.seq, CHUNK);
    await check.follow(rows.filter(({ seq }) => seq <= head.seq));
    if (rows.length < CHUNK || check.seq >= head.seq) break;
  }
  check.finish(head);
  return {
    data: {
      valid: check.fault === null,
      entries: head.seq,
      head: { seq: head.seq, hash: head.hash },
      first_fault: check.fault,
    },
  };
}
