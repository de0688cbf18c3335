import { and, desc, eq, gte, lt, sql, sum } from 'drizzle-orm';
import type { Executor } from '../../db/client.ts';
import type { CallRecord } from '../../gateway/index.ts';
import type { Cursor } from './cursor.ts';
import { requestLogLosses, requestLogs } from './table.ts';

export type RequestRow = typeof requestLogs.$inferSelect;

/** From the first moment on, up to the second. */
export interface Range {
  from: Date;
  to: Date;
}

export interface RequestFilter extends Range {
  api?: string | undefined;
  version?: string | undefined;
  endpointId?: string | undefined;
  keyId?: string | undefined;
  /** From the first one on, up to the second. */
  status?: readonly [number, number] | undefined;
  method?: string | undefined;
  cache?: CallRecord['cache'] | undefined;
  minDurationMs?: number | undefined;
  after?: Cursor | undefined;
}

const t = requestLogs;

/** Calls of an organization, newest first. */
export async function findRequests(
  db: Executor,
  organizationId: string,
  { from, to, api, version, endpointId, keyId, status, method, cache, minDurationMs, after }: RequestFilter,
  limit: number,
): Promise<RequestRow[]> {
  const wanted = and(
    eq(t.organizationId, organizationId),
    gte(t.at, from),
    lt(t.at, to),
    api === undefined ? undefined : eq(t.api, api),
    version === undefined ? undefined : eq(t.version, version),
    endpointId === undefined ? undefined : eq(t.endpointId, endpointId),
    keyId === undefined ? undefined : eq(t.keyId, keyId),
    status && and(gte(t.status, status[0]), lt(t.status, status[1])),
    method === undefined ? undefined : eq(t.method, method),
    cache === undefined || cache === null ? undefined : eq(t.cache, cache),
    minDurationMs === undefined ? undefined : gte(t.durationMs, minDurationMs),
    after &&
      sql`(${t.at}, ${t.messageId}, ${t.position})
        < (${after.at.toISOString()}::timestamptz, ${after.messageId}::uuid, ${after.position}::smallint)`,
  );
  return db.select().from(t).where(wanted).orderBy(desc(t.at), desc(t.messageId), desc(t.position)).limit(limit);
}

export async function countLost(db: Executor, organizationId: string, { from, to }: Range): Promise<number> {
  const { at, records, organizationId: owner } = requestLogLosses;
  const rows = await db
    .select({ lost: sum(records) })
    .from(requestLogLosses)
    .where(and(eq(owner, organizationId), gte(at, from), lt(at, to)));
  return Number(rows[0]?.lost ?? 0);
}
