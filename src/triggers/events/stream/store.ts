import { and, asc, eq, gt, inArray, max, sql } from 'drizzle-orm';
import type { Executor } from '../../../db/client.ts';
import { chainEvents, chainFeed } from '../../ingest/table.ts';
import { eventColumns } from '../columns.ts';
import type { FeedSource } from './source.ts';

/** The feed as Postgres has it. `db` is asked for every statement: a connection does not outlive what it was made for. */
export const feedSource = (db: () => Executor): FeedSource => ({
  async ends(chainIds) {
    const rows = await db()
      .select({ chainId: chainFeed.chainId, seq: max(chainFeed.seq) })
      .from(chainFeed)
      .where(inArray(chainFeed.chainId, [...chainIds]))
      .groupBy(chainFeed.chainId);
    return new Map(rows.map(({ chainId, seq }) => [chainId, seq ?? 0]));
  },

  /** One statement for all chains, each read along the feed's own key. */
  async read(after, limit) {
    const query = db();
    const places = JSON.stringify([...after].map(([chain, seq]) => ({ chain, seq })));
    const entry = query
      .select()
      .from(chainFeed)
      .where(and(eq(chainFeed.chainId, sql`place.chain`), gt(chainFeed.seq, sql`place.seq`)))
      .orderBy(asc(chainFeed.seq))
      .limit(limit)
      .as('entry');
    return query
      .select({ chainId: entry.chainId, seq: entry.seq, operation: entry.operation, event: eventColumns })
      .from(sql`jsonb_to_recordset(${places}::jsonb) as place(chain bigint, seq bigint)`)
      .crossJoinLateral(entry)
      .innerJoin(chainEvents, eq(chainEvents.id, entry.eventId))
      .orderBy(asc(entry.chainId), asc(entry.seq));
  },
});
