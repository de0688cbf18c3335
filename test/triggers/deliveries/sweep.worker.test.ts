import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { later } from '../../../src/kernel/clock.ts';
import { MAX_ATTEMPTS } from '../../../src/outbound/attempt.ts';
import { claim, LEASE_MS } from '../../../src/triggers/deliveries/store.ts';
import { closeLost, earliestDue, takeOverdue } from '../../../src/triggers/deliveries/sweep/store.ts';
import { alarmFor, GRACE_MS, MIN_INTERVAL_MS, nextSweep, sweep } from '../../../src/triggers/deliveries/sweep/sweep.ts';
import { deliveries } from '../../../src/triggers/deliveries/table.ts';
import { database } from '../../support/database.ts';
import { attemptsOf, changeDelivery, deliveryRow, newAction, newConsumer, START, silent } from './fixture.ts';

const { query } = database();

const SWEPT_AT = later(START, GRACE_MS);

beforeEach(() => query.delete(deliveries));

const overdue = (now = SWEPT_AT, limit = 100) =>
  takeOverdue(query, { now, graceMs: GRACE_MS, rehintMs: 60_000, limit });

/** A sweep whose hints are consumed at once. */
function newSweeper() {
  const consumer = newConsumer();
  const hinted: string[] = [];
  const deps = {
    db: database(),
    clock: () => consumer.time.now,
    log: silent,
    enqueue: async (ids: readonly string[]) => {
      hinted.push(...ids);
      await consumer.consume(...ids);
    },
  };
  return { consumer, hinted, sweep: () => sweep(deps) };
}

describe('a sweep', () => {
  it('finds a due delivery whose hint was lost, and it is delivered', async () => {
    const id = await (await newAction()).newDelivery();
    const sweeper = newSweeper();
    sweeper.consumer.time.now = SWEPT_AT;
    expect(await sweeper.sweep()).toBeUndefined();
    expect(sweeper.hinted).toEqual([id]);
    expect(await deliveryRow(id)).toMatchObject({ status: 'delivered' });
  });

  it('leaves a hint the time to arrive', async () => {
    const id = await (await newAction()).newDelivery();
    expect(await overdue(later(START, GRACE_MS - 1))).toEqual([]);
    expect(await overdue()).toEqual([id]);
  });

  it('hints a delivery again only after a minute', async () => {
    const id = await (await newAction()).newDelivery();
    expect(await overdue()).toEqual([id]);
    expect(await overdue(later(SWEPT_AT, 59_999))).toEqual([]);
    expect(await overdue(later(SWEPT_AT, 60_000))).toEqual([id]);
  });

  it('finds a delivery whose sender died between sending and settling', async () => {
    const id = await (await newAction()).newDelivery();
    await claim(query, id, START);
    expect(await overdue(later(START, LEASE_MS - 1))).toEqual([]);
    expect(await overdue(later(START, LEASE_MS))).toEqual([id]);
  });

  it('leaves out what is not due, settled, cancelled, in flight or held back', async () => {
    const { newDelivery } = await newAction();
    const waiting = await newDelivery({ nextAttemptAt: later(START, 3_600_000) });
    await newDelivery({ status: 'delivered' });
    await newDelivery({ status: 'failed' });
    await newDelivery({ cancelledAt: START });
    await newDelivery({ status: 'in_flight', slot: 0, attempts: 1, leaseUntil: later(START, LEASE_MS) });
    await newDelivery({ kind: 'retraction', retracts: waiting });
    expect(await overdue()).toEqual([]);
  });

  it('is fair: a long backlog at one endpoint does not keep the others waiting', async () => {
    const [long, other, third] = [await newAction(), await newAction(), await newAction()];
    await long.newDeliveries(30);
    const others = [await other.newDelivery(), await third.newDelivery()];
    const ids = await overdue(SWEPT_AT, 4);
    expect(ids).toHaveLength(4);
    expect(ids).toEqual(expect.arrayContaining(others));
  });

  it('hints no more of an endpoint than it has free slots', async () => {
    const action = await newAction();
    const ids = await action.newDeliveries(20);
    for (const id of ids.slice(0, 3)) await claim(query, id, START);
    expect(await overdue()).toHaveLength(2);
    for (const id of ids.slice(3, 5)) await claim(query, id, START);
    expect(await overdue()).toEqual([]);
  });

  it('ends what was lost at its last attempt, or cancelled while it was in flight', async () => {
    const { newDelivery } = await newAction();
    const lost = { status: 'in_flight' as const, leaseUntil: START };
    const last = await newDelivery({ ...lost, attempts: MAX_ATTEMPTS, slot: 0 });
    const cancelled = await newDelivery({ ...lost, attempts: 1, cancelledAt: START, slot: 1 });
    const alive = await newDelivery({ ...lost, attempts: 1, cancelledAt: START, slot: 2, leaseUntil: later(START, 1) });
    const again = await newDelivery({ ...lost, attempts: 1, slot: 3 });
    expect(await closeLost(query, START)).toBe(2);
    expect(await deliveryRow(last)).toMatchObject({
      status: 'failed',
      completedAt: START,
      slot: null,
      leaseUntil: null,
    });
    expect(await deliveryRow(cancelled)).toMatchObject({ status: 'cancelled', completedAt: START });
    expect(await attemptsOf(last)).toMatchObject([{ attempt: MAX_ATTEMPTS, outcome: 'unknown' }]);
    expect([(await deliveryRow(alive)).status, (await deliveryRow(again)).status]).toEqual(['in_flight', 'in_flight']);
  });
});

describe('the next sweep', () => {
  it('is due when the earliest delivery or lease is, and never when nothing waits', async () => {
    expect(await earliestDue(query)).toBeNull();
    const { newDelivery } = await newAction();
    await newDelivery({ status: 'delivered' });
    expect(await earliestDue(query)).toBeNull();
    const id = await newDelivery({ nextAttemptAt: later(START, 5_000) });
    expect(await earliestDue(query)).toEqual(later(START, 5_000));
    await newDelivery({ status: 'in_flight', slot: 0, leaseUntil: later(START, 4_000) });
    expect(await earliestDue(query)).toEqual(later(START, 4_000));
    await changeDelivery(id, { nextAttemptAt: later(START, 3_000) });
    expect(await earliestDue(query)).toEqual(later(START, 3_000));
  });

  it('leaves the grace, keeps its pace while something is overdue, and is not put off for long', () => {
    expect(nextSweep(null, START)).toBeUndefined();
    expect(nextSweep(later(START, 60_000), START)).toEqual(later(START, 60_000 + GRACE_MS));
    expect(nextSweep(later(START, -60_000), START)).toEqual(later(START, MIN_INTERVAL_MS));
    expect(nextSweep(later(START, 86_400_000), START)).toEqual(later(START, 15 * 60_000));
  });
});

describe('a sweep that is asked for', () => {
  it.each([
    ['none', null, true],
    ['a later one', 60_000, true],
    ['one as near', GRACE_MS, false],
    ['one that is due', 0, false],
    ['one that is a little late', -MIN_INTERVAL_MS, false],
    ['one that should long have gone off', -MIN_INTERVAL_MS - 1, true],
  ])('replaces %s (%j ms away): %s', (_, away, replaced) => {
    const present = away === null ? null : START.getTime() + away;
    expect(alarmFor(present, START)).toEqual(replaced ? later(START, GRACE_MS) : undefined);
  });
});

describe('the sweeper object', () => {
  const newObject = () => env.DELIVERY_SWEEPER.getByName(crypto.randomUUID());

  const alarmOf = (stub: ReturnType<typeof newObject>) =>
    runInDurableObject(stub, (_, state) => state.storage.getAlarm());

  it('sets its alarm when it is woken, and lets it be when nothing waits', async () => {
    const stub = newObject();
    const before = Date.now();
    await stub.wake();
    const alarm = await alarmOf(stub);
    expect(alarm).toBeGreaterThan(before);
    await stub.wake();
    expect(await alarmOf(stub)).toBe(alarm);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await alarmOf(stub)).toBeNull();
  });

  it('comes back for what falls due later', async () => {
    const due = new Date(Date.now() + 600_000);
    await (await newAction()).newDelivery({ nextAttemptAt: due });
    const stub = newObject();
    await stub.wake();
    await runDurableObjectAlarm(stub);
    expect(await alarmOf(stub)).toBe(due.getTime() + GRACE_MS);
  });

  it('is woken earlier than it had meant to', async () => {
    await (await newAction()).newDelivery({ nextAttemptAt: new Date(Date.now() + 600_000) });
    const stub = newObject();
    await stub.wake();
    await runDurableObjectAlarm(stub);
    await stub.wake();
    expect(await alarmOf(stub)).toBeLessThanOrEqual(Date.now() + GRACE_MS);
  });
});
