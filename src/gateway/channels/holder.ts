import type { KeyEnvironment, KeyUse } from '../../access/edge.ts';
import type { Permission } from '../../access/permissions.ts';
import type { Caller, UserPrincipal, WalletPrincipal } from '../../access/principal.ts';
import { AppError, notFound } from '../../kernel/errors.ts';
import { type Ask, type Drawer, refusalError, type Verdict } from '../../quota/index.ts';

/** By whose credential a socket was opened, as far as it takes to ask again whether it is good. */
export type Holder =
  | { kind: 'key'; hash: string; environment: KeyEnvironment }
  | { kind: 'person'; principal: UserPrincipal | WalletPrincipal };

export interface HolderDeps {
  admit(organizationId: string, ask: Ask): Promise<Verdict>;
  /** Whether the session or the link that a person acts by is still there. */
  isLive(principal: UserPrincipal | WalletPrincipal): Promise<boolean>;
  permissionsIn(
    principal: UserPrincipal | WalletPrincipal,
    organizationId: string,
  ): Promise<ReadonlySet<Permission> | undefined>;
}

export const holderOf = (caller: Caller): Holder =>
  caller.kind === 'key'
    ? { kind: 'key', hash: caller.hash, environment: caller.environment }
    : { kind: 'person', principal: caller };

/** One name for one holder. */
export function holderName(holder: Holder): string {
  if (holder.kind === 'key') return `key:${holder.hash}`;
  const { principal } = holder;
  return principal.kind === 'user' ? `user:${principal.userId}:${principal.sessionId}` : `wallet:${principal.linkId}`;
}

export interface Wish {
  permission: Permission;
  /** Quota units; 0 asks whether the credential is good, and charges nothing. */
  units: number;
  use: KeyUse;
}

/**
 * Decides whether a holder may do something in an organization, and charges it.
 * @throws AppError `unauthorized`, `forbidden`, `not_found`, `RATE_LIMITED`, `service_unavailable`
 */
export async function admitHolder(
  deps: HolderDeps,
  organizationId: string,
  holder: Holder,
  { permission, units, use }: Wish,
): Promise<void> {
  const charge = { units, tier: 0 } as const;
  if (holder.kind === 'key') {
    return charged(await deps.admit(organizationId, { drawer: keyDrawer(holder.hash, permission), charge, use }));
  }
  const { principal } = holder;
  if (!(await deps.isLive(principal))) throw new AppError('unauthorized', 'This session has ended');
  const permissions = await deps.permissionsIn(principal, organizationId);
  if (!permissions) throw notFound('Organization');
  if (!permissions.has(permission)) {
    throw new AppError('forbidden', `This needs the permission ${permission}, which this caller does not have`);
  }
  if (units > 0) charged(await deps.admit(organizationId, { drawer: drawerOf(principal), charge, use }));
}

const keyDrawer = (hash: string, permission: Permission): Drawer => ({ kind: 'key', hash, permission });

const drawerOf = (principal: UserPrincipal | WalletPrincipal): Drawer =>
  principal.kind === 'user'
    ? { kind: 'user', userId: principal.userId }
    : { kind: 'wallet', address: principal.address, userId: principal.userId };

function charged(verdict: Verdict): void {
  if (!verdict.ok) throw refusalError(verdict);
}
