import { type OrganizationCtx, permit } from '../../../access/ctx.ts';
import type { Executor } from '../../../db/client.ts';
import { confirmStanding } from '../../../identity/index.ts';
import { rfc3339 } from '../../../kernel/clock.ts';
import { notFound } from '../../../kernel/errors.ts';
import { type PageRequest, toPage } from '../../../kernel/page.ts';
import { audit } from '../../../telemetry/audit.ts';
import { type ChangeDeps, changeApis } from '../change.ts';
import type { Finding, Prove } from './proof.ts';
import { proofToWire } from './proof-shape.ts';
import * as store from './store.ts';

export interface HostDeps extends ChangeDeps {
  prove: Prove;
}

export async function listHosts(ctx: OrganizationCtx, page: PageRequest) {
  permit(ctx, 'apis:read');
  const { rows, total } = await store.listHosts(ctx.db.query, ctx.organizationId, page);
  return toPage(rows.map(hostToWire), total, page);
}

/**
 * Looks whether a host shows what it has to. One that has shown it stays proven for the time being when it does not.
 * @throws AppError `not_found` when no upstream was ever on it
 */
export async function verifyHost(ctx: OrganizationCtx, deps: HostDeps, host: string) {
  permit(ctx, 'apis:write');
  const before = await store.findHost(ctx.db.query, { organizationId: ctx.organizationId, host });
  if (!before) throw notFound('Upstream host');
  const check = checkOf(before, await deps.prove(before), ctx.clock());
  const write = async (tx: Executor) => {
    const after = await store.updateHost(tx, before, check);
    if (!after) throw notFound('Upstream host');
    const states = { before: hostToWire(before), after: hostToWire(after) };
    await audit(tx, ctx, { action: 'upstream_host.verify', target: { type: 'upstream_host', id: host }, ...states });
    return after;
  };
  const isPublished = check.provenAt === before.provenAt;
  const row = await (isPublished ? rewrite(ctx, write) : changeApis(ctx, deps, write));
  return { data: hostToWire(row) };
}

/** A change that the edge need not be told of. */
export const rewrite = <T>(ctx: OrganizationCtx, write: (tx: Executor) => Promise<T>): Promise<T> =>
  ctx.db.transaction(async (tx) => {
    await confirmStanding(tx, ctx, 'apis:write');
    return write(tx);
  });

/** What is known of a host once it has been looked at. */
export function checkOf({ provenAt, missingSince }: store.HostCheck, finding: Finding, now: Date): store.HostCheck {
  switch (finding) {
    case 'shown':
      return { provenAt: provenAt ?? now, missingSince: null, checkedAt: now };
    case 'missing':
      return { provenAt, missingSince: provenAt && (missingSince ?? now), checkedAt: now };
    case 'unknown':
      return { provenAt, missingSince, checkedAt: now };
  }
}

function statusOf({ provenAt, missingSince }: store.HostRow): 'pending' | 'proven' | 'missing' {
  if (provenAt === null) return 'pending';
  return missingSince === null ? 'proven' : 'missing';
}

const momentOf = (date: Date | null) => date && rfc3339(date);

export const hostToWire = (row: store.HostRow) => ({
  host: row.host,
  status: statusOf(row),
  proof: proofToWire(row),
  proven_at: momentOf(row.provenAt),
  missing_since: momentOf(row.missingSince),
  checked_at: momentOf(row.checkedAt),
  created_at: rfc3339(row.createdAt),
});
