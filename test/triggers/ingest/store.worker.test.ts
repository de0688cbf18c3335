import { asc, eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { eventIdOf } from '../../../src/triggers/ingest/drain.ts';
import { type EventRow, type FeedBatch, feedStore } from '../../../src/triggers/ingest/store.ts';
import { chainEvents, chainFeed, type FeedOperation, undecodedLogs } from '../../../src/triggers/ingest/table.ts';
import { database } from '../../support/database.ts';

const now = new Date('2026-01-02T03:04:05Z');
let chains = 9_000;

/** A chain of its own for each test, and batches about its events: block `n` has hash `0x<n>`. */
async function newFeed() {
  const chainId = ++chains;
  const store = feedStore(database());
  const row = async (blockNumber: number, logIndex = 0): Promise<EventRow> => {
    const blockHash = `0x${blockNumber}`;
    return {
      id: eventIdOf(chainId, { blockHash, logIndex }),
      chainId,
      blockHash,
      logIndex,
      blockNumber,
      blockTime: now,
      transactionHash: '0xaa',
      registry: 'identity',
      address: '0xbb',
      eventType: 'Registered',
      agentId: '1',
      fields: { agent_uri: 'a\ufffd"\u0001' },
      topics: ['0xcc'],
      data: '0x',
      status: 'observed',
      recordedAt: now,
    };
  };
  /** `['event', 5]` is the event in block 5. Numbered from `first`. */
  const batch = async (first: number, ...entries: [FeedOperation, number][]): Promise<FeedBatch> => {
    const made: FeedBatch = { chainId, events: [], undecoded: [], entries: [], recordedAt: now };
    for (const [index, [operation, block]] of entries.entries()) {
      const event = await row(block);
      if (operation === 'event') made.events.push(event);
      made.entries.push({ seq: first + index, operation, eventId: event.id });
    }
    return made;
  };
  const statuses = async () => {
    const rows = await database()
      .query.select({ block: chainEvents.blockNumber, status: chainEvents.status })
      .from(chainEvents)
      .where(eq(chainEvents.chainId, chainId))
      .orderBy(asc(chainEvents.blockNumber));
    return rows.map(({ block, status }) => `${block} ${status}`);
  };
  const feed = async () => {
    const rows = await database()
      .query.select()
      .from(chainFeed)
      .where(eq(chainFeed.chainId, chainId))
      .orderBy(asc(chainFeed.seq));
    return rows.map(({ seq, operation }) => `${seq} ${operation}`);
  };
  return { chainId, store, row, batch, statuses, feed };
}

describe('the feed in Postgres', () => {
  it('holds events, what happened to them, and what could not be decoded', async () => {
    const { chainId, store, batch, row, statuses, feed } = await newFeed();
    const made = await batch(1, ['event', 5], ['confirm', 5], ['event', 6], ['event', 7], ['retract', 7]);
    const { blockHash, blockNumber, transactionHash, address, topics, data } = await row(8);
    made.undecoded.push({
      chainId,
      blockHash,
      blockNumber,
      logIndex: 3,
      transactionHash,
      address,
      topics,
      data,
      reason: 'odd',
      recordedAt: now,
    });
    await store.write(made);
    expect(await statuses()).toEqual(['5 confirmed', '6 observed', '7 reorged']);
    expect(await feed()).toEqual(['1 event', '2 confirm', '3 event', '4 event', '5 retract']);
    const [stored] = await database()
      .query.select()
      .from(chainEvents)
      .where(eq(chainEvents.id, (await row(5)).id));
    expect(stored).toEqual({ ...(await row(5)), status: 'confirmed' });
    const [undecoded] = await database().query.select().from(undecodedLogs).where(eq(undecodedLogs.chainId, chainId));
    expect(undecoded).toMatchObject({ blockNumber: 8, logIndex: 3, reason: 'odd', topics: ['0xcc'] });
  });

  it('is not changed by writing a batch again, alone or with what follows it', async () => {
    const { store, batch, statuses, feed } = await newFeed();
    await store.write(await batch(1, ['event', 5]));
    await store.write(await batch(1, ['event', 5]));
    await store.write(await batch(1, ['event', 5], ['retract', 5], ['event', 5], ['confirm', 5]));
    expect(await statuses()).toEqual(['5 confirmed']);
    expect(await feed()).toEqual(['1 event', '2 retract', '3 event', '4 confirm']);
  });

  it('lets an event come back as observed after it was taken back', async () => {
    const { store, batch, statuses } = await newFeed();
    await store.write(await batch(1, ['event', 5], ['retract', 5]));
    expect(await statuses()).toEqual(['5 reorged']);
    await store.write(await batch(3, ['event', 5]));
    expect(await statuses()).toEqual(['5 observed']);
  });

  it('is not set back by a copy of an old batch that arrives late', async () => {
    const { store, batch, statuses } = await newFeed();
    await store.write(await batch(1, ['event', 5], ['retract', 5]));
    await store.write(await batch(3, ['event', 5], ['confirm', 5]));
    await store.write(await batch(1, ['event', 5], ['retract', 5]));
    expect(await statuses()).toEqual(['5 confirmed']);
  });

  it('takes nothing of a batch that refers to an unknown event', async () => {
    const { store, batch, statuses, feed } = await newFeed();
    await expect(store.write(await batch(1, ['event', 5], ['confirm', 6]))).rejects.toThrow();
    expect([await statuses(), await feed()]).toEqual([[], []]);
  });
});

describe('where the record of a chain ends', () => {
  it('is nowhere for a chain without events', async () => {
    const { store, chainId } = await newFeed();
    expect(await store.recordedEnd(chainId, 10)).toEqual({ lastSeq: 0, resumeAt: null, known: [] });
  });

  it('is finality below the newest event that stands, or at an older one that is not confirmed', async () => {
    const { store, batch, chainId } = await newFeed();
    await store.write(
      await batch(1, ['event', 50], ['confirm', 50], ['event', 95], ['confirm', 95], ['event', 99], ['retract', 99]),
    );
    expect(await store.recordedEnd(chainId, 10)).toEqual({
      lastSeq: 6,
      resumeAt: 85,
      known: [{ id: expect.any(String), blockHash: '0x95', logIndex: 0, blockNumber: 95, confirmed: true }],
    });
    await store.write(await batch(7, ['event', 60]));
    const end = await store.recordedEnd(chainId, 10);
    expect([end.lastSeq, end.resumeAt]).toEqual([7, 60]);
    expect(end.known.map(({ blockNumber, confirmed }) => [blockNumber, confirmed])).toEqual([
      [60, false],
      [95, true],
    ]);
  });

  it('is never before block 0', async () => {
    const { store, batch, chainId } = await newFeed();
    await store.write(await batch(1, ['event', 5]));
    expect((await store.recordedEnd(chainId, 64)).resumeAt).toBe(0);
  });

  it('lists more events than one page holds', async () => {
    const { store, row, chainId } = await newFeed();
    for (let from = 0; from < 6_000; from += 1_000) {
      const events = await Promise.all(Array.from({ length: 1_000 }, (_, index) => row(7, from + index)));
      const entries = events.map(({ id, logIndex }) => ({
        seq: 1 + logIndex,
        operation: 'event' as const,
        eventId: id,
      }));
      await store.write({ chainId, events, undecoded: [], entries, recordedAt: now });
    }
    const { known, lastSeq } = await store.recordedEnd(chainId, 0);
    expect(lastSeq).toBe(6_000);
    expect(new Set(known.map(({ logIndex }) => logIndex)).size).toBe(6_000);
  });
});
