import { env } from 'cloudflare:workers';
import { eq, sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { organizations } from '../../../src/identity/organizations/table.ts';
import { DAY, HOUR, later } from '../../../src/kernel/clock.ts';
import { newUuid } from '../../../src/kernel/id.ts';
import { sweepUsage } from '../../../src/quota/usage/job.ts';
import { deleteOldEvents, deleteOldWindows, recordEvent, recordWindow } from '../../../src/quota/usage/store.ts';
import { organizationEvents, usageDrawers, usageWindows } from '../../../src/quota/usage/table.ts';
import type { ClosedWindow, QuotaEvent } from '../../../src/quota/usage/window.ts';
import { runSchedule } from '../../../src/schedule.ts';
import { auditLogs } from '../../../src/telemetry/audit/table.ts';
import { database, rowCounts } from '../../support/database.ts';

const START = Date.parse('2026-03-01T12:00:00.123Z');
const WALLET = `wallet:0x${'12'.repeat(20)}`;

async function newOrganization(): Promise<string> {
  const id = newUuid();
  const dates = { createdAt: new Date(START), updatedAt: new Date(START) };
  await database()
    .query.insert(organizations)
    .values({ id, name: 'Test', slug: id, ...dates });
  return id;
}

const remove = (id: string) => database().query.delete(organizations).where(eq(organizations.id, id));

const windowAt = (startedAt: number, fields: Partial<ClosedWindow> = {}): ClosedWindow => ({
  startedAt,
  endedAt: startedAt + HOUR,
  limit: 100,
  units: 45,
  calls: [20, 5, 1, 1],
  drawers: [
    { drawer: 'key:key_a', units: 30, calls: [15, 0, 1, 1] },
    { drawer: WALLET, units: 10, calls: [0, 5, 0, 0] },
    { drawer: 'anonymous', units: 5, calls: [5, 0, 0, 0] },
  ],
  ...fields,
});

const windowsOf = (id: string) =>
  database()
    .query.select()
    .from(usageWindows)
    .where(eq(usageWindows.organizationId, id))
    .orderBy(usageWindows.startedAt);

const drawersOf = (id: string) =>
  database().query.select().from(usageDrawers).where(eq(usageDrawers.organizationId, id)).orderBy(usageDrawers.drawer);

const eventsOf = (id: string) =>
  database()
    .query.select()
    .from(organizationEvents)
    .where(eq(organizationEvents.organizationId, id))
    .orderBy(organizationEvents.occurredAt);

const trailOf = (id: string) =>
  database().query.select().from(auditLogs).where(eq(auditLogs.organizationId, id)).orderBy(auditLogs.seq);

const event = (fields: Partial<QuotaEvent> = {}): QuotaEvent => ({
  type: 'quota.degraded',
  dedupeKey: 'quota.degraded:1',
  data: { calls: 3, units: 7 },
  occurredAt: START,
  ...fields,
});

describe('a window that is over', () => {
  it('goes on record with those who drew on it', async () => {
    const id = await newOrganization();
    await recordWindow(database(), id, windowAt(START));
    expect(await windowsOf(id)).toEqual([
      {
        ...{ organizationId: id, startedAt: new Date(START), endedAt: new Date(START + HOUR) },
        ...{ units: 45, unitLimit: 100, tier0Calls: 20, tier1Calls: 5, tier2Calls: 1, tier3Calls: 1 },
      },
    ]);
    const of = { organizationId: id, startedAt: new Date(START) };
    expect(await drawersOf(id)).toEqual([
      { ...of, drawer: 'anonymous', units: 5, tier0Calls: 5, tier1Calls: 0, tier2Calls: 0, tier3Calls: 0 },
      { ...of, drawer: 'key:key_a', units: 30, tier0Calls: 15, tier1Calls: 0, tier2Calls: 1, tier3Calls: 1 },
      { ...of, drawer: WALLET, units: 10, tier0Calls: 0, tier1Calls: 5, tier2Calls: 0, tier3Calls: 0 },
    ]);
  });

  it('is recorded once when it is flushed many times at once, and again later', async () => {
    const id = await newOrganization();
    await Promise.all(Array.from({ length: 8 }, () => recordWindow(database(), id, windowAt(START))));
    await recordWindow(database(), id, windowAt(START, { units: 99, drawers: [] }));
    expect(await windowsOf(id)).toMatchObject([{ units: 45, tier0Calls: 20 }]);
    const drawers = await drawersOf(id);
    expect(drawers).toHaveLength(3);
    expect(drawers.reduce((sum, { units }) => sum + units, 0)).toBe(45);
  });

  it('stands beside the next one, and may have been used by nobody who can be named', async () => {
    const id = await newOrganization();
    await recordWindow(database(), id, windowAt(START));
    await recordWindow(database(), id, windowAt(START + HOUR, { drawers: [] }));
    expect(await windowsOf(id)).toHaveLength(2);
    expect(await drawersOf(id)).toHaveLength(3);
  });

  it('keeps figures beyond 32 bits and more drawers than a statement has parameters', async () => {
    const id = await newOrganization();
    const drawers = Array.from({ length: 10_000 }, (_, n) => ({
      drawer: `user:${n}`,
      units: 3_000_000_000,
      calls: [3_000_000_000, 0, 0, 0] as const,
    }));
    await recordWindow(database(), id, windowAt(START, { units: 30_000_000_000_000, drawers }));
    expect(await windowsOf(id)).toMatchObject([{ units: 30_000_000_000_000 }]);
    const rows = await drawersOf(id);
    expect(rows).toHaveLength(10_000);
    expect(rows[0]).toMatchObject({ drawer: 'user:0', units: 3_000_000_000, tier0Calls: 3_000_000_000 });
  });

  it('of an organization that is gone leaves nothing, and that is no failure', async () => {
    const id = await newOrganization();
    await recordWindow(database(), id, windowAt(START));
    await remove(id);
    expect([await windowsOf(id), await drawersOf(id)]).toEqual([[], []]);
    await recordWindow(database(), id, windowAt(START + HOUR));
    expect(await windowsOf(id)).toEqual([]);
  });

  it('is either recorded and deleted or skipped when the organization goes at the same time', async () => {
    for (let round = 0; round < 10; round += 1) {
      const id = await newOrganization();
      await Promise.all([
        recordWindow(database(), id, windowAt(START)),
        recordEvent(database(), id, event()),
        remove(id),
      ]);
      expect([await windowsOf(id), await drawersOf(id), await eventsOf(id)]).toEqual([[], [], []]);
    }
  });

  it('fails loudly, with nothing written, when the database refuses a part of it', async () => {
    const id = await newOrganization();
    const drawers = [{ drawer: 'key:key_a', units: Number.NaN, calls: [1, 0, 0, 0] as const }];
    await expect(recordWindow(database(), id, windowAt(START, { drawers }))).rejects.toThrow('Failed query');
    expect(await windowsOf(id)).toEqual([]);
  });
});

describe('what an organization is to be told of', () => {
  it('is recorded once when it is told many times at once, and leaves one row in the trail', async () => {
    const id = await newOrganization();
    await Promise.all(Array.from({ length: 8 }, () => recordEvent(database(), id, event())));
    expect(await eventsOf(id)).toMatchObject([
      { organizationId: id, type: 'quota.degraded', data: { calls: 3, units: 7 }, occurredAt: new Date(START) },
    ]);
    const trail = await trailOf(id);
    expect(trail).toMatchObject([{ action: 'quota.degraded', actor: 'system:quota', targetType: 'organization' }]);
    expect(JSON.parse(trail[0]?.content ?? '')).toMatchObject({ after: { calls: 3, units: 7 }, target: { id } });
  });

  it('leaves no row in the trail when it is a level that was reached', async () => {
    const id = await newOrganization();
    for (const type of ['quota.warning', 'quota.exhausted'] as const) {
      await recordEvent(database(), id, event({ type, dedupeKey: `${type}:${START}` }));
    }
    expect((await eventsOf(id)).map(({ type }) => type).sort()).toEqual(['quota.exhausted', 'quota.warning']);
    expect(await trailOf(id)).toEqual([]);
  });

  it('is recorded apart for each organization and each occasion', async () => {
    const [id, other] = [await newOrganization(), await newOrganization()];
    await recordEvent(database(), id, event());
    await recordEvent(database(), id, event({ dedupeKey: 'quota.degraded:2' }));
    await recordEvent(database(), other, event());
    expect(await eventsOf(id)).toHaveLength(2);
    expect(await trailOf(id)).toHaveLength(2);
    expect(await eventsOf(other)).toHaveLength(1);
  });

  it('is not recorded for an organization that is gone, nor in its trail', async () => {
    const id = await newOrganization();
    await remove(id);
    await recordEvent(database(), id, event());
    expect([await eventsOf(id), await trailOf(id)]).toEqual([[], []]);
  });
});

describe('usage past keeping', () => {
  const NOW = new Date();
  const ago = (days: number) => later(NOW, -days * DAY).getTime();

  it('is deleted every hour: windows with their parts after 400 days, events after 90', async () => {
    const id = await newOrganization();
    for (const days of [0, 399, 401, 900]) await recordWindow(database(), id, windowAt(ago(days)));
    for (const days of [0, 89, 91, 900]) {
      await recordEvent(database(), id, event({ type: 'quota.warning', dedupeKey: `${days}`, occurredAt: ago(days) }));
    }
    await runSchedule('17 * * * *', env);
    expect((await windowsOf(id)).map(({ startedAt }) => startedAt.getTime())).toEqual([ago(399), ago(0)]);
    expect(await drawersOf(id)).toHaveLength(6);
    expect((await eventsOf(id)).map(({ dedupeKey }) => dedupeKey)).toEqual(['89', '0']);
  });

  it('is deleted some at a time, the oldest first', async () => {
    const id = await newOrganization();
    await sweepUsage({ db: database(), clock: () => NOW });
    for (const days of [500, 503, 501, 502]) {
      await recordWindow(database(), id, windowAt(ago(days)));
      await recordEvent(database(), id, event({ type: 'quota.warning', dedupeKey: `${days}`, occurredAt: ago(days) }));
    }
    const { query } = database();
    const before = later(NOW, -DAY);
    expect([await deleteOldWindows(query, before, 3), await deleteOldEvents(query, before, 3)]).toEqual([3, 3]);
    expect((await windowsOf(id)).map(({ startedAt }) => startedAt.getTime())).toEqual([ago(500)]);
    expect((await eventsOf(id)).map(({ dedupeKey }) => dedupeKey)).toEqual(['500']);
    expect(await deleteOldWindows(query, before, 3)).toBeGreaterThanOrEqual(1);
  });

  it('may be deleted by two runs at once, each row once and none of what is kept', async () => {
    const id = await newOrganization();
    await database().query.execute(sql`
      insert into usage_windows select ${id}::uuid, now() - interval '500 days' - n * interval '1 hour', now(),
        1, 1, 1, 0, 0, 0 from generate_series(1, 1200) n`);
    await recordWindow(database(), id, windowAt(ago(1)));
    await Promise.all([1, 2].map(() => sweepUsage({ db: database(), clock: () => NOW })));
    await sweepUsage({ db: database(), clock: () => NOW });
    expect(await windowsOf(id)).toHaveLength(1);
    expect((await rowCounts())['usage_windows']).toBeGreaterThanOrEqual(1);
  });
});
