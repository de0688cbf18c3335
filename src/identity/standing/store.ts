import { and, eq, gt, isNull, or } from 'drizzle-orm';
import type { Role } from '../../access/permissions.ts';
import type { KeyPrincipal, UserPrincipal, WalletPrincipal } from '../../access/principal.ts';
import type { Executor } from '../../db/client.ts';
import { agentLinks } from '../agents/table.ts';
import { apiKeys } from '../api-keys/table.ts';
import { members } from '../members/table.ts';
import { organizations } from '../organizations/table.ts';
import { sessions } from '../sessions/table.ts';
import { users } from '../users/table.ts';

/**
 * Each of these locks what it finds, shared, until the transaction ends: whoever ends a session, a membership, a key or a
 * link so waits for the writes that still count on it, and no write counts on what has ended.
 */
export async function holdSession(tx: Executor, { sessionId }: UserPrincipal): Promise<boolean> {
  const rows = await tx
    .select({ id: sessions.id })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.id, sessionId), isNull(sessions.revokedAt), eq(users.isActive, true)))
    .for('share', { of: sessions });
  return rows.length > 0;
}

/** The organization's row comes before those that refer to it, as a deletion takes them: so neither waits for the other. */
export async function holdOrganizationRow(tx: Executor, organizationId: string): Promise<boolean> {
  const rows = await tx
    .select({ id: organizations.id })
    .from(organizations)
    .where(eq(organizations.id, organizationId))
    .for('key share');
  return rows.length > 0;
}

export async function holdRole(
  tx: Executor,
  organizationId: string,
  { userId }: UserPrincipal,
): Promise<Role | undefined> {
  const rows = await tx
    .select({ role: members.role })
    .from(members)
    .where(and(eq(members.organizationId, organizationId), eq(members.userId, userId)))
    .for('share');
  return rows[0]?.role;
}

export async function holdKey(tx: Executor, { keyId, organizationId }: KeyPrincipal, now: Date): Promise<boolean> {
  const rows = await tx
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.id, keyId),
        eq(apiKeys.organizationId, organizationId),
        isNull(apiKeys.revokedAt),
        or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now)),
      ),
    )
    .for('share');
  return rows.length > 0;
}

export async function holdLink(tx: Executor, { linkId, organizationId, address }: WalletPrincipal): Promise<boolean> {
  const rows = await tx
    .select({ id: agentLinks.id })
    .from(agentLinks)
    .where(
      and(
        eq(agentLinks.id, linkId),
        eq(agentLinks.organizationId, organizationId),
        eq(agentLinks.walletAddress, address),
        eq(agentLinks.status, 'active'),
      ),
    )
    .for('share');
  return rows.length > 0;
}
