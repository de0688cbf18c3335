import { and, asc, eq, gt, gte, inArray, max, min, ne, or, sql } from 'drizzle-orm';
import type { Database, Executor } from '../../db/client.ts';
import { followTransfers } from '../../identity/index.ts';
import type { KnownLog } from './ledger-logs.ts';
import { chainEvents, chainFeed, type FeedOperation, STATUS_AFTER, undecodedLogs } from './table.ts';
import { agentsTransferred, judgeTransfers } from './transfer-store.ts';

export type EventRow = typeof chainEvents.$inferInsert;
type UndecodedRow = typeof undecodedLogs.$inferInsert;

export interface FeedEntry {
  seq: number;
  operation: FeedOperation;
  eventId: string;
}

/** A piece of the outbox, in its order. Everything an entry refers to is recorded by this batch or was before. */
export interface FeedBatch {
  chainId: number;
  events: EventRow[];
  undecoded: UndecodedRow[];
  entries: FeedEntry[];
  recordedAt: Date;
}

/** Where the record of a chain ends. */
export interface RecordedEnd {
  lastSeq: number;
  /** The block to read on from, itself included; `null` when nothing is recorded. No recorded event below it can go. */
  resumeAt: number | null;
  /** What is recorded from there on and not taken back. */
  known: KnownLog[];
}

/** Where a watcher delivers what it saw. */
export interface FeedStore {
  write(batch: FeedBatch): Promise<void>;
  /** `finality`: how many blocks below the newest one may still be replaced. */
  recordedEnd(chainId: number, finality: number): Promise<RecordedEnd>;
}

const PAGE = 5_000;

export const feedStore = (db: Database): FeedStore => ({
  write: (batch) => db.transaction((tx) => writeBatch(tx, batch)),
  recordedEnd: (chainId, finality) => readEnd(db.query, chainId, finality),
});

/**
 * Writing a batch again changes nothing. An event's status follows only entries that are new: a copy of an old batch
 * that commits late, after its watcher was replaced, must not undo what came after it.
 */
async function writeBatch(tx: Executor, { chainId, events, undecoded, entries, recordedAt }: FeedBatch): Promise<void> {
  if (undecoded.length > 0) await tx.insert(undecodedLogs).values(undecoded).onConflictDoNothing();
  if (events.length > 0) {
    const key = [chainEvents.chainId, chainEvents.blockHash, chainEvents.logIndex];
    await tx.insert(chainEvents).values(events).onConflictDoNothing({ target: key });
  }
  if (entries.length === 0) return;
  const fresh = await tx
    .insert(chainFeed)
    .values(entries.map((entry) => ({ ...entry, chainId, recordedAt })))
    .onConflictDoNothing()
    .returning({ seq: chainFeed.seq });
  const isFresh = new Set(fresh.map(({ seq }) => seq));
  const statuses = new Map(
    entries.filter(({ seq }) => isFresh.has(seq)).map(({ eventId, operation }) => [eventId, STATUS_AFTER[operation]]),
  );
  for (const status of ['observed', 'confirmed', 'reorged'] as const) {
    const ids = [...statuses].flatMap(([id, last]) => (last === status ? [id] : []));
    if (ids.length === 0) continue;
    await tx
      .update(chainEvents)
      .set({ status })
      .where(and(inArray(chainEvents.id, ids), ne(chainEvents.status, status)));
  }
  const agentIds = await agentsTransferred(tx, [...statuses.keys()]);
  if (agentIds.length > 0) await followTransfers(tx, { chainId, agentIds, now: recordedAt }, judgeTransfers);
}

async function readEnd(query: Executor, chainId: number, finality: number): Promise<RecordedEnd> {
  const ofChain = eq(chainEvents.chainId, chainId);
  const [feed] = await query
    .select({ last: max(chainFeed.seq) })
    .from(chainFeed)
    .where(eq(chainFeed.chainId, chainId));
  // From the oldest that was not confirmed, or else the newest, whose block may be recorded in part. Confirmed events
  // can be taken back too, down to what was final when the record ended.
  const [open] = await query
    .select({ block: min(chainEvents.blockNumber) })
    .from(chainEvents)
    .where(and(ofChain, eq(chainEvents.status, 'observed')));
  const [newest] = await query
    .select({ block: max(chainEvents.blockNumber) })
    .from(chainEvents)
    .where(and(ofChain, ne(chainEvents.status, 'reorged')));
  const end = newest?.block ?? null;
  const resumeAt = end === null ? null : Math.max(Math.min(open?.block ?? end, end - finality), 0);
  const known = resumeAt === null ? [] : await readKnown(query, chainId, resumeAt);
  return { lastSeq: feed?.last ?? 0, resumeAt, known };
}

async function readKnown(query: Executor, chainId: number, from: number): Promise<KnownLog[]> {
  const known: KnownLog[] = [];
  let after: { blockNumber: number; id: string } | undefined;
  for (;;) {
    const page = await query
      .select({
        id: chainEvents.id,
        blockNumber: chainEvents.blockNumber,
        blockHash: chainEvents.blockHash,
        logIndex: chainEvents.logIndex,
        confirmed: sql<boolean>`${chainEvents.status} = 'confirmed'`,
      })
      .from(chainEvents)
      .where(
        and(
          eq(chainEvents.chainId, chainId),
          ne(chainEvents.status, 'reorged'),
          gte(chainEvents.blockNumber, from),
          after &&
            or(
              gt(chainEvents.blockNumber, after.blockNumber),
              and(eq(chainEvents.blockNumber, after.blockNumber), gt(chainEvents.id, after.id)),
            ),
        ),
      )
      .orderBy(asc(chainEvents.blockNumber), asc(chainEvents.id))
      .limit(PAGE);
    known.push(...page);
    after = page.at(-1);
    if (page.length < PAGE) return known;
  }
}
