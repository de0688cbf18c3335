import { and, asc, count, desc, eq, inArray, type SQL } from 'drizzle-orm';
import { duplicateOf, type Executor } from '../../db/client.ts';
import { organizationsOf } from '../../identity/index.ts';
import { AppError } from '../../kernel/errors.ts';
import type { PageRequest } from '../../kernel/page.ts';
import type { Visibility } from '../rules/store.ts';
import { agentFollows, agentFollowTriggers } from './table.ts';

export type FollowRow = typeof agentFollows.$inferSelect;
export type MemberRow = typeof agentFollowTriggers.$inferSelect;

/** An agent as an organization names it: without the chain where that is clear. */
export interface AgentName {
  organizationId: string;
  agentId: string;
  chainId: number | undefined;
}

/** @throws AppError `conflict` when the organization follows the agent already; waits for who is about to */
export async function insertFollow(tx: Executor, row: FollowRow): Promise<void> {
  try {
    await tx.insert(agentFollows).values(row);
  } catch (error) {
    if (duplicateOf(error) !== 'agent_follows_agent_key') throw error;
    throw new AppError('conflict', 'The organization follows this agent already');
  }
}

export async function insertMember(tx: Executor, row: MemberRow): Promise<void> {
  await tx.insert(agentFollowTriggers).values(row);
}

const isNamed = ({ organizationId, agentId, chainId }: AgentName): SQL | undefined =>
  and(
    eq(agentFollows.organizationId, organizationId),
    eq(agentFollows.agentId, agentId),
    chainId === undefined ? undefined : eq(agentFollows.chainId, chainId),
  );

/** Those that the name fits: more than one only where it leaves the chain out. */
export const findFollows = (db: Executor, name: AgentName): Promise<FollowRow[]> =>
  db.select().from(agentFollows).where(isNamed(name)).orderBy(asc(agentFollows.chainId));

/** The same, locked for a change to them or their triggers. */
export const lockFollows = (tx: Executor, name: AgentName): Promise<FollowRow[]> =>
  tx.select().from(agentFollows).where(isNamed(name)).orderBy(asc(agentFollows.chainId)).for('update');

/** The triggers of the follows, by id. */
export async function membersOf(db: Executor, followIds: readonly string[]): Promise<MemberRow[]> {
  if (followIds.length === 0) return [];
  return db
    .select()
    .from(agentFollowTriggers)
    .where(inArray(agentFollowTriggers.followId, [...followIds]))
    .orderBy(asc(agentFollowTriggers.triggerId));
}

export async function changeFollow(tx: Executor, id: string, patch: Partial<FollowRow>): Promise<void> {
  await tx.update(agentFollows).set(patch).where(eq(agentFollows.id, id));
}

export async function deleteFollow(tx: Executor, id: string): Promise<void> {
  await tx.delete(agentFollows).where(eq(agentFollows.id, id));
}

/** Newest first: of one organization that is visible, or of all of them. */
export async function listFollows(
  db: Executor,
  visibility: Visibility,
  organizationId: string | undefined,
  page: PageRequest,
) {
  const visible = and(
    'userId' in visibility
      ? inArray(agentFollows.organizationId, organizationsOf(db, visibility.userId))
      : eq(agentFollows.organizationId, visibility.organizationId),
    organizationId === undefined ? undefined : eq(agentFollows.organizationId, organizationId),
  );
  const [rows, totals] = await Promise.all([
    db
      .select()
      .from(agentFollows)
      .where(visible)
      .orderBy(desc(agentFollows.createdAt), desc(agentFollows.id))
      .limit(page.limit)
      .offset(page.offset),
    db.select({ total: count() }).from(agentFollows).where(visible),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}
