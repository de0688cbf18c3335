import { and, asc, desc, eq, inArray, ne, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { agentLinks } from './table.ts';

export type LinkRow = typeof agentLinks.$inferSelect;

export interface AgentKey {
  chainId: number;
  agentId: string;
}

const isOfAgent = ({ chainId, agentId }: AgentKey) =>
  and(eq(agentLinks.chainId, chainId), eq(agentLinks.agentId, agentId));

const stands = inArray(agentLinks.status, ['active', 'stale']);

/**
 * Makes whoever links agents of a chain and whoever records its transfers take turns, until the transaction ends. Without
 * it a transfer that is recorded while its agent is being linked would be seen by neither.
 */
export async function holdLinksOf(tx: Executor, chainId: number): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('agent-links', ${chainId}::bigint))`);
}

/** The link of an agent that stands, whichever organization's it is. */
export async function findStandingLink(db: Executor, agent: AgentKey): Promise<LinkRow | undefined> {
  const rows = await db
    .select()
    .from(agentLinks)
    .where(and(isOfAgent(agent), stands))
    .limit(1);
  return rows[0];
}

/** The newest link of each of the agents, also where it is revoked. */
export async function newestLinks(db: Executor, chainId: number, agentIds: readonly string[]): Promise<LinkRow[]> {
  return db
    .selectDistinctOn([agentLinks.agentId])
    .from(agentLinks)
    .where(and(eq(agentLinks.chainId, chainId), inArray(agentLinks.agentId, [...agentIds])))
    .orderBy(asc(agentLinks.agentId), desc(agentLinks.id));
}

export async function insertLink(tx: Executor, row: LinkRow): Promise<void> {
  await tx.insert(agentLinks).values(row);
}

export type LinkChange = Pick<LinkRow, 'status' | 'staleEventId' | 'revokedAt' | 'revokedReason'>;

export async function changeLink(tx: Executor, id: string, change: LinkChange): Promise<void> {
  await tx.update(agentLinks).set(change).where(eq(agentLinks.id, id));
}

/** Ends the organization's own link of an agent; nothing when it has none that stands. */
export async function endLink(
  tx: Executor,
  organizationId: string,
  agent: AgentKey,
  now: Date,
): Promise<LinkRow | undefined> {
  const rows = await tx
    .update(agentLinks)
    .set({ status: 'revoked', revokedAt: now, revokedReason: 'unlinked' })
    .where(and(isOfAgent(agent), stands, eq(agentLinks.organizationId, organizationId)))
    .returning();
  return rows[0];
}

export interface LinkPage {
  includeRevoked: boolean;
  limit: number;
  offset: number;
}

/** Newest first. */
export async function listLinks(db: Executor, organizationId: string, page: LinkPage): Promise<LinkRow[]> {
  return db
    .select()
    .from(agentLinks)
    .where(
      and(
        eq(agentLinks.organizationId, organizationId),
        page.includeRevoked ? undefined : ne(agentLinks.status, 'revoked'),
      ),
    )
    .orderBy(desc(agentLinks.id))
    .limit(page.limit)
    .offset(page.offset);
}

const MAX_AGENTS = 1_000;

/** By what a wallet may sign in: its active links, oldest first; of one organization where that is said. */
export async function activeLinksOf(
  db: Executor,
  wallet: { walletAddress: string; organizationId: string | null; chainIds: readonly number[] },
): Promise<LinkRow[]> {
  return db
    .select()
    .from(agentLinks)
    .where(
      and(
        eq(agentLinks.walletAddress, wallet.walletAddress),
        eq(agentLinks.status, 'active'),
        inArray(agentLinks.chainId, [...wallet.chainIds]),
        wallet.organizationId === null ? undefined : eq(agentLinks.organizationId, wallet.organizationId),
      ),
    )
    .orderBy(asc(agentLinks.id))
    .limit(MAX_AGENTS);
}

/** Whether a link gives its wallet rights at this moment. */
export async function isLinkLive(db: Executor, linkId: string, address: string): Promise<boolean> {
  const rows = await db
    .select({ id: agentLinks.id })
    .from(agentLinks)
    .where(and(eq(agentLinks.id, linkId), eq(agentLinks.walletAddress, address), eq(agentLinks.status, 'active')))
    .limit(1);
  return rows.length > 0;
}
