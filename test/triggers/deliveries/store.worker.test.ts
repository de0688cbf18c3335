import { describe, expect, it } from 'vitest';
import { later } from '../../../src/kernel/clock.ts';
import { MAX_ATTEMPTS } from '../../../src/outbound/attempt.ts';
import { type AttemptRecord, settleAttempt } from '../../../src/triggers/deliveries/attempt-store.ts';
import {
  claim,
  claimNext,
  destinationsOf,
  ENDPOINT_SLOTS,
  LEASE_MS,
  peekNext,
} from '../../../src/triggers/deliveries/store.ts';
import { database } from '../../support/database.ts';
import { attemptsOf, changeDelivery, deliveryRow, newAction, START } from './fixture.ts';

const { query } = database();

const record = (deliveryId: string, attempt: number): AttemptRecord => ({
  deliveryId,
  attempt,
  startedAt: START,
  durationMs: 12,
  outcome: 'retryable',
  responseStatus: 503,
  responseExcerpt: 'busy',
  error: 'The receiver answered 503',
});

const retryAt = (at: Date) => ({ status: 'pending' as const, nextAttemptAt: at, ifCancelled: 'cancelled' as const });

describe('a claim', () => {
  it('takes a due delivery with all that its request is made of', async () => {
    const action = await newAction();
    const id = await action.newDelivery();
    expect(await claim(query, id, START)).toMatchObject({
      id,
      attempt: 1,
      endpoint: action.endpoint,
      kind: 'fire',
      retracts: null,
      actionType: 'rest',
      trigger: { id: action.triggerId, name: 'Low scores' },
      config: { method: 'POST' },
      event: { eventType: 'NewFeedback', chainId: 1, blockTime: START, fields: { tag1: 'speed' } },
    });
    expect(await deliveryRow(id)).toMatchObject({
      status: 'in_flight',
      attempts: 1,
      leaseUntil: later(START, LEASE_MS),
    });
  });

  it('is given to one of two who ask at once', async () => {
    const id = await (await newAction()).newDelivery();
    for (let round = 0; round < 10; round++) {
      const claims = await Promise.all([claim(query, id, START), claim(query, id, START), claim(query, id, START)]);
      expect(claims.filter(Boolean)).toHaveLength(1);
      await changeDelivery(id, { status: 'pending', slot: null, leaseUntil: null });
    }
    expect((await deliveryRow(id)).attempts).toBe(10);
  });

  it('finds nothing in what is not due yet, cancelled, settled or unknown', async () => {
    const { newDelivery } = await newAction();
    const ids = [
      await newDelivery({ nextAttemptAt: later(START, 1) }),
      await newDelivery({ cancelledAt: START }),
      await newDelivery({ status: 'delivered' }),
      await newDelivery({ status: 'failed' }),
      await newDelivery({ status: 'cancelled' }),
      crypto.randomUUID(),
    ];
    for (const id of ids) expect(await claim(query, id, START)).toBeUndefined();
  });

  it('never puts more in flight to one endpoint than it has slots, however many ask at once', async () => {
    const { newDeliveries, inFlight, endpoint } = await newAction();
    const ids = await newDeliveries(20);
    const claims = await Promise.all([
      ...ids.map((id) => claim(query, id, START)),
      ...ids.map(() => claimNext(query, endpoint, START)),
    ]);
    expect(claims.filter(Boolean)).toHaveLength(ENDPOINT_SLOTS);
    expect(await inFlight()).toBe(ENDPOINT_SLOTS);
  });

  it('finds a slot again as soon as one is free', async () => {
    const { newDeliveries, endpoint } = await newAction();
    const ids = await newDeliveries(6);
    const claims = await Promise.all(ids.map((id) => claim(query, id, START)));
    const [first] = claims.filter((claimed) => claimed !== undefined);
    expect(await claimNext(query, endpoint, START)).toBeUndefined();
    await settleAttempt(query, record(first?.id ?? '', 1), { status: 'delivered', ifCancelled: 'delivered' }, START);
    expect(await claimNext(query, endpoint, START)).toBeDefined();
  });

  it('does not wait for another endpoint', async () => {
    const [full, free] = [await newAction(), await newAction()];
    await Promise.all((await full.newDeliveries(5)).map((id) => claim(query, id, START)));
    expect(await claim(query, await free.newDelivery(), START)).toBeDefined();
  });

  it('takes what has been due for longest first', async () => {
    const { newDelivery, endpoint } = await newAction();
    const [second, first, third] = [
      await newDelivery({ nextAttemptAt: later(START, -1_000) }),
      await newDelivery({ nextAttemptAt: later(START, -2_000) }),
      await newDelivery(),
    ];
    expect(await peekNext(query, endpoint, { now: START, limit: 1 })).toEqual([first]);
    const order = [
      await claimNext(query, endpoint, START),
      await claimNext(query, endpoint, START),
      await claimNext(query, endpoint, START),
    ];
    expect(order.map((claimed) => claimed?.id)).toEqual([first, second, third]);
    expect(await peekNext(query, endpoint, { now: START, limit: 5 })).toEqual([]);
  });

  it('takes over when the lease has run out, as another attempt, and records that the first is unknown', async () => {
    const id = await (await newAction()).newDelivery();
    await claim(query, id, START);
    expect(await claim(query, id, later(START, LEASE_MS - 1))).toBeUndefined();
    expect(await claim(query, id, later(START, LEASE_MS))).toMatchObject({ id, attempt: 2 });
    expect(await attemptsOf(id)).toMatchObject([
      { attempt: 1, outcome: 'unknown', startedAt: START, durationMs: LEASE_MS, responseStatus: null },
    ]);
    expect(await deliveryRow(id)).toMatchObject({
      status: 'in_flight',
      attempts: 2,
      leaseUntil: later(START, 2 * LEASE_MS),
    });
  });

  it('takes over in the slot that the lost attempt held', async () => {
    const { newDeliveries, inFlight } = await newAction();
    const ids = await newDeliveries(5);
    for (const id of ids) await claim(query, id, START);
    const again = await Promise.all(ids.map((id) => claim(query, id, later(START, LEASE_MS))));
    expect(again.map((claimed) => claimed?.attempt)).toEqual([2, 2, 2, 2, 2]);
    expect(await inFlight()).toBe(5);
  });

  it('does not take over the last attempt, nor what was cancelled meanwhile', async () => {
    const { newDelivery } = await newAction();
    const lost = { status: 'in_flight' as const, leaseUntil: START };
    const last = await newDelivery({ ...lost, attempts: MAX_ATTEMPTS, slot: 0 });
    const cancelled = await newDelivery({ ...lost, attempts: 1, cancelledAt: START, slot: 1 });
    expect(await claim(query, last, later(START, 1))).toBeUndefined();
    expect(await claim(query, cancelled, later(START, 1))).toBeUndefined();
  });

  it('holds a retraction back while what it takes back is under way', async () => {
    const { newDelivery, endpoint } = await newAction();
    const fire = await newDelivery({ nextAttemptAt: later(START, 60_000) });
    const retraction = await newDelivery({ kind: 'retraction', retracts: fire });
    expect(await claim(query, retraction, START)).toBeUndefined();
    await changeDelivery(fire, {
      status: 'in_flight',
      attempts: 1,
      slot: 0,
      leaseUntil: later(START, LEASE_MS),
      cancelledAt: START,
    });
    expect(await claimNext(query, endpoint, START)).toBeUndefined();
    await settleAttempt(query, record(fire, 1), { status: 'delivered', ifCancelled: 'delivered' }, START);
    expect(await claimNext(query, endpoint, START)).toMatchObject({
      id: retraction,
      kind: 'retraction',
      retracts: fire,
    });
  });
});

describe('a settlement', () => {
  it('ends the attempt and records it', async () => {
    const id = await (await newAction()).newDelivery();
    await claim(query, id, START);
    const nextAttemptAt = later(START, 1_000);
    expect(await settleAttempt(query, record(id, 1), retryAt(nextAttemptAt), START)).toEqual({
      status: 'pending',
      nextAttemptAt,
    });
    expect(await deliveryRow(id)).toMatchObject({
      status: 'pending',
      attempts: 1,
      nextAttemptAt,
      leaseUntil: null,
      slot: null,
      lastError: 'The receiver answered 503',
      completedAt: null,
    });
    expect(await attemptsOf(id)).toEqual([
      {
        deliveryId: id,
        attempt: 1,
        startedAt: START,
        durationMs: 12,
        outcome: 'retryable',
        responseStatus: 503,
        responseExcerpt: 'busy',
        error: 'The receiver answered 503',
      },
    ]);
  });

  it('changes nothing the second time', async () => {
    const id = await (await newAction()).newDelivery();
    await claim(query, id, START);
    await settleAttempt(query, record(id, 1), retryAt(later(START, 1_000)), START);
    const before = [await deliveryRow(id), await attemptsOf(id)];
    const done = { status: 'delivered' as const, ifCancelled: 'delivered' as const };
    expect(await settleAttempt(query, { ...record(id, 1), outcome: 'delivered' }, done, START)).toBeUndefined();
    expect([await deliveryRow(id), await attemptsOf(id)]).toEqual(before);
  });

  it('of an attempt that was taken over changes nothing', async () => {
    const id = await (await newAction()).newDelivery();
    await claim(query, id, START);
    await claim(query, id, later(START, LEASE_MS));
    const before = [await deliveryRow(id), await attemptsOf(id)];
    const done = { status: 'delivered' as const, ifCancelled: 'delivered' as const };
    expect(await settleAttempt(query, { ...record(id, 1), outcome: 'delivered' }, done, START)).toBeUndefined();
    expect([await deliveryRow(id), await attemptsOf(id)]).toEqual(before);
  });

  it('counts although the lease has run out, as long as nobody took over', async () => {
    const id = await (await newAction()).newDelivery();
    await claim(query, id, START);
    const end = later(START, 2 * LEASE_MS);
    const done = { status: 'delivered' as const, ifCancelled: 'delivered' as const };
    expect(
      await settleAttempt(query, { ...record(id, 1), outcome: 'delivered', error: null }, done, end),
    ).toMatchObject({ status: 'delivered' });
    expect(await deliveryRow(id)).toMatchObject({ status: 'delivered', completedAt: end, lastError: null });
  });

  it('ends a delivery that was cancelled while it was in flight', async () => {
    const id = await (await newAction()).newDelivery();
    await claim(query, id, START);
    await changeDelivery(id, { cancelledAt: START });
    expect(await settleAttempt(query, record(id, 1), retryAt(later(START, 1_000)), START)).toMatchObject({
      status: 'cancelled',
    });
    expect(await deliveryRow(id)).toMatchObject({ status: 'cancelled', completedAt: START });
  });
});

describe('the endpoints of deliveries', () => {
  it('are those of the deliveries that exist', async () => {
    const action = await newAction();
    const id = await action.newDelivery();
    const found = await destinationsOf(query, [id, crypto.randomUUID()], START);
    expect([...found]).toMatchObject([[id, { endpoint: action.endpoint, heldBack: false }]]);
    expect(await destinationsOf(query, [], START)).toEqual(new Map());
  });
});
