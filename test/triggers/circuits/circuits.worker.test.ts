import { and, eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { later, MINUTE, SECOND } from '../../../src/kernel/clock.ts';
import { auditLogs } from '../../../src/telemetry/audit/table.ts';
import type { Logger } from '../../../src/telemetry/log.ts';
import { afterAttempt, CLOSED } from '../../../src/triggers/circuits/circuit.ts';
import { actionCircuits } from '../../../src/triggers/circuits/table.ts';
import { claim, claimNext } from '../../../src/triggers/deliveries/store.ts';
import { sweep } from '../../../src/triggers/deliveries/sweep/sweep.ts';
import { triggerActions, triggers } from '../../../src/triggers/rules/table.ts';
import { database } from '../../support/database.ts';
import { answered, attemptsOf, deliveryRow, gate, newAction, newConsumer, START } from '../deliveries/fixture.ts';

type Action = Awaited<ReturnType<typeof newAction>>;

async function circuitOf({ actionId }: Action) {
  const [row] = await database().query.select().from(actionCircuits).where(eq(actionCircuits.actionId, actionId));
  return row;
}

/** Puts the circuit where a test begins. */
async function setCircuit({ actionId, organizationId }: Action, circuit: Partial<typeof actionCircuits.$inferInsert>) {
  await database()
    .query.insert(actionCircuits)
    .values({ ...CLOSED, actionId, organizationId, ...circuit });
}

const failing = (failures: number) => ({ failures, recent: '1'.repeat(failures) });

const open = (retryAt: Date) => ({
  ...failing(10),
  state: 'open' as const,
  openings: 1,
  openedAt: START,
  retryAt,
  reason: '10 attempts in a row failed',
});

const trailOf = async ({ organizationId }: Action) => {
  const rows = await database()
    .query.select({ action: auditLogs.action, actor: auditLogs.actor })
    .from(auditLogs)
    .where(eq(auditLogs.organizationId, organizationId))
    .orderBy(auditLogs.seq);
  return rows.map(({ action, actor }) => `${actor} ${action}`);
};

const telegram = (config: object = {}) => ({
  type: 'telegram' as const,
  config: { chat_id: '-5', message_template: 'hello', ...config },
});

const refusal = (status: number, description: string, parameters: object = {}) => ({
  ...{ kind: 'response' as const, status, headers: new Headers(), durationMs: 1 },
  excerpt: JSON.stringify({ ok: false, error_code: status, description, parameters }),
});

describe('the outcomes of deliveries', () => {
  it('leave nothing behind where all is well', async () => {
    const action = await newAction();
    const consumer = newConsumer();
    await consumer.consume(await action.newDelivery());
    expect(await circuitOf(action)).toBeUndefined();
  });

  it.each([
    ['a failure of the receiver', 500, 1],
    ['a request for patience', 429, undefined],
  ])('count %s (%d)', async (_, status, failures) => {
    const action = await newAction();
    await newConsumer(async () => answered(status)).consume(await action.newDelivery());
    expect((await circuitOf(action))?.failures).toBe(failures);
  });

  it('do not count what is ours: an address that nothing is sent to', async () => {
    const action = await newAction();
    const refused = async () => ({ kind: 'refused' as const, reason: 'The address must use https', durationMs: 1 });
    await newConsumer(refused).consume(await action.newDelivery());
    expect(await circuitOf(action)).toBeUndefined();
  });

  it('are all counted when many are settled at once', async () => {
    const action = await newAction();
    await setCircuit(action, failing(1));
    const ids = await action.newDeliveries(5);
    const { open: letAnswer, opened } = gate();
    const consumer = newConsumer(async () => {
      if (consumer.requests.length === 5) letAnswer();
      await opened;
      return answered(500);
    });
    await Promise.all(ids.map((id) => consumer.consume(id)));
    expect(await circuitOf(action)).toMatchObject({ state: 'closed', failures: 6, recent: '111111' });
  });

  it('are counted from the first on, when the first ones are settled at once', async () => {
    const action = await newAction();
    const ids = await action.newDeliveries(5);
    const { open: letAnswer, opened } = gate();
    const consumer = newConsumer(async () => {
      if (consumer.requests.length === 5) letAnswer();
      await opened;
      return answered(503);
    });
    await Promise.all(ids.map((id) => consumer.consume(id)));
    expect(await circuitOf(action)).toMatchObject({ failures: 5 });
  });

  it('count one after another even while a success has the row deleted in between', async () => {
    const action = await newAction();
    await setCircuit(action, { failures: 0, recent: `1${'0'.repeat(49)}` });
    const [good = '', ...bad] = await action.newDeliveries(5);
    const { open: letAnswer, opened } = gate();
    const consumer = newConsumer(async ({ headers }) => {
      if (consumer.requests.length === 5) letAnswer();
      await opened;
      return answered(headers['webhook-id'] === good ? 200 : 500);
    });
    await Promise.all([good, ...bad].map((id) => consumer.consume(id)));
    const failures = (await circuitOf(action))?.recent.replaceAll('0', '').length ?? 0;
    expect(failures).toBeGreaterThanOrEqual(4);
    expect(await action.withStatus('pending')).toBe(4);
  });

  it('of an action that was changed meanwhile say nothing about what it is now', async () => {
    const action = await newAction();
    const consumer = newConsumer(async () => {
      await database().query.update(triggers).set({ version: 2 }).where(eq(triggers.id, action.triggerId));
      return answered(500);
    });
    await consumer.consume(await action.newDelivery());
    expect(await circuitOf(action)).toBeUndefined();
  });

  it('are settled when the action is deleted meanwhile, and nothing is left', async () => {
    const action = await newAction();
    const consumer = newConsumer(async () => {
      await database().query.delete(triggerActions).where(eq(triggerActions.id, action.actionId));
      return answered(500);
    });
    expect(await consumer.consume(await action.newDelivery())).toEqual(['acked']);
    expect(await circuitOf(action)).toBeUndefined();
  });
});

describe('a circuit that opens', () => {
  it('puts off everything that waits, which costs no attempt, and leaves its trace', async () => {
    const action = await newAction();
    const other = await newAction();
    await setCircuit(action, failing(9));
    const [id = '', ...waiting] = await action.newDeliveries(4);
    const unrelated = await other.newDelivery();
    const events: string[] = [];
    const log: Logger = { info: () => {}, error: () => {}, warn: (event) => void events.push(event) };
    const consumer = newConsumer(async () => answered(500));
    Object.assign(consumer.deps, { log });
    await consumer.consume(id);
    const retryAt = later(START, MINUTE);
    expect(await circuitOf(action)).toMatchObject({ state: 'open', failures: 10, retryAt });
    for (const each of waiting)
      expect(await deliveryRow(each)).toMatchObject({ status: 'pending', attempts: 0, nextAttemptAt: retryAt });
    expect(await deliveryRow(id)).toMatchObject({ status: 'pending', attempts: 1, nextAttemptAt: retryAt });
    expect(await deliveryRow(unrelated)).toMatchObject({ nextAttemptAt: START });
    expect(consumer.requests).toHaveLength(1);
    expect(consumer.hints).toEqual([{ ids: [id], delaySeconds: 60 }]);
    expect(events).toEqual(['circuit_opened']);
    expect(await trailOf(action)).toEqual(['system:deliveries action.circuit_open']);
  });

  it('does not bring forward what its own schedule has for later', async () => {
    const action = await newAction();
    await setCircuit(action, failing(9));
    const later2 = later(START, 60 * MINUTE);
    const patient = await action.newDelivery({ attempts: 5, nextAttemptAt: later2 });
    await newConsumer(async () => answered(500)).consume(await action.newDelivery());
    expect(await deliveryRow(patient)).toMatchObject({ nextAttemptAt: later2 });
  });
});

describe('an open circuit', () => {
  const retryAt = later(START, MINUTE);

  it('holds back what is new, by its hint as by the sweep', async () => {
    const action = await newAction();
    await setCircuit(action, open(retryAt));
    const [hinted = '', unhinted = ''] = await action.newDeliveries(2);
    const consumer = newConsumer();
    expect(await consumer.consume(hinted)).toEqual(['acked']);
    expect(await deliveryRow(hinted)).toMatchObject({ status: 'pending', attempts: 0, nextAttemptAt: retryAt });
    expect(await deliveryRow(unhinted)).toMatchObject({ nextAttemptAt: START });
    await sweep({ ...consumer.deps, clock: () => later(START, 10 * SECOND) });
    expect(await deliveryRow(unhinted)).toMatchObject({ attempts: 0, nextAttemptAt: retryAt });
    expect(consumer.requests).toEqual([]);
  });

  it('does not hold back another action at the same endpoint', async () => {
    const [action, other] = [await newAction(), await newAction()];
    await setCircuit(action, open(retryAt));
    const { endpoint } = action;
    await action.newDelivery();
    const free = await other.newDelivery({ endpoint, nextAttemptAt: START });
    expect(await claimNext(database().query, endpoint, START)).toMatchObject({ id: free });
    expect(await claimNext(database().query, endpoint, START)).toBeUndefined();
  });

  it('lets one go when its time has come, however many ask at once', async () => {
    const action = await newAction();
    await setCircuit(action, open(START));
    const ids = await action.newDeliveries(8);
    const claims = await Promise.all(ids.map((id) => claim(database().query, id, START)));
    const claimed = claims.filter((each) => each !== undefined);
    expect(claimed).toHaveLength(1);
    expect(await circuitOf(action)).toMatchObject({
      state: 'half_open',
      probe: claimed[0]?.id,
      retryAt: later(START, MINUTE),
    });
    expect(await action.inFlight()).toBe(1);
  });

  it('goes on as before once that one succeeds, and everything that waited follows', async () => {
    const action = await newAction();
    await setCircuit(action, open(START));
    const ids = await action.newDeliveries(6);
    const consumer = newConsumer();
    await consumer.consume(...ids);
    expect(await circuitOf(action)).toBeUndefined();
    expect(await action.withStatus('delivered')).toBe(6);
    expect(await trailOf(action)).toEqual(['system:deliveries action.circuit_close']);
  });

  it('waits twice as long when that one fails', async () => {
    const action = await newAction();
    await setCircuit(action, open(START));
    const ids = await action.newDeliveries(3);
    const consumer = newConsumer(async () => answered(500));
    await consumer.consume(...ids);
    expect(consumer.requests).toHaveLength(1);
    const next = later(START, 2 * MINUTE);
    expect(await circuitOf(action)).toMatchObject({ state: 'open', failures: 11, openings: 2, retryAt: next });
    const rows = await Promise.all(ids.map(deliveryRow));
    expect(rows.map(({ attempts }) => attempts).sort()).toEqual([0, 0, 1]);
    for (const row of rows) expect(row.nextAttemptAt).toEqual(next);
    expect(await trailOf(action)).toEqual([]);
  });

  it('lets another go when the sender of the first was lost', async () => {
    const action = await newAction();
    await setCircuit(action, open(START));
    const [first = '', second = ''] = await action.newDeliveries(2);
    const { query } = database();
    expect(await claim(query, first, START)).toBeDefined();
    expect(await claim(query, second, later(START, 30 * SECOND))).toBeUndefined();
    expect(await claim(query, second, later(START, MINUTE))).toMatchObject({ id: second });
    expect(await circuitOf(action)).toMatchObject({ state: 'half_open', probe: second });
  });

  it('keeps no delivery from its whole schedule of attempts', async () => {
    const action = await newAction();
    await setCircuit(action, open(START));
    const id = await action.newDelivery();
    const consumer = newConsumer(async () => answered(500));
    let row = await deliveryRow(id);
    while (row.status === 'pending') {
      consumer.time.now = row.nextAttemptAt;
      await consumer.consume(id);
      row = await deliveryRow(id);
    }
    expect(row).toMatchObject({ status: 'failed', attempts: 12 });
    // The schedule alone takes a little more than three days.
    expect(consumer.time.now.getTime() - START.getTime()).toBeGreaterThan(70 * 60 * MINUTE);
  });
});

describe('an action that its receiver will have none of', () => {
  it('is broken: the delivery fails, and so does what waits or comes, without being sent', async () => {
    const action = await newAction(telegram());
    const [id = '', waiting = ''] = await action.newDeliveries(2);
    const consumer = newConsumer(async () => refusal(403, 'Forbidden: bot was kicked from the group chat'));
    await consumer.consume(id);
    const reason = 'Telegram answered 403: Forbidden: bot was kicked from the group chat';
    expect(await circuitOf(action)).toMatchObject({ state: 'broken', reason });
    expect(await deliveryRow(id)).toMatchObject({ status: 'failed', lastError: reason, attempts: 1 });
    const fresh = await action.newDelivery();
    await consumer.consume(fresh);
    for (const each of [waiting, fresh]) {
      const lastError = `The action is broken: ${reason}`;
      expect(await deliveryRow(each)).toMatchObject({ status: 'failed', lastError, attempts: 0, completedAt: START });
      expect(await attemptsOf(each)).toEqual([]);
    }
    expect(consumer.requests).toHaveLength(1);
    expect(await trailOf(action)).toEqual(['system:deliveries action.break']);
  });

  it('ends what was in flight and lost, at the next sweep', async () => {
    const action = await newAction(telegram());
    const lost = await action.newDelivery();
    await claim(database().query, lost, START);
    await setCircuit(action, { state: 'broken', openedAt: START, reason: 'chat not found' });
    await sweep({ ...newConsumer().deps, clock: () => later(START, 2 * MINUTE) });
    expect(await deliveryRow(lost)).toMatchObject({ status: 'failed', attempts: 1 });
  });

  it('follows its group to another chat, in its config and in the trail', async () => {
    const action = await newAction(telegram());
    const moved = refusal(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
      migrate_to_chat_id: -1005,
    });
    const ok = { ...answered(), excerpt: '{"ok":true,"result":{}}' };
    const consumer = newConsumer(async ({ body = '' }) => (body.includes('"-5"') ? moved : ok));
    const id = await action.newDelivery();
    await consumer.consume(id);
    expect(await deliveryRow(id)).toMatchObject({ status: 'delivered' });
    const [row] = await database()
      .query.select({ config: triggerActions.config })
      .from(triggerActions)
      .where(and(eq(triggerActions.id, action.actionId)));
    expect(row?.config).toMatchObject({ chat_id: '-1005', message_template: 'hello' });
    expect(await trailOf(action)).toEqual(['system:deliveries action.update']);
    expect(await circuitOf(action)).toBeUndefined();
    expect(JSON.stringify(await attemptsOf(id))).not.toContain('1:test');
  });
});

describe('what a claim begins and a settlement ends', () => {
  it('agrees with the pure circuit', async () => {
    const action = await newAction();
    await setCircuit(action, open(START));
    const id = await action.newDelivery();
    const before = await circuitOf(action);
    await newConsumer(async () => answered(500)).consume(id);
    const half = { ...(before ?? CLOSED), state: 'half_open' as const, probe: id };
    const expected = afterAttempt(half, id, { kind: 'failure', error: 'The receiver answered 500' }, START);
    expect(await circuitOf(action)).toMatchObject({ ...expected });
  });
});
