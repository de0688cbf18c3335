import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { later } from '../../../src/kernel/clock.ts';
import { parseAllowList } from '../../../src/outbound/allow-list.ts';
import { MAX_ATTEMPTS, RETRY_SCHEDULE } from '../../../src/outbound/attempt.ts';
import { createOutbound } from '../../../src/outbound/guarded-fetch.ts';
import { AFTER_RETURN_MS, MAX_ASIDE } from '../../../src/triggers/deliveries/aside.ts';
import { consumeActions } from '../../../src/triggers/deliveries/consumer.ts';
import { claim } from '../../../src/triggers/deliveries/store.ts';
import { takeOverdue } from '../../../src/triggers/deliveries/sweep/store.ts';
import { database } from '../../support/database.ts';
import { newReceiver } from '../../support/lab/client.ts';
import {
  answered,
  attemptsOf,
  changeDelivery,
  deliveryRow,
  gate,
  message,
  newAction,
  newConsumer,
  SIGNING_SECRET,
  START,
} from './fixture.ts';

describe('a hint', () => {
  it('leads to one attempt, whose outcome is recorded', async () => {
    const id = await (await newAction()).newDelivery();
    const consumer = newConsumer();
    expect(await consumer.consume(id)).toEqual(['acked']);
    expect(consumer.requests).toHaveLength(1);
    expect(consumer.requests[0]?.headers).toMatchObject({ 'webhook-id': id, 'weir-attempt': '1' });
    expect(await deliveryRow(id)).toMatchObject({
      status: 'delivered',
      attempts: 1,
      completedAt: START,
      lastError: null,
    });
    expect(await attemptsOf(id)).toMatchObject([
      { attempt: 1, outcome: 'delivered', responseStatus: 200, responseExcerpt: 'ok', error: null },
    ]);
    expect(consumer.hints).toEqual([]);
  });

  it('that arrives twice, in one batch or in two at once, leads to one attempt', async () => {
    const id = await (await newAction()).newDelivery();
    const consumer = newConsumer();
    const outcomes = await Promise.all([consumer.consume(id, id), consumer.consume(id)]);
    expect(outcomes.flat()).toEqual(['acked', 'acked', 'acked']);
    expect(consumer.requests).toHaveLength(1);
    expect(await attemptsOf(id)).toHaveLength(1);
  });

  it('to what is not due, or is not there, leads to nothing and is acknowledged', async () => {
    const { newDelivery } = await newAction();
    const early = await newDelivery({ nextAttemptAt: later(START, 60_000) });
    const consumer = newConsumer();
    expect(await consumer.consume(early, crypto.randomUUID())).toEqual(['acked', 'acked']);
    expect(consumer.requests).toEqual([]);
  });

  it.each([undefined, null, 'text', {}, { deliveryId: 7 }, { deliveryId: 'x' }])(
    'that is %j is dropped',
    async (body) => {
      const hint = message(body);
      const { deps, aside } = newConsumer();
      await consumeActions([hint], deps, aside);
      expect(hint.outcome).toBe('acked');
    },
  );

  it('whose handling throws comes back, and only that one', async () => {
    const [bad, good] = [await newAction(), await newAction()];
    const [badId, goodId] = [await bad.newDelivery(), await good.newDelivery()];
    const consumer = newConsumer(async ({ url }) => {
      if (url.includes(bad.triggerId)) throw new Error('a defect of ours');
      return answered();
    });
    expect(await consumer.consume(badId, goodId)).toEqual(['retried', 'acked']);
    expect(await deliveryRow(goodId)).toMatchObject({ status: 'delivered' });
    expect(await deliveryRow(badId)).toMatchObject({ status: 'in_flight', attempts: 1 });
  });

  it('brings along what else is due at the same endpoint', async () => {
    const { newDeliveries, withStatus } = await newAction();
    const [first = ''] = await newDeliveries(12);
    const consumer = newConsumer();
    await consumer.consume(first);
    expect(await withStatus('delivered')).toBe(12);
    expect(new Set(consumer.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(12);
  });

  it('leaves a hint behind for what is still due when the batch has taken its time', async () => {
    const { newDeliveries, withStatus } = await newAction();
    const ids = await newDeliveries(3);
    const consumer = newConsumer(async () => {
      consumer.time.now = later(consumer.time.now, 20_000);
      return answered();
    });
    await consumer.consume(ids[0] ?? '');
    expect(await withStatus('delivered')).toBe(1);
    expect(consumer.hints).toEqual([{ ids: [ids.slice(1).sort()[0]], delaySeconds: 0 }]);
  });
});

describe('a receiver', () => {
  it('gets at most five requests at a time, all of a backlog in the end', async () => {
    const { newDeliveries, withStatus } = await newAction();
    const ids = await newDeliveries(20);
    let [now, most] = [0, 0];
    const consumer = newConsumer(async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve));
      now -= 1;
      return answered();
    });
    await Promise.all([consumer.consume(...ids), consumer.consume(...ids), consumer.consume(...ids)]);
    expect(most).toBeLessThanOrEqual(5);
    expect(await withStatus('delivered')).toBe(20);
    expect(consumer.requests).toHaveLength(20);
  });

  it('that is slow does not delay another', async () => {
    const [slow, quick] = [await newAction(), await newAction()];
    const [slowIds, quickIds] = [await slow.newDeliveries(10), await quick.newDeliveries(10)];
    const { open, opened } = gate();
    const consumer = newConsumer(async ({ url }) => {
      if (url.includes(slow.triggerId)) await opened;
      return answered();
    });
    const batch = consumer.consume(...slowIds, ...quickIds);
    await expect.poll(() => quick.withStatus('delivered'), { timeout: 15_000 }).toBe(10);
    expect(await slow.withStatus('delivered')).toBe(0);
    open();
    await batch;
    expect(await slow.withStatus('delivered')).toBe(10);
  });

  it('that fails is tried again after 1, 5 and 30 seconds, and at last the delivery has failed', async () => {
    const id = await (await newAction()).newDelivery();
    const consumer = newConsumer(async () => answered(503));
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      expect(await consumer.consume(id)).toEqual(['acked']);
      const row = await deliveryRow(id);
      expect(row).toMatchObject({ attempts: attempt, lastError: 'The receiver answered 503' });
      const wait = RETRY_SCHEDULE[attempt - 1];
      if (wait === undefined) break;
      expect(row).toMatchObject({
        status: 'pending',
        nextAttemptAt: later(consumer.time.now, wait),
        completedAt: null,
      });
      expect(consumer.hints.at(-1)).toEqual({ ids: [id], delaySeconds: wait / 1_000 });
      consumer.time.now = row.nextAttemptAt;
    }
    expect(await deliveryRow(id)).toMatchObject({
      status: 'failed',
      attempts: MAX_ATTEMPTS,
      completedAt: consumer.time.now,
    });
    expect((await attemptsOf(id)).map(({ attempt, outcome }) => [attempt, outcome])).toEqual(
      Array.from({ length: MAX_ATTEMPTS }, (_, index) => [index + 1, 'retryable']),
    );
    expect(new Set(consumer.requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([id]));
    expect(consumer.hints).toHaveLength(MAX_ATTEMPTS - 1);
    await consumer.consume(id);
    expect(consumer.requests).toHaveLength(MAX_ATTEMPTS);
  });

  it.each([
    ['90', 90_000],
    ['0', 1_000],
    ['999999', 86_400_000],
    ['Mon, 02 Mar 2026 00:02:00 GMT', 120_000],
  ])('that says Retry-After: %s is left alone for %d ms', async (field, wait) => {
    const id = await (await newAction()).newDelivery();
    const consumer = newConsumer(async () => answered(429, { 'retry-after': field }));
    await consumer.consume(id);
    expect(await deliveryRow(id)).toMatchObject({ status: 'pending', nextAttemptAt: later(START, wait) });
    expect(consumer.hints).toEqual([{ ids: [id], delaySeconds: wait / 1_000 }]);
  });

  it('keeps its attempts while the bot that all share has to wait, for a hundred times and ever longer', async () => {
    const { newDelivery } = await newAction({ type: 'telegram', config: { chat_id: '7', message_template: 'Hello' } });
    const id = await newDelivery();
    const busy = JSON.stringify({
      ...{ ok: false, error_code: 429, description: 'Too Many Requests: retry after 3' },
      parameters: { retry_after: 3 },
    });
    const consumer = newConsumer(async () => ({ ...answered(429), excerpt: busy }));
    const waits: number[] = [];
    for (let row = await deliveryRow(id); row.status === 'pending'; row = await deliveryRow(id)) {
      consumer.time.now = row.nextAttemptAt;
      await consumer.consume(id);
      waits.push(((await deliveryRow(id)).nextAttemptAt.getTime() - consumer.time.now.getTime()) / 1_000);
    }
    expect(waits.slice(0, 6)).toEqual([3, 3, 4, 8, 16, 32]);
    expect(waits.slice(12, 100)).toEqual(Array(88).fill(3_600));
    expect(await deliveryRow(id)).toMatchObject({
      status: 'failed',
      attempts: 100 + MAX_ATTEMPTS,
      attemptsBefore: 100,
    });
    expect(await attemptsOf(id)).toHaveLength(100 + MAX_ATTEMPTS);
  });

  it('that is gone, or may not be called, is not tried again', async () => {
    const { newDelivery } = await newAction();
    const [gone, refused] = [await newDelivery(), await newDelivery({ nextAttemptAt: later(START, 1) })];
    const consumer = newConsumer(async () => answered(410));
    await consumer.consume(gone);
    expect(await deliveryRow(gone)).toMatchObject({
      status: 'failed',
      lastError: 'The receiver answered 410: it is gone for good',
    });
    const guarded = newConsumer(async () => ({
      kind: 'refused',
      reason: 'The address must belong to the public internet',
      durationMs: 0,
    }));
    guarded.time.now = later(START, 1);
    await guarded.consume(refused);
    expect(await deliveryRow(refused)).toMatchObject({
      status: 'failed',
      lastError: 'The address must belong to the public internet',
    });
    expect([...consumer.hints, ...guarded.hints]).toEqual([]);
  });

  it('is sent the retraction after the fire, even when both are due', async () => {
    const { newDelivery } = await newAction();
    const fire = await newDelivery();
    const retraction = await newDelivery({ kind: 'retraction', retracts: fire, nextAttemptAt: later(START, -1) });
    const consumer = newConsumer();
    await consumer.consume(retraction, fire);
    expect(consumer.requests.map(({ headers }) => headers['webhook-id'])).toEqual([fire, retraction]);
    expect(JSON.parse(consumer.requests[1]?.body ?? '')).toMatchObject({ type: 'retraction', retracts: fire });
  });
});

describe('a batch whose receivers keep it waiting', () => {
  /** A consumer that has no patience, over receivers of which those of the action answer when they are let. */
  function impatient(slow: { triggerId: string }) {
    const { open, opened } = gate();
    const consumer = newConsumer(async ({ url }) => {
      if (url.includes(slow.triggerId)) await opened;
      return answered();
    });
    consumer.patience.over = Promise.resolve();
    return { consumer, open };
  }

  it('ends, and what is under way goes on', async () => {
    const slow = await newAction();
    const id = await slow.newDelivery();
    const { consumer, open } = impatient(slow);
    expect(await consumer.consume(id)).toEqual(['none']);
    expect(consumer.goesOn).toHaveLength(1);
    expect(await deliveryRow(id)).toMatchObject({ status: 'in_flight', attempts: 1 });
    const other = await newAction();
    const next = await other.newDelivery();
    await consumer.consume(next);
    await Promise.all([open(), ...consumer.goesOn]);
    expect([await deliveryRow(id), await deliveryRow(next)]).toMatchObject([
      { status: 'delivered', attempts: 1 },
      { status: 'delivered', attempts: 1 },
    ]);
    expect(consumer.requests).toHaveLength(2);
  });

  it('gives the hints that it did not come to to the next one', async () => {
    const slow = await newAction();
    const ids = await slow.newDeliveries(7);
    const { consumer, open } = impatient(slow);
    expect(await consumer.consume(...ids)).toEqual([...Array(5).fill('none'), 'acked', 'acked']);
    expect(consumer.hints).toEqual([{ ids: ids.slice(5), delaySeconds: 0 }]);
    expect(await slow.inFlight()).toBe(5);
    // The endpoint has no free slot as yet, so the next batch has nothing to wait for.
    expect(await consumer.consume(...ids.slice(5))).toEqual(['acked', 'acked']);
    await Promise.all([open(), ...consumer.goesOn]);
    // Five attempts have ended, and two deliveries are due.
    expect(consumer.hints.slice(1).map(({ ids }) => ids.length)).toEqual([2]);
    await consumer.consume(...(consumer.hints.at(-1)?.ids ?? []));
    expect(await slow.withStatus('delivered')).toBe(7);
    expect(consumer.requests).toHaveLength(7);
  });

  it('keeps the hints that it cannot pass on in the queue', async () => {
    const slow = await newAction();
    const ids = await slow.newDeliveries(6);
    const { consumer, open } = impatient(slow);
    consumer.deps.enqueue = () => Promise.reject(new Error('the queue is away'));
    expect(await consumer.consume(...ids)).toEqual([...Array(5).fill('none'), 'retried']);
    await Promise.all([open(), ...consumer.goesOn]);
  });

  it('stays until what is under way ends in the time that the platform gives it', async () => {
    const slow = await newAction({
      config: { method: 'POST', url: 'https://patient.example.com/hook', timeout_ms: 30_000 },
    });
    const id = await slow.newDelivery();
    const { open, opened } = gate();
    const consumer = newConsumer(async () => {
      await opened;
      return answered();
    });
    let looks = 0;
    consumer.aside.patience = async () => {
      looks += 1;
      // Half a second each; the attempt is let alone once it ends 28 s later at most.
      if (consumer.requests.length > 0) consumer.time.now = later(consumer.time.now, 500);
      await new Promise((resolve) => setTimeout(resolve));
    };
    expect(await consumer.consume(id)).toEqual(['none']);
    expect(consumer.time.now).toEqual(later(START, 2_000));
    expect(looks).toBeGreaterThanOrEqual(4);
    await Promise.all([open(), ...consumer.goesOn]);
    expect(await deliveryRow(id)).toMatchObject({ status: 'delivered' });
  });

  it('waits for them when as many as may are aside already, and again no longer than they were given', async () => {
    const slow = await newAction();
    const id = await slow.newDelivery();
    const { consumer, open } = impatient(slow);
    const busy = Array.from({ length: MAX_ASIDE }, () => consumer.aside.places.take(START));
    let [looks, ended] = [0, false];
    consumer.aside.patience = async () => {
      looks += 1;
      await new Promise((resolve) => setTimeout(resolve));
    };
    const batch = consumer.consume(id).then(() => {
      ended = true;
    });
    await expect.poll(() => looks, { timeout: 15_000 }).toBeGreaterThan(50);
    expect([ended, consumer.requests.length]).toEqual([false, 1]);
    busy.pop()?.();
    await batch;
    expect(busy).not.toContain(undefined);
    expect(consumer.goesOn).toHaveLength(1);
    expect(consumer.aside.places.take(START)).toBeUndefined();
    await Promise.all([open(), ...consumer.goesOn]);
    const [given, ...none] = [consumer.aside.places.take(START), consumer.aside.places.take(START)];
    expect([typeof given, none]).toEqual(['function', [undefined]]);
    expect(consumer.aside.places.take(later(START, AFTER_RETURN_MS))).toBeTypeOf('function');
  });

  it('loses nothing when the platform cancels what is under way, and doubles nothing when it is late', async () => {
    const slow = await newAction();
    const [id, waiting] = await slow.newDeliveries(2);
    const { consumer, open } = impatient(slow);
    await consumer.consume(id ?? '');
    // Whoever comes next finds the delivery by its lease, and its place at the endpoint with it.
    const next = newConsumer();
    next.time.now = later(START, 59_999);
    await next.consume(id ?? '');
    expect(next.requests).toEqual([]);
    next.time.now = later(START, 60_000);
    const found = await takeOverdue(database().query, {
      now: next.time.now,
      graceMs: 3_000,
      rehintMs: 60_000,
      limit: 500,
    });
    expect(found).toEqual(expect.arrayContaining([id, waiting]));
    await next.consume(id ?? '');
    expect(await deliveryRow(id ?? '')).toMatchObject({ status: 'delivered', attempts: 2 });
    await Promise.all([open(), ...consumer.goesOn]);
    expect((await attemptsOf(id ?? '')).map(({ outcome }) => outcome)).toEqual(['unknown', 'delivered']);
    expect(await deliveryRow(id ?? '')).toMatchObject({ status: 'delivered', attempts: 2 });
  });

  it('says so when what goes on fails, and takes no place any more', async () => {
    const slow = await newAction();
    const id = await slow.newDelivery();
    const { consumer, open } = impatient(slow);
    const errors: string[] = [];
    consumer.deps.log = { ...consumer.deps.log, error: (event) => void errors.push(event) };
    await consumer.consume(id);
    consumer.deps.db = {
      ...consumer.deps.db,
      get query(): never {
        throw new Error('the database is away');
      },
    };
    await Promise.all([open(), ...consumer.goesOn]);
    expect(errors).toEqual(['delivery_failed']);
    expect(await deliveryRow(id)).toMatchObject({ status: 'in_flight' });
  });
});

describe('an attempt', () => {
  it('whose sender was lost is made again under the same id', async () => {
    const id = await (await newAction()).newDelivery();
    await claim(database().query, id, START);
    const consumer = newConsumer();
    consumer.time.now = later(START, 60_000);
    await consumer.consume(id);
    expect(consumer.requests[0]?.headers).toMatchObject({ 'webhook-id': id, 'weir-attempt': '2' });
    expect((await attemptsOf(id)).map(({ outcome }) => outcome)).toEqual(['unknown', 'delivered']);
  });

  it('that ends after another one took over changes nothing', async () => {
    const id = await (await newAction()).newDelivery();
    const { open, opened } = gate();
    const late = newConsumer(async () => {
      await opened;
      return answered(500);
    });
    const lateBatch = late.consume(id);
    await expect.poll(() => late.requests.length, { timeout: 15_000 }).toBe(1);
    const next = newConsumer();
    next.time.now = later(START, 60_000);
    await next.consume(id);
    open();
    await lateBatch;
    expect(await deliveryRow(id)).toMatchObject({ status: 'delivered', attempts: 2 });
    expect((await attemptsOf(id)).map(({ outcome }) => outcome)).toEqual(['unknown', 'delivered']);
    expect(late.hints).toEqual([]);
  });

  it('is the last one when the delivery is cancelled meanwhile', async () => {
    const id = await (await newAction()).newDelivery();
    const consumer = newConsumer(async () => {
      await changeDelivery(id, { cancelledAt: START });
      return answered(503);
    });
    await consumer.consume(id);
    expect(await deliveryRow(id)).toMatchObject({ status: 'cancelled', attempts: 1 });
    expect(consumer.hints).toEqual([]);
  });

  it('waits for better times when the secrets do not open', async () => {
    const { newDelivery } = await newAction();
    const id = await newDelivery();
    const consumer = newConsumer();
    const deps = { ...consumer.deps, keyRing: { current: 'other', keys: new Map([['other', new Uint8Array(32)]]) } };
    await consumeActions([message({ deliveryId: id })], deps, consumer.aside);
    expect(await deliveryRow(id)).toMatchObject({
      status: 'pending',
      lastError: 'The secrets of the action could not be read',
    });
    expect(consumer.requests).toEqual([]);
  });

  it('carries the secrets of the action, which are not in its stored config', async () => {
    const config = { method: 'POST', url: 'https://hooks.example.com/x', headers: { Authorization: 'Bearer s3cret' } };
    const consumer = newConsumer();
    await consumer.consume(await (await newAction({ config })).newDelivery());
    expect(consumer.requests[0]?.headers).toMatchObject({ authorization: 'Bearer s3cret' });
  });
});

describe('over a real network', () => {
  const overLoopback = () => {
    const clock = () => new Date();
    const policy = { allow: parseAllowList('127.0.0.0/8'), ownHosts: [], dohUrl: 'https://doh.test/dns-query' };
    const send: typeof fetch = (input, init) => fetch(input, init);
    const resolve = () => Promise.reject(new Error('a listed host is not looked up'));
    return createOutbound({ fetch: send, clock, policy, resolve });
  };

  it('a signed request arrives, after a retry', async () => {
    const receiver = await newReceiver([{ status: 503 }, { status: 200, body: 'thanks' }]);
    const id = await (
      await newAction({ config: { method: 'POST', url: `${receiver.url}?agent={{agent_id}}` } })
    ).newDelivery();
    const consumer = newConsumer(overLoopback());
    consumer.time.now = new Date();
    await consumer.consume(id);
    consumer.time.now = (await deliveryRow(id)).nextAttemptAt;
    await consumer.consume(id);
    const received = await receiver.received();
    expect(received).toHaveLength(2);
    expect(received.map(({ headers }) => [headers['webhook-id'], headers['weir-attempt']])).toEqual([
      [id, '1'],
      [id, '2'],
    ]);
    for (const { headers, body, path } of received) {
      expect(path.endsWith('?agent=42')).toBe(true);
      expect(new Webhook(SIGNING_SECRET).verify(body, headers)).toMatchObject({
        event_type: 'NewFeedback',
        agent_id: 42,
      });
    }
    expect(await attemptsOf(id)).toMatchObject([
      { outcome: 'retryable', responseStatus: 503 },
      { outcome: 'delivered', responseStatus: 200, responseExcerpt: 'thanks' },
    ]);
  });

  it('a cut connection, a redirect and silence are failures that may be tried again', async () => {
    const trap = await newReceiver();
    const steps = [{ hangUp: true }, { status: 302, headers: { location: trap.url } }, { delayMs: 5_000 }];
    for (const [index, step] of steps.entries()) {
      const receiver = await newReceiver([step]);
      const config = { method: 'POST', url: receiver.url, timeout_ms: 1_000 };
      const id = await (await newAction({ config })).newDelivery();
      await newConsumer(overLoopback()).consume(id);
      const reasons = [
        /could not be reached/,
        /answered 302, and redirects are not followed/,
        /No answer within 1000 ms/,
      ];
      expect(await deliveryRow(id)).toMatchObject({
        status: 'pending',
        lastError: expect.stringMatching(reasons[index] ?? ''),
      });
    }
    expect(await trap.received()).toEqual([]);
  });
});
