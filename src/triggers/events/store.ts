import { and, count, desc, eq, ne, type SQL, sql } from 'drizzle-orm';
import type { Registry } from '../../chain/events.ts';
import type { Executor } from '../../db/client.ts';
import type { PageRequest } from '../../kernel/page.ts';
import { chainEvents, type EventStatus } from '../ingest/table.ts';
import { eventColumns } from './columns.ts';

export interface EventFilter {
  chainId?: number | undefined;
  registry?: Registry | undefined;
  eventType?: string | undefined;
  /** Only events with this `to` field. */
  to?: string | undefined;
  agentId?: string | undefined;
  /** Without it: every event that is not reorganized away. */
  status?: EventStatus | undefined;
}

function where(filter: EventFilter): SQL | undefined {
  return and(
    filter.status === undefined ? ne(chainEvents.status, 'reorged') : eq(chainEvents.status, filter.status),
    filter.chainId === undefined ? undefined : eq(chainEvents.chainId, filter.chainId),
    filter.registry === undefined ? undefined : eq(chainEvents.registry, filter.registry),
    filter.eventType === undefined ? undefined : eq(chainEvents.eventType, filter.eventType),
    filter.agentId === undefined ? undefined : eq(chainEvents.agentId, filter.agentId),
    filter.to === undefined ? undefined : sql`${chainEvents.fields}->>'to' = ${filter.to}`,
  );
}

/** Newest first. */
export async function listEvents(db: Executor, filter: EventFilter, page: PageRequest) {
  const wanted = where(filter);
  const [rows, totals] = await Promise.all([
    db
      .select(eventColumns)
      .from(chainEvents)
      .where(wanted)
      .orderBy(
        desc(chainEvents.blockTime),
        desc(chainEvents.blockNumber),
        desc(chainEvents.logIndex),
        desc(chainEvents.id),
      )
      .limit(page.limit)
      .offset(page.offset),
    db.select({ total: count() }).from(chainEvents).where(wanted),
  ]);
  return { rows, total: totals[0]?.total ?? 0 };
}
