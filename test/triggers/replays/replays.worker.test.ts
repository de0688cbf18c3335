import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { and, eq, inArray, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { DAY, later, SECOND } from '../../../src/kernel/clock.ts';
import { newUuid } from '../../../src/kernel/id.ts';
import { deliveries } from '../../../src/triggers/deliveries/table.ts';
import { carryOnReplays, stepReplay, WINDOW } from '../../../src/triggers/replays/step.ts';
import { changeReplay, runningReplays } from '../../../src/triggers/replays/store.ts';
import { replays } from '../../../src/triggers/replays/table.ts';
import { call, expectOk, type Person, signUp } from '../../support/api.ts';
import { database } from '../../support/database.ts';
import { changeDelivery, deliveryRow, silent } from '../deliveries/fixture.ts';
import { ownedTrigger, takeBack } from '../deliveries/owned.ts';

const { query } = database();

let person: Person;
let owned: Awaited<ReturnType<typeof ownedTrigger>>;

beforeEach(async () => {
  await query.delete(replays);
  person = await signUp();
  owned = await ownedTrigger(person);
});

const NOW = new Date();
const HOUR_AGO = later(NOW, -3_600_000);

interface Job {
  id: string;
  status: string;
  total: number;
  done: number;
  sent: number;
  to: string;
  completed_at: string | null;
}

const ask = (fields: object = {}, triggerId = owned.triggerId) =>
  call('POST', `/api/v1/triggers/${triggerId}/deliveries/replay`, {
    token: person.token,
    body: { from: later(HOUR_AGO, -SECOND).toISOString(), to: new Date().toISOString(), ...fields },
  });

const sweeper = env.DELIVERY_SWEEPER.getByName('all');

/** A job whose steps are taken by the test alone: the sweeper that it woke is sent to sleep again. */
async function start(fields: object = {}): Promise<Job> {
  const { data } = await expectOk<{ data: Job }>(202, ask(fields));
  await runInDurableObject(sweeper, (_, state) => state.storage.deleteAlarm());
  return data;
}

const read = async (id: string) =>
  (await expectOk<{ data: Job }>(200, call('GET', `/api/v1/replays/${id}`, { token: person.token }))).data;

const keyOf = ({ id }: Job) => ({ organizationId: person.personalOrganizationId, replayId: id });

/** Failed deliveries of the trigger, so many and all of one moment; made without events of their own. */
async function manyDeliveries(count: number) {
  const { id } = await owned.newDelivery({ createdAt: HOUR_AGO });
  await query.execute(sql`
    with matches as (
      insert into trigger_matches (id, organization_id, trigger_id, trigger_version, group_key, event_id, kind, created_at)
      select gen_random_uuid(), m.organization_id, m.trigger_id, 1, n::text, m.event_id, 'fire', m.created_at
      from deliveries d join trigger_matches m on m.id = d.match_id, generate_series(2, ${count}) n where d.id = ${id}
      returning id)
    insert into deliveries (id, organization_id, trigger_id, action_id, match_id, kind, action_type, endpoint, status,
      attempts, next_attempt_at, created_at, completed_at)
    select gen_random_uuid(), d.organization_id, d.trigger_id, d.action_id, matches.id, 'fire', d.action_type, d.endpoint,
      'failed', 12, d.created_at, d.created_at, d.created_at from deliveries d, matches where d.id = ${id}`);
}

const countWith = (fields: { status?: 'pending' | 'failed'; lane?: number }) =>
  query.$count(
    deliveries,
    and(
      eq(deliveries.triggerId, owned.triggerId),
      fields.status && eq(deliveries.status, fields.status),
      fields.lane === undefined ? undefined : eq(deliveries.lane, fields.lane),
    ),
  );

/** As if every delivery that a replay has sent again had arrived. */
const deliverAll = () =>
  query
    .update(deliveries)
    .set({ status: 'delivered', attempts: sql`attempts + 1`, completedAt: new Date() })
    .where(and(eq(deliveries.triggerId, owned.triggerId), inArray(deliveries.status, ['pending', 'in_flight'])));

describe('a replay', () => {
  it('is taken on, carried on by the sweeper, and tells how far it has come', async () => {
    const ids = [];
    for (let n = 0; n < 3; n += 1) {
      ids.push((await owned.newDelivery({ createdAt: later(HOUR_AGO, n) })).id);
    }
    const { data: job } = await expectOk<{ data: Job }>(202, ask());
    expect(job).toMatchObject({ status: 'running', total: 3, done: 0, sent: 0, completed_at: null });
    await runDurableObjectAlarm(sweeper);
    expect(await read(job.id)).toMatchObject({ status: 'completed', total: 3, done: 3, sent: 3 });
    for (const id of ids) expect(await deliveryRow(id)).toMatchObject({ lane: 1, attemptsBefore: 12 });
  });

  it('sends the failed ones of the range unless told otherwise, or those of a status or an action', async () => {
    const failed = (await owned.newDelivery({ createdAt: HOUR_AGO })).id;
    await owned.newDelivery({ createdAt: HOUR_AGO, status: 'delivered' });
    await owned.newDelivery({ createdAt: HOUR_AGO, status: 'pending', completedAt: null });
    await owned.newDelivery({ createdAt: later(HOUR_AGO, -DAY) });
    const cancel = async ({ id }: Job) =>
      expectOk(200, call('DELETE', `/api/v1/replays/${id}`, { token: person.token }));
    for (const [fields, total] of [
      [{}, 1],
      [{ status: 'delivered' }, 1],
      [{ status: 'all' }, 2],
      [{ from: later(HOUR_AGO, -2 * DAY).toISOString() }, 2],
      [{ action_id: owned.actionId }, 1],
    ] as const) {
      const job = await start(fields);
      expect({ fields, total: job.total }).toEqual({ fields, total });
      await cancel(job);
    }
    expect((await deliveryRow(failed)).status).toBe('failed');
  });

  it('meets each delivery once, however many were made at one moment and however it is cut', async () => {
    await manyDeliveries(650);
    const job = await start();
    expect(job.total).toBe(650);
    const steps = [];
    for (let now = NOW; (await read(job.id)).status === 'running'; now = later(now, 2_000)) {
      steps.push((await stepReplay(database(), keyOf(job), now)).length);
      await deliverAll();
    }
    expect(steps).toEqual([WINDOW, WINDOW, WINDOW, 50]);
    expect(await read(job.id)).toMatchObject({ status: 'completed', done: 650, sent: 650 });
    const [row] = await query
      .select({ most: sql<number>`max(attempts)::int`, least: sql<number>`min(attempts)::int` })
      .from(deliveries)
      .where(eq(deliveries.triggerId, owned.triggerId));
    expect(row).toEqual({ most: 13, least: 13 });
  });

  it('waits while its window is full, and not for what is to be tried again later', async () => {
    await manyDeliveries(WINDOW + 10);
    const job = await start();
    const now = new Date();
    expect(await stepReplay(database(), keyOf(job), now)).toHaveLength(WINDOW);
    expect(await stepReplay(database(), keyOf(job), now)).toHaveLength(0);
    await query
      .update(deliveries)
      .set({ nextAttemptAt: later(now, DAY) })
      .where(and(eq(deliveries.triggerId, owned.triggerId), eq(deliveries.lane, 1)));
    expect(await stepReplay(database(), keyOf(job), now)).toHaveLength(10);
  });

  it('meets each delivery once when two take the step at the same time', async () => {
    await manyDeliveries(60);
    const job = await start();
    const taken = await Promise.all([1, 2, 3].map(() => stepReplay(database(), keyOf(job), new Date())));
    expect(taken.map((sent) => sent.length).sort((a, b) => a - b)).toEqual([0, 0, 60]);
    expect(await countWith({ status: 'pending', lane: 1 })).toBe(60);
  });

  it('takes a step whole or not at all, and goes on after one that failed', async () => {
    await manyDeliveries(20);
    const job = await start();
    const run = (statement: string) => query.execute(sql.raw(statement));
    await run(
      `create function refuse_step() returns trigger as 'begin raise exception ''broken''; end' language plpgsql`,
    );
    await run('create trigger broken before update of done on replays for each row execute function refuse_step()');
    const hinted: string[] = [];
    const deps = {
      db: database(),
      clock: () => new Date(),
      log: silent,
      enqueue: async (ids: readonly string[]) => void hinted.push(...ids),
    };
    expect(await carryOnReplays(deps)).toBeInstanceOf(Date);
    expect([await countWith({ status: 'failed', lane: 0 }), hinted]).toEqual([20, []]);
    await run('drop trigger broken on replays');
    await carryOnReplays(deps);
    expect(await countWith({ status: 'pending', lane: 1 })).toBe(20);
    expect(hinted).toHaveLength(2);
    expect(await carryOnReplays(deps)).toBeUndefined();
    expect((await read(job.id)).status).toBe('completed');
  });

  it('passes over what was retried or taken back meanwhile, and counts it as looked at', async () => {
    const gone = await owned.newDelivery({ createdAt: HOUR_AGO });
    const retried = await owned.newDelivery({ createdAt: later(HOUR_AGO, 1) });
    const left = await owned.newDelivery({ createdAt: later(HOUR_AGO, 2) });
    const job = await start();
    await takeBack(gone.eventId);
    await changeDelivery(retried.id, { status: 'pending', completedAt: null, nextAttemptAt: later(NOW, DAY) });
    expect((await stepReplay(database(), keyOf(job), new Date())).map(({ id }) => id)).toEqual([left.id]);
    expect(await read(job.id)).toMatchObject({ status: 'completed', total: 3, done: 2, sent: 1 });
    expect((await deliveryRow(gone.id)).status).toBe('failed');
  });

  it('takes no more steps once it is cancelled', async () => {
    await manyDeliveries(WINDOW + 1);
    const job = await start();
    await stepReplay(database(), keyOf(job), new Date());
    const cancel = () => call('DELETE', `/api/v1/replays/${job.id}`, { token: person.token });
    expect(await cancel()).toMatchObject({ status: 200, body: { data: { status: 'cancelled', done: WINDOW } } });
    expect(await cancel()).toMatchObject({ status: 200, body: { data: { status: 'cancelled' } } });
    await deliverAll();
    expect(await stepReplay(database(), keyOf(job), new Date())).toEqual([]);
    expect(await countWith({ status: 'failed' })).toBe(1);
  });

  it('cannot be cancelled once it has completed', async () => {
    const job = await start();
    await stepReplay(database(), keyOf(job), new Date());
    const answer = await call('DELETE', `/api/v1/replays/${job.id}`, { token: person.token });
    expect(answer).toMatchObject({ status: 409, body: { message: 'The replay has completed' } });
  });

  it('of a trigger runs alone: of several asked for at once one is taken on', async () => {
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    const refused = answers.find(({ status }) => status === 409);
    expect(refused?.body).toMatchObject({ message: 'A replay of this trigger is running already' });
    const other = await ownedTrigger(person);
    expect((await ask({}, other.triggerId)).status).toBe(202);
  });

  it('is one of five that an organization may have running, also of many asked for at once', async () => {
    const triggers = [owned, ...(await Promise.all([1, 2, 3, 4, 5, 6].map(() => ownedTrigger(person))))];
    const answers = await Promise.all(triggers.map(({ triggerId }) => ask({}, triggerId)));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 202, 202, 202, 202, 409, 409]);
    const refused = answers.findIndex(({ status }) => status === 409);
    expect(answers[refused]?.body).toMatchObject({
      message: 'An organization can have at most 5 replays running at a time',
    });
    const taken = answers.find(({ status }) => status === 202)?.body as { data: Job };
    await expectOk(200, call('DELETE', `/api/v1/replays/${taken.data.id}`, { token: person.token }));
    expect((await ask({}, triggers[refused]?.triggerId)).status).toBe(202);
  });

  it('waits for one job of each other organization, however many those have', async () => {
    const many = await Promise.all([1, 2, 3, 4, 5].map(() => ownedTrigger(person)));
    const others = await Promise.all([ownedTrigger(await signUp()), ownedTrigger(await signUp())]);
    const rows = [...many, ...others].map(({ organizationId, triggerId }, place) => ({
      ...{ id: newUuid(), organizationId, triggerId, status: 'running' as const, wanted: 'failed' as const },
      ...{ from: HOUR_AGO, to: NOW, total: 1, steppedAt: later(HOUR_AGO, place), createdAt: HOUR_AGO },
    }));
    await query.insert(replays).values(rows);
    const nameOf = (id: string) => (id === person.personalOrganizationId ? 'many' : 'other');
    const rounds: string[][] = [];
    let steps = 0;
    for (let round = 0; round < 3; round += 1) {
      const turn = await runningReplays(query, 2);
      rounds.push(turn.map(({ organizationId }) => nameOf(organizationId)));
      for (const key of turn) {
        steps += 1;
        await changeReplay(query, key, { steppedAt: later(NOW, steps) });
      }
    }
    expect(rounds.map((round) => round.sort())).toEqual([
      ['many', 'other'],
      ['many', 'other'],
      ['other', 'other'],
    ]);
  });

  it('goes with its trigger', async () => {
    const job = await start();
    await expectOk(204, call('DELETE', `/api/v1/triggers/${owned.triggerId}`, { token: person.token }));
    const answer = await call('GET', `/api/v1/replays/${job.id}`, { token: person.token });
    expect(answer).toMatchObject({ status: 404, body: { message: 'Replay not found' } });
  });

  it('ends at the moment it was asked for, whatever the range says', async () => {
    const { to } = await start({ to: later(NOW, DAY).toISOString() });
    expect(new Date(to).getTime()).toBeLessThanOrEqual(Date.now());
  });

  it.each([
    [
      'more than 14 days back',
      { from: later(NOW, -15 * DAY).toISOString() },
      'from',
      'must not be more than 14 days ago',
    ],
    ['backwards', { to: later(NOW, -DAY).toISOString() }, 'to', 'must not be before from'],
    ['of no known status', { status: 'pending' }, 'status', expect.any(String)],
  ])('is refused when its range is %s', async (_, fields, path, message) => {
    expect(await ask(fields)).toMatchObject({ status: 400, body: { details: [{ path, message }] } });
  });

  it('is refused when the range holds too much, or the action is another trigger’s', async () => {
    await manyDeliveries(10_001);
    expect(await ask()).toMatchObject({
      status: 400,
      body: { message: 'The range holds more than 10000 deliveries; choose a shorter one' },
    });
    const other = await ownedTrigger(person);
    expect(await ask({ action_id: other.actionId })).toMatchObject({
      status: 404,
      body: { message: 'Action not found' },
    });
  });
});
