import { type OrganizationCtx, permit } from '../../../access/ctx.ts';
import type { Executor } from '../../../db/client.ts';
import { confirmStanding, markEdge, markGateway } from '../../../identity/index.ts';
import { audit } from '../../../telemetry/audit.ts';
import { rewrite } from '../hosts/service.ts';
import { changeDomains, type DomainDeps, domainRef, load, taken, targetOf, written } from './service.ts';
import * as store from './store.ts';
import { domainToWire } from './wire.ts';

/**
 * Looks whether a domain shows what it has to; then the organization's APIs are reached under it. A domain that has shown
 * it stays verified when it does not any more, for as long as nobody else shows the host to be theirs.
 * @throws AppError `not_found`; `conflict` when the host shows that it is another organization's too, which was first
 */
export async function verifyDomain(ctx: OrganizationCtx, deps: DomainDeps, domainId: string) {
  permit(ctx, 'apis:write');
  const ref = domainRef(ctx, domainId);
  const before = await load(ctx.db.query, ref);
  const finding = await deps.prove(before);
  const now = ctx.clock();
  const noted = async (tx: Executor, change: Promise<unknown>) => {
    await change;
    return written(tx, ctx, ref, 'verify', before);
  };
  if (before.status === 'verified' || finding === 'unknown') {
    return shown(rewrite(ctx, (tx) => noted(tx, store.updateDomain(tx, ref, { checkedAt: now }))));
  }
  if (finding === 'missing') return shown(rewrite(ctx, (tx) => noted(tx, store.failDomain(tx, ref, now))));
  await makeWay(ctx, deps, before);
  const verified = { status: 'verified', verifiedAt: now, checkedAt: now, updatedAt: now } as const;
  return shown(changeDomains(ctx, deps, (tx) => noted(tx, store.updateDomain(tx, ref, verified))));
}

const shown = async (row: Promise<store.ShownDomain>) => ({ data: domainToWire(await row) });

/**
 * Takes a host away from the organization that has it if it does not show that any more: names change hands, and would
 * otherwise be the first owner's for good. A transaction of its own: one that holds two organizations could wait for
 * another that holds the same two.
 * @throws AppError `conflict` when the host still shows that it is the other organization's, or nobody can say
 */
async function makeWay(ctx: OrganizationCtx, deps: DomainDeps, { host }: store.DomainRow): Promise<void> {
  const holder = await store.findHolder(ctx.db.query, host);
  if (!holder || holder.organizationId === ctx.organizationId) return;
  if ((await deps.prove(holder)) !== 'missing') throw taken();
  const { organizationId } = holder;
  await ctx.db.transaction(async (tx) => {
    await markEdge(tx, organizationId);
    await markGateway(tx, organizationId);
    await confirmStanding(tx, ctx, 'apis:write');
    if (!(await store.takeHost(tx, holder, ctx.clock()))) return;
    // Who the new owner is, is not the old one's business.
    const trail = { ...ctx, principal: { kind: 'system', job: 'domains' } as const, address: '', organizationId };
    const target = targetOf({ organizationId, domainId: holder.id });
    const states = { before: { host, status: 'verified' }, after: { host, status: 'failed' } };
    await audit(tx, trail, { action: 'domain.lose', target, ...states });
  });
  ctx.afterCommit(() => ctx.publishOrganization(organizationId));
}
