import { and, eq } from 'drizzle-orm';
import { afterEach, describe, expect, it } from 'vitest';
import { HOUR, later } from '../../../src/kernel/clock.ts';
import { newUuid } from '../../../src/kernel/id.ts';
import { organizationEvents } from '../../../src/quota/usage/table.ts';
import { DELIVERIES_PER_HOUR, drawAllowances } from '../../../src/triggers/deliveries/allowance-store.ts';
import { deliveries, deliveryAllowances } from '../../../src/triggers/deliveries/table.ts';
import { commitOutcome } from '../../../src/triggers/matching/outcome/store.ts';
import { triggerActions, triggers } from '../../../src/triggers/rules/table.ts';
import { database } from '../../support/database.ts';
import { NOW, newChain, newMatcher, openTransaction, untilBlocked } from './chain-fixture.ts';

type Chain = ReturnType<typeof newChain>;

const outcomeOf = (chain: Chain, triggerIds: string[]) => ({
  chainId: chain.chainId,
  from: null,
  upTo: 1,
  now: NOW,
  fires: triggerIds.map((triggerId) => ({
    ...{ triggerId, triggerVersion: 1, eventId: chain.eventId('a'), appearance: 0 },
    ...{ groupKey: '', state: null },
  })),
  retractions: [],
  states: { changed: [], removed: [] },
});

describe('a commit', () => {
  it('leaves out a trigger that was deleted since the rules were read.', async () => {
    const chain = newChain();
    await chain.feed('confirm', 'a');
    const [gone, there] = [await chain.addTrigger(), await chain.addTrigger()];
    await database().query.delete(triggers).where(eq(triggers.id, gone));
    const commit = await commitOutcome(database(), outcomeOf(chain, [gone, there]));
    expect(await chain.matches([gone, there])).toEqual(['1 a 0 fire']);
    expect(commit).toEqual({
      committed: true,
      deliveryIds: (await chain.deliveriesOf(there)).map(({ id }) => id),
      excess: [],
    });
  });

  it('waits for a trigger that is being deleted, and then leaves it out.', async () => {
    const chain = newChain();
    await chain.feed('confirm', 'a');
    const [going, there] = [await chain.addTrigger(), await chain.addTrigger()];
    const deletion = await openTransaction((tx) => tx.delete(triggers).where(eq(triggers.id, going)));
    const committing = commitOutcome(database(), outcomeOf(chain, [going, there]));
    await untilBlocked();
    await deletion.commit();
    const commit = await committing;
    expect(commit).toMatchObject({ committed: true, deliveryIds: [expect.any(String)] });
    expect(await chain.matches([going, there])).toEqual(['1 a 0 fire']);
  });

  it('delivers to the actions that the trigger has then, and records the match of one that has none.', async () => {
    const chain = newChain();
    await chain.feed('confirm', 'a');
    const trigger = await chain.addTrigger();
    const deletion = await openTransaction((tx) =>
      tx.delete(triggerActions).where(eq(triggerActions.triggerId, trigger)),
    );
    const committing = commitOutcome(database(), outcomeOf(chain, [trigger]));
    await untilBlocked();
    await deletion.commit();
    expect(await committing).toEqual({ committed: true, deliveryIds: [], excess: [] });
    expect(await chain.matches([trigger])).toEqual(['0 a 0 fire']);
  });

  it('keeps nothing when the cursor is no longer where the batch began.', async () => {
    const chain = newChain();
    await chain.feed('confirm', 'a');
    const trigger = await chain.addTrigger();
    const outcome = outcomeOf(chain, [trigger]);
    await expect(commitOutcome(database(), { ...outcome, from: 5 })).resolves.toEqual({ committed: false });
    await expect(commitOutcome(database(), { ...outcome, fires: [] })).resolves.toEqual({
      committed: true,
      deliveryIds: [],
      excess: [],
    });
    await expect(commitOutcome(database(), outcome)).resolves.toEqual({ committed: false });
    await expect(commitOutcome(database(), { ...outcome, from: 0 })).resolves.toEqual({ committed: false });
    expect([await chain.matches([trigger]), await chain.cursor()]).toEqual([[], 1]);
  });

  it('takes more fires than fit in one statement.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger();
    const outcome = outcomeOf(chain, []);
    const names = Array.from({ length: 1_203 }, (_, index) => `e${index}`);
    await database().query.execute(chain.manyEvents(names));
    const fires = names.map((name) => ({
      triggerId: trigger,
      triggerVersion: 1,
      eventId: chain.eventId(name),
      appearance: 0,
      groupKey: '',
      state: null,
    }));
    const commit = await commitOutcome(database(), { ...outcome, fires });
    expect(commit.committed && commit.deliveryIds.length).toBe(1_203);
    expect((await chain.matches([trigger])).length).toBe(1_203);
  });
});

describe('the allowance of an organization', () => {
  /** What the hour has left; the organization is that of all triggers of these tests. */
  async function leave(left: number, triggerId: string) {
    const [trigger] = await database().query.select().from(triggers).where(eq(triggers.id, triggerId));
    const row = { organizationId: trigger?.organizationId ?? '', hour: NOW, asked: DELIVERIES_PER_HOUR - left };
    await database()
      .query.insert(deliveryAllowances)
      .values(row)
      .onConflictDoUpdate({
        target: [deliveryAllowances.organizationId, deliveryAllowances.hour],
        set: { asked: row.asked },
      });
    return row.organizationId;
  }

  afterEach(() => database().query.delete(deliveryAllowances));

  const statusesOf = async (chain: Chain, triggerId: string) =>
    (await chain.deliveriesOf(triggerId)).map(({ status }) => status);

  it('is what an hour’s fires may send: those beyond it fail, can be sent again, and are told of once.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger({ actions: [0, 1, 2] });
    const organizationId = await leave(4, trigger);
    const { drain, enqueued, logged, time } = newMatcher(chain.chainId, { entries: 1 });
    await chain.feed('confirm', 'a');
    await chain.feed('confirm', 'b');
    await chain.feed('confirm', 'c');
    await drain();
    const made = await chain.deliveriesOf(trigger);
    expect(made.map(({ status }) => status)).toEqual([...Array(4).fill('pending'), ...Array(5).fill('failed')]);
    expect(made[4]).toMatchObject({
      ...{ attempts: 0, completedAt: NOW },
      lastError: "Not sent: over the organization's 10000 deliveries per hour",
    });
    expect(enqueued).toEqual(made.slice(0, 4).map(({ id }) => id));
    expect(await chain.matches([trigger])).toEqual(['0 a 0 fire', '0 b 0 fire', '0 c 0 fire']);
    const told = { organization_id: organizationId, hour: NOW.toISOString() };
    expect(logged).toEqual([
      { event: 'deliveries_limited', fields: { ...told, deliveries: 2 } },
      { event: 'deliveries_limited', fields: { ...told, deliveries: 3 } },
    ]);
    const notices = await database()
      .query.select()
      .from(organizationEvents)
      .where(eq(organizationEvents.organizationId, organizationId));
    expect(notices).toMatchObject([
      { type: 'deliveries.limited', data: { hour: NOW.toISOString(), limit: 10_000 }, occurredAt: NOW },
    ]);
    time.now = later(NOW, HOUR);
    await chain.feed('confirm', 'd');
    await drain();
    expect((await statusesOf(chain, trigger)).slice(9)).toEqual(['pending', 'pending', 'pending']);
  });

  it('is not used by what is taken back in the same batch, nor by retractions.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger({ confirmations: 0 });
    await leave(2, trigger);
    const { drain } = newMatcher(chain.chainId);
    await chain.feed('event', 'a');
    await chain.feed('retract', 'a');
    await chain.feed('event', 'b');
    await drain();
    await database()
      .query.update(deliveries)
      .set({ attempts: 1 })
      .where(and(eq(deliveries.triggerId, trigger), eq(deliveries.status, 'pending')));
    await chain.feed('retract', 'b');
    await chain.feed('event', 'c');
    await chain.feed('event', 'd');
    await drain();
    expect((await chain.deliveriesOf(trigger)).map(({ kind, status }) => `${kind} ${status}`).sort()).toEqual([
      'fire cancelled',
      'fire cancelled',
      'fire failed',
      'fire pending',
      'retraction pending',
    ]);
  });

  it('holds for all chains together, also when their matchers commit at the same moment.', async () => {
    const chains = [1, 2, 3, 4].map(() => newChain());
    const made = await Promise.all(chains.map(async (chain) => ({ chain, trigger: await chain.addTrigger() })));
    await leave(2, made[0]?.trigger ?? '');
    for (const { chain } of made) await chain.feed('confirm', 'a');
    const commits = await Promise.all(
      made.map(({ chain, trigger }) => commitOutcome(database(), outcomeOf(chain, [trigger]))),
    );
    expect(commits.map((commit) => commit.committed && commit.deliveryIds.length).sort()).toEqual([0, 0, 1, 1]);
    const statuses = await Promise.all(made.map(({ chain, trigger }) => statusesOf(chain, trigger)));
    expect(statuses.flat().sort()).toEqual(['failed', 'failed', 'pending', 'pending']);
  });

  it('is waited for by a second matcher until the first has committed.', async () => {
    const chain = newChain();
    await chain.feed('confirm', 'a');
    const trigger = await chain.addTrigger();
    const organizationId = await leave(1, trigger);
    const first = await openTransaction((tx) => drawAllowances(tx, [{ id: newUuid(), organizationId }], NOW));
    const committing = commitOutcome(database(), outcomeOf(chain, [trigger]));
    await untilBlocked();
    await first.commit();
    expect(await committing).toMatchObject({ committed: true, deliveryIds: [], excess: [{ organizationId }] });
    expect(await statusesOf(chain, trigger)).toEqual(['failed']);
  });
});

describe('a retraction', () => {
  /** A trigger that fires at once, whose delivery for event `a` is in the state given when `a` is retracted. */
  async function retractedWhile(state: Partial<typeof deliveries.$inferInsert>) {
    const chain = newChain();
    const trigger = await chain.addTrigger({ confirmations: 0 });
    const { drain, enqueued } = newMatcher(chain.chainId);
    await chain.feed('event', 'a');
    await drain();
    const [fire] = await chain.deliveriesOf(trigger);
    await database().query.update(deliveries).set(state).where(eq(deliveries.triggerId, trigger));
    enqueued.length = 0;
    await chain.feed('retract', 'a');
    await drain();
    const [after, retraction, ...others] = await chain.deliveriesOf(trigger);
    expect(others).toEqual([]);
    expect(after?.id).toBe(fire?.id);
    return { chain, trigger, fire, after, retraction, enqueued, drain, matches: await chain.matches([trigger]) };
  }

  it('cancels a delivery that was never attempted, and the receiver hears nothing.', async () => {
    const { after, retraction, matches, enqueued } = await retractedWhile({ attempts: 0 });
    expect(after).toMatchObject({ status: 'cancelled', cancelledAt: NOW, completedAt: NOW });
    expect([retraction, matches, enqueued]).toEqual([undefined, ['0 a 0 fire'], []]);
  });

  it('cancels a delivery that waits for another attempt, and tells the receiver, who may have got one.', async () => {
    const { fire, after, retraction, matches, enqueued } = await retractedWhile({ attempts: 2 });
    expect(after).toMatchObject({ status: 'cancelled', cancelledAt: NOW, completedAt: NOW, attempts: 2 });
    expect(matches).toEqual(['0 a 0 fire', '0 a 0 retraction']);
    expect(retraction).toMatchObject({
      kind: 'retraction',
      retracts: fire?.id,
      organizationId: fire?.organizationId,
      actionId: fire?.actionId,
      actionType: fire?.actionType,
      endpoint: fire?.endpoint,
      status: 'pending',
      attempts: 0,
      nextAttemptAt: NOW,
    });
    expect(enqueued).toEqual([retraction?.id]);
  });

  it('leaves an attempt that is under way to its sender, but marks it and follows it.', async () => {
    const leaseUntil = new Date('2026-03-02T00:01:00Z');
    const { after, fire, retraction } = await retractedWhile({ status: 'in_flight', attempts: 1, slot: 0, leaseUntil });
    expect(after).toMatchObject({ status: 'in_flight', cancelledAt: NOW, completedAt: null, leaseUntil });
    expect(retraction).toMatchObject({ retracts: fire?.id, status: 'pending' });
  });

  it.each(['delivered', 'failed'] as const)(
    'follows a delivery that has %s, and leaves it as it is.',
    async (status) => {
      const { after, fire, retraction } = await retractedWhile({
        status,
        attempts: 1,
        completedAt: new Date('2026-03-01T13:00:00Z'),
      });
      expect(after).toMatchObject({ status, cancelledAt: null, completedAt: new Date('2026-03-01T13:00:00Z') });
      expect(retraction).toMatchObject({ retracts: fire?.id });
    },
  );

  it('does not touch the fire of another appearance, and is made once for each.', async () => {
    const { chain, trigger, drain } = await retractedWhile({ status: 'delivered', attempts: 1 });
    await chain.feed('event', 'a');
    await drain();
    await chain.feed('confirm', 'a');
    await drain();
    expect(await chain.matches([trigger])).toEqual(['0 a 0 fire', '0 a 0 retraction', '0 a 1 fire']);
    expect((await chain.deliveriesOf(trigger)).map(({ status }) => status)).toEqual([
      'delivered',
      'pending',
      'pending',
    ]);
    await database().query.update(deliveries).set({ attempts: 1 }).where(eq(deliveries.triggerId, trigger));
    await chain.feed('retract', 'a');
    await drain();
    expect(await chain.matches([trigger])).toEqual([
      '0 a 0 fire',
      '0 a 0 retraction',
      '0 a 1 fire',
      '0 a 1 retraction',
    ]);
    expect((await chain.deliveriesOf(trigger)).map(({ kind, status }) => `${kind} ${status}`)).toEqual([
      'fire delivered',
      'retraction pending',
      'fire cancelled',
      'retraction pending',
    ]);
  });

  it('reaches what fired, also when the trigger has been disabled since, and only where an action is left.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger({ confirmations: 0, actions: [0, 1] });
    const { drain } = newMatcher(chain.chainId);
    await chain.feed('event', 'a');
    await drain();
    const [first, second] = await chain.deliveriesOf(trigger);
    await database()
      .query.update(deliveries)
      .set({ status: 'delivered', attempts: 1 })
      .where(eq(deliveries.triggerId, trigger));
    await database().query.update(triggers).set({ enabled: false }).where(eq(triggers.id, trigger));
    const deletion = await openTransaction((tx) =>
      tx.delete(triggerActions).where(eq(triggerActions.id, first?.actionId ?? 0)),
    );
    await chain.feed('retract', 'a');
    const draining = drain();
    await untilBlocked();
    await deletion.commit();
    await draining;
    expect((await chain.deliveriesOf(trigger)).map(({ kind, retracts }) => [kind, retracts])).toEqual([
      ['fire', null],
      ['retraction', second?.id],
    ]);
  });
});
