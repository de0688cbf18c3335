import { env } from 'cloudflare:workers';
import { eq } from 'drizzle-orm';
import { beforeAll, expect, it } from 'vitest';
import { DAY, later } from '../../../src/kernel/clock.ts';
import { newUuid } from '../../../src/kernel/id.ts';
import { runSchedule } from '../../../src/schedule.ts';
import { deleteOldDeliveries } from '../../../src/triggers/deliveries/retention/store.ts';
import { deliveries, deliveryAllowances, deliveryAttempts } from '../../../src/triggers/deliveries/table.ts';
import { chainEvents } from '../../../src/triggers/ingest/table.ts';
import { triggerMatches } from '../../../src/triggers/matching/table.ts';
import { replays } from '../../../src/triggers/replays/table.ts';
import { type Person, signUp } from '../../support/api.ts';
import { database } from '../../support/database.ts';
import { ownedTrigger } from './owned.ts';

const { query } = database();
const NOW = new Date();
const OLD = later(NOW, -30 * DAY - 60_000);
const YOUNG = later(NOW, -30 * DAY + 60_000);

let person: Person;

beforeAll(async () => {
  person = await signUp();
});

const isThere = async (id: string) => (await query.$count(deliveries, eq(deliveries.id, id))) === 1;
const matchIsThere = async (id: string) => (await query.$count(triggerMatches, eq(triggerMatches.id, id))) === 1;

const replayOf = ({ organizationId, triggerId }: { organizationId: string; triggerId: string }) => ({
  ...{ id: newUuid(), organizationId, triggerId, status: 'running' as const, wanted: 'failed' as const },
  ...{ from: later(OLD, -DAY), to: NOW, total: 1, steppedAt: OLD, createdAt: OLD },
});

it('deletes deliveries that ended 30 days ago with their attempts and matches, and keeps the event', async () => {
  const owned = await ownedTrigger(person);
  const old = await owned.newDelivery({ createdAt: OLD, status: 'delivered' });
  await owned.newAttempt(old.id, 1);
  const young = await owned.newDelivery({ createdAt: OLD, completedAt: YOUNG });
  await runSchedule('17 * * * *', env);
  expect([await isThere(old.id), await matchIsThere(old.matchId)]).toEqual([false, false]);
  expect(await query.$count(deliveryAttempts, eq(deliveryAttempts.deliveryId, old.id))).toBe(0);
  expect(await query.$count(chainEvents, eq(chainEvents.id, old.eventId))).toBe(1);
  expect([await isThere(young.id), await matchIsThere(young.matchId)]).toEqual([true, true]);
});

it('deletes what was counted by the hour, likewise', async () => {
  const organizationId = newUuid();
  await query.insert(deliveryAllowances).values([
    { organizationId, hour: OLD, asked: 1 },
    { organizationId, hour: YOUNG, asked: 1 },
  ]);
  await runSchedule('17 * * * *', env);
  const left = await query.select().from(deliveryAllowances);
  expect(left.map(({ hour }) => hour)).toEqual([YOUNG]);
});

it('keeps what has not ended, however old it is', async () => {
  const owned = await ownedTrigger(person);
  const later30 = { createdAt: OLD, completedAt: null, nextAttemptAt: later(NOW, DAY) };
  const pending = await owned.newDelivery({ ...later30, status: 'pending' });
  await runSchedule('17 * * * *', env);
  expect([await isThere(pending.id), await matchIsThere(pending.matchId)]).toEqual([true, true]);
});

it('keeps what a running replay is about, until it has ended', async () => {
  const owned = await ownedTrigger(person);
  const { id } = await owned.newDelivery({ createdAt: OLD });
  const replay = replayOf(owned);
  await query.insert(replays).values(replay);
  await runSchedule('17 * * * *', env);
  expect(await isThere(id)).toBe(true);
  await query.update(replays).set({ status: 'completed', completedAt: OLD }).where(eq(replays.id, replay.id));
  await runSchedule('17 * * * *', env);
  await runSchedule('17 * * * *', env);
  expect(await isThere(id)).toBe(false);
  expect(await query.$count(replays, eq(replays.id, replay.id))).toBe(0);
});

it('keeps a delivery whose event may still be taken back, or whose retraction is on its way', async () => {
  const owned = await ownedTrigger(person);
  const open = await owned.newDelivery({ createdAt: OLD, status: 'delivered', eventStatus: 'observed' });
  const fire = await owned.newDelivery({ createdAt: OLD, status: 'delivered', eventStatus: 'reorged' });
  const waiting = { status: 'pending' as const, completedAt: null, nextAttemptAt: later(NOW, DAY) };
  const retraction = await owned.newDelivery({ ...waiting, kind: 'retraction', retracts: fire.id });
  await query.update(triggerMatches).set({ eventId: fire.eventId }).where(eq(triggerMatches.id, retraction.matchId));
  await runSchedule('17 * * * *', env);
  expect([await isThere(open.id), await isThere(fire.id), await matchIsThere(open.matchId)]).toEqual([
    true,
    true,
    true,
  ]);
  await query.update(deliveries).set({ status: 'delivered' }).where(eq(deliveries.id, retraction.id));
  await runSchedule('17 * * * *', env);
  expect(await isThere(fire.id)).toBe(false);
});

it('deletes in bounded pieces, the oldest first', async () => {
  const owned = await ownedTrigger(person);
  const ids = [];
  for (let days = 3; days > 0; days -= 1) {
    ids.push((await owned.newDelivery({ createdAt: later(OLD, -days * DAY) })).id);
  }
  expect(await deleteOldDeliveries(query, later(NOW, -30 * DAY), 2)).toBe(2);
  expect(await Promise.all(ids.map(isThere))).toEqual([false, false, true]);
});

it('passes over a delivery that is being sent again at the same moment', async () => {
  const owned = await ownedTrigger(person);
  const { id } = await owned.newDelivery({ createdAt: OLD });
  await database().transaction(async (tx) => {
    await tx.update(deliveries).set({ status: 'pending', completedAt: null }).where(eq(deliveries.id, id));
    await runSchedule('17 * * * *', env);
  });
  expect(await isThere(id)).toBe(true);
});
