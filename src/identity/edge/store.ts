import { and, eq, isNull, lt, sql } from 'drizzle-orm';
import type { EdgeKey, EdgePlan, EdgeSnapshot } from '../../access/edge.ts';
import type { Executor } from '../../db/client.ts';
import { apiKeys } from '../api-keys/table.ts';
import { organizations } from '../organizations/table.ts';
import { organizationEdges } from './table.ts';

/**
 * Marks the organization as changed, for the edge. Part of every transaction that touches what is published of it, and
 * the first statement of it that takes a lock: so the changes of one organization take turns, and cannot deadlock.
 */
export async function bumpEdge(tx: Executor, organizationId: string, { deleted = false } = {}): Promise<void> {
  await tx
    .insert(organizationEdges)
    .values({ organizationId, version: 1, deleted })
    .onConflictDoUpdate({
      target: organizationEdges.organizationId,
      set: {
        version: sql`${organizationEdges.version} + 1`,
        deleted: sql`${organizationEdges.deleted} or excluded.deleted`,
      },
    });
}

/** Says that what was changed are its registered APIs, in a transaction that has marked it as changed before. */
export async function markGateway(tx: Executor, organizationId: string): Promise<void> {
  await tx
    .update(organizationEdges)
    .set({ gatewayVersion: sql`${organizationEdges.version}` })
    .where(eq(organizationEdges.organizationId, organizationId));
}

/** Of an organization that is gone. */
const NO_PLAN: EdgePlan = { name: 'free', unitsPerHour: null, leases: null };

/** What identity has to publish, read in one statement: a version, and the plan and keys that it stands for. */
export async function readSnapshot(
  db: Executor,
  organizationId: string,
): Promise<(Omit<EdgeSnapshot, 'limits' | 'gateway'> & { gatewayVersion: number }) | undefined> {
  const keys = sql<EdgeKey[]>`coalesce((
    select json_agg(json_build_object(
      'id', ${apiKeys.id}, 'hash', ${apiKeys.hash}, 'userId', ${apiKeys.createdBy},
      'environment', ${apiKeys.environment}, 'type', ${apiKeys.keyType}, 'permissions', ${apiKeys.permissions},
      'expiresAt', floor(extract(epoch from ${apiKeys.expiresAt}) * 1000), 'ipAllowlist', ${apiKeys.ipAllowlist},
      'endpoints', ${apiKeys.endpoints}, 'methods', ${apiKeys.methods},
      'rateLimitOverride', ${apiKeys.rateLimitOverride}))
    from ${apiKeys}
    where ${and(sql`${apiKeys.organizationId} = ${organizationEdges.organizationId}`, isNull(apiKeys.revokedAt))}
      and not ${organizationEdges.deleted}), '[]')`;
  const rows = await db
    .select({
      organizationId: organizationEdges.organizationId,
      version: organizationEdges.version,
      deleted: organizationEdges.deleted,
      gatewayVersion: organizationEdges.gatewayVersion,
      name: organizations.plan,
      unitsPerHour: organizations.unitsPerHour,
      leases: organizations.leases,
      keys,
    })
    .from(organizationEdges)
    .leftJoin(organizations, eq(organizations.id, organizationEdges.organizationId))
    .where(eq(organizationEdges.organizationId, organizationId));
  if (!rows[0]) return undefined;
  const { name, unitsPerHour, leases, ...snapshot } = rows[0];
  return { ...snapshot, plan: name === null || snapshot.deleted ? NO_PLAN : { name, unitsPerHour, leases } };
}

/** Remembers that the edge knows the organization at `version` or later. */
export async function acknowledge(db: Executor, organizationId: string, version: number): Promise<void> {
  await db
    .update(organizationEdges)
    .set({ acked: sql`greatest(${organizationEdges.acked}, ${version}::bigint)` })
    .where(eq(organizationEdges.organizationId, organizationId));
}

/** Moves past a version that the edge holds and the database does not know of; false when it does know of it. */
export async function overtake(db: Executor, organizationId: string, held: number): Promise<boolean> {
  const rows = await db
    .update(organizationEdges)
    .set({
      version: held + 1,
      gatewayVersion: sql`case when ${organizationEdges.gatewayVersion} > 0 then ${held + 1}::bigint else 0 end`,
    })
    .where(and(eq(organizationEdges.organizationId, organizationId), lt(organizationEdges.version, held)))
    .returning({ version: organizationEdges.version });
  return rows.length > 0;
}

/** Organizations of which the edge knows an older version, those first that were not tried for longest. */
export async function takeBehind(db: Executor, limit: number, now: Date): Promise<string[]> {
  const behind = db
    .select({ id: organizationEdges.organizationId })
    .from(organizationEdges)
    .where(sql`${organizationEdges.acked} < ${organizationEdges.version}`)
    .orderBy(sql`${organizationEdges.sweptAt} nulls first`)
    .limit(limit)
    .for('update', { skipLocked: true });
  const rows = await db
    .update(organizationEdges)
    .set({ sweptAt: now })
    .where(sql`${organizationEdges.organizationId} in ${behind}`)
    .returning({ id: organizationEdges.organizationId });
  return rows.map(({ id }) => id);
}
