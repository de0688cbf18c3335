import { drizzle } from 'drizzle-orm/pg-proxy';
import { describe, expect, it } from 'vitest';
import type { Executor } from '../../../src/db/client.ts';
import { findDelivery, listDeliveries } from '../../../src/triggers/deliveries/list-store.ts';
import { claim } from '../../../src/triggers/deliveries/store.ts';
import { listEvents } from '../../../src/triggers/events/store.ts';
import { feedSource } from '../../../src/triggers/events/stream/store.ts';
import { readFeed } from '../../../src/triggers/matching/store.ts';
import { findEvent, readLog } from '../../../src/triggers/trials/range-store.ts';

/** What the readers of recorded events ask the database for. */
const page = { limit: 10, offset: 0 };
const visibility = { organizationId: 'org_1' };
const range = { chainId: 1, registry: 'identity', statuses: ['confirmed'] } as const;

const READERS: readonly [string, (db: Executor) => Promise<unknown>][] = [
  ['the list of events', (db) => listEvents(db, {}, page)],
  ['the live views', (db) => feedSource(() => db).read(new Map([[1, 0]]), 10)],
  ['the matcher', (db) => readFeed(db, { chainId: 1, after: null, limit: 10 })],
  ['the list of deliveries', (db) => listDeliveries(db, { visibility }, page)],
  ['a delivery', (db) => findDelivery(db, { organizationId: 'org_1', deliveryId: 'dlv_1' })],
  ['the sender', (db) => claim(db, 'dlv_1', new Date(0))],
  ['a back-test', (db) => readLog(db, range, { after: undefined, limit: 10 })],
  ['a trial', (db) => findEvent(db, 'evt_1')],
];

describe('a recorded event', () => {
  it.each(READERS)('is read by %s without the log as the node told it', async (_, read) => {
    const statements: string[] = [];
    const db = drizzle(async (statement) => {
      statements.push(statement);
      return { rows: [] };
    });
    await read(db);
    const all = statements.join('\n');
    expect(all).toContain('"fields"');
    expect(all).not.toMatch(/"(topics|data)"/);
  });
});
