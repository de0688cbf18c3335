import { and, asc, eq, gte, inArray, lte, type SQL, sql } from 'drizzle-orm';
import type { Registry } from '../../chain/events.ts';
import type { Executor } from '../../db/client.ts';
import type { EventRow } from '../actions/event-payload.ts';
import { eventColumns } from '../events/columns.ts';
import { chainEvents, type EventStatus } from '../ingest/table.ts';

/** Past events of a chain's registry, between two blocks or two moments, both included. */
export interface Range {
  chainId: number;
  registry: Registry;
  statuses: readonly EventStatus[];
  fromBlock?: number | undefined;
  toBlock?: number | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
}

export type LogRow = EventRow;

const inRange = ({ chainId, registry, statuses, fromBlock, toBlock, from, to }: Range): SQL | undefined =>
  and(
    eq(chainEvents.chainId, chainId),
    eq(chainEvents.registry, registry),
    inArray(chainEvents.status, [...statuses]),
    fromBlock === undefined ? undefined : gte(chainEvents.blockNumber, fromBlock),
    toBlock === undefined ? undefined : lte(chainEvents.blockNumber, toBlock),
    from === undefined ? undefined : gte(chainEvents.blockTime, from),
    to === undefined ? undefined : lte(chainEvents.blockTime, to),
  );

/** The next events of the range in the order of the chain. */
export async function readLog(
  db: Executor,
  range: Range,
  { after, limit }: { after: LogRow | undefined; limit: number },
): Promise<LogRow[]> {
  const later =
    after && sql`(${chainEvents.blockNumber}, ${chainEvents.logIndex}) > (${after.blockNumber}, ${after.logIndex})`;
  return db
    .select(eventColumns)
    .from(chainEvents)
    .where(and(inRange(range), later))
    .orderBy(asc(chainEvents.blockNumber), asc(chainEvents.logIndex))
    .limit(limit);
}

/** How many events of the range there are, counted no further than `most`. */
export async function countLog(db: Executor, range: Range, most: number): Promise<number> {
  const some = db.select({ id: chainEvents.id }).from(chainEvents).where(inRange(range)).limit(most).as('some');
  const rows = await db.select({ count: sql<number>`count(*)::int` }).from(some);
  return rows[0]?.count ?? 0;
}

/** The chains whose events are recorded. */
export async function recordedChains(db: Executor): Promise<number[]> {
  const rows = await db
    .selectDistinct({ chainId: chainEvents.chainId })
    .from(chainEvents)
    .orderBy(asc(chainEvents.chainId));
  return rows.map(({ chainId }) => chainId);
}

export async function findEvent(db: Executor, id: string): Promise<LogRow | undefined> {
  const rows = await db.select(eventColumns).from(chainEvents).where(eq(chainEvents.id, id)).limit(1);
  return rows[0];
}
