import { and, eq, inArray, notExists, sql } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import { agentFollows, agentFollowTriggers } from './table.ts';

/**
 * Locks the follow that a trigger belongs to, if any, before the trigger itself is touched: a change to the follow takes
 * them in this order too. Of two triggers that are deleted at once, the second one so sees that the first has gone.
 */
export async function lockFollowOf(
  tx: Executor,
  { organizationId, triggerId }: { organizationId: string; triggerId: string },
): Promise<string | undefined> {
  const ofTrigger = tx
    .select({ id: agentFollowTriggers.followId })
    .from(agentFollowTriggers)
    .where(eq(agentFollowTriggers.triggerId, triggerId));
  const rows = await tx
    .select({ id: agentFollows.id })
    .from(agentFollows)
    .where(and(eq(agentFollows.organizationId, organizationId), inArray(agentFollows.id, ofTrigger)))
    .for('update');
  return rows[0]?.id;
}

/** A follow goes with its last trigger. */
export async function dropEmptyFollow(tx: Executor, followId: string): Promise<void> {
  const left = tx.select({ one: sql`1` }).from(agentFollowTriggers).where(eq(agentFollowTriggers.followId, followId));
  await tx.delete(agentFollows).where(and(eq(agentFollows.id, followId), notExists(left)));
}
