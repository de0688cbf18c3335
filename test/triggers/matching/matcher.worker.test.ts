import { asc, eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { HOUR, later } from '../../../src/kernel/clock.ts';
import { matcherCursors, triggerMatches } from '../../../src/triggers/matching/table.ts';
import { triggerActions, triggerChanges, triggerConditions, triggers } from '../../../src/triggers/rules/table.ts';
import { database } from '../../support/database.ts';
import {
  breakInserts,
  makeOrganization,
  NOW,
  newChain,
  newMatcher,
  noteChange,
  openTransaction,
} from './chain-fixture.ts';

describe('a matcher', () => {
  it('makes of a confirmed event one match and one delivery for each action, and announces them.', async () => {
    const chain = newChain();
    const hit = await chain.addTrigger({
      conditions: [
        ['agent_id', '=', '7'],
        ['score', '>=', '80'],
      ],
    });
    const miss = await chain.addTrigger({ conditions: [['score', '<', '80']] });
    const { drain, enqueued } = newMatcher(chain.chainId);
    await chain.feed('event', 'a');
    await drain();
    expect(await chain.matches([hit, miss])).toEqual([]);
    await chain.feed('confirm', 'a');
    await drain();

    expect(await chain.matches([hit, miss])).toEqual(['0 a 0 fire']);
    const [delivery, ...others] = await chain.deliveriesOf(hit);
    expect(others).toEqual([]);
    expect(delivery).toMatchObject({
      kind: 'fire',
      retracts: null,
      actionType: 'rest',
      endpoint: `${delivery?.organizationId} https://hooks.example`,
      status: 'pending',
      attempts: 0,
      nextAttemptAt: NOW,
      createdAt: NOW,
      cancelledAt: null,
      completedAt: null,
    });
    expect(enqueued).toEqual([delivery?.id]);
    expect(await chain.cursor()).toBe(2);
  });

  it('attempts a match’s actions by priority, then in the order of their creation.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger({ actions: [5, -1, 5, 0] });
    const { drain, enqueued } = newMatcher(chain.chainId);
    await chain.feed('confirm', 'a');
    await drain();
    const made = await database()
      .query.select()
      .from(triggerActions)
      .where(eq(triggerActions.triggerId, trigger))
      .orderBy(asc(triggerActions.id));
    const [five, minusOne, fiveAgain, zero] = made.map(({ id }) => id);
    const deliveries = await chain.deliveriesOf(trigger);
    expect(deliveries.map(({ actionId }) => actionId)).toEqual([minusOne, zero, five, fiveAgain]);
    expect(enqueued).toEqual(deliveries.map(({ id }) => id));
  });

  it('announces what it made with organizations taking turns, whoever has much.', async () => {
    const chain = newChain();
    const [much, little] = [await makeOrganization(), await makeOrganization()];
    for (let n = 0; n < 3; n += 1) await chain.addTrigger({ of: much, actions: [0, 1, 2, 3] });
    const other = await chain.addTrigger({ of: little, actions: [0, 1] });
    const { drain, enqueued } = newMatcher(chain.chainId);
    for (const name of ['a', 'b']) await chain.feed('confirm', name);
    await drain();
    const own = (await chain.deliveriesOf(other)).map(({ id }) => id);
    expect([own.length, enqueued.length]).toEqual([4, 28]);
    // Each of its four has one of the others before it at most, in the order of their making.
    expect(enqueued.slice(0, 8).filter((id) => own.includes(id))).toEqual(own);
  });

  it('makes nothing again when the feed is read again, by itself or by another.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger({ confirmations: 0 });
    const { drain } = newMatcher(chain.chainId);
    for (const operation of ['event', 'retract', 'event', 'confirm'] as const) await chain.feed(operation, 'a');
    await drain();
    const before = [await chain.matches([trigger]), await chain.deliveriesOf(trigger)];
    expect(before[0]).toEqual(['0 a 0 fire', '0 a 1 fire']);

    await database().query.delete(matcherCursors).where(eq(matcherCursors.chainId, chain.chainId));
    await database().query.update(triggers).set({ version: 9 }).where(eq(triggers.id, trigger));
    const second = newMatcher(chain.chainId);
    await second.drain();
    expect([await chain.matches([trigger]), await chain.deliveriesOf(trigger)]).toEqual(before);
    expect(second.enqueued).toEqual([]);
    expect(await chain.cursor()).toBe(4);
  });

  it('keeps a batch once when two matchers hold it at the same time.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger();
    const pair = [newMatcher(chain.chainId), newMatcher(chain.chainId)];
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await chain.feed('confirm', name);
      await Promise.all(pair.map(({ matcher }) => matcher.step()));
    }
    await Promise.all(pair.map(({ drain }) => drain()));
    expect(await chain.matches([trigger])).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `0 ${name} 0 fire`));
    const ids = (await chain.deliveriesOf(trigger)).map(({ id }) => id);
    expect(pair.flatMap(({ enqueued }) => enqueued).sort()).toEqual(ids);
    expect(await chain.cursor()).toBe(6);
  });

  it('writes a batch whole or not at all.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger();
    const { matcher, drain, enqueued } = newMatcher(chain.chainId);
    await chain.feed('confirm', 'a');
    const { repair } = await breakInserts('deliveries');
    await expect(matcher.step()).rejects.toThrow();
    await repair();
    expect([await chain.matches([trigger]), await chain.cursor(), enqueued]).toEqual([[], undefined, []]);
    await drain();
    expect([await chain.matches([trigger]), await chain.cursor(), enqueued.length]).toEqual([['0 a 0 fire'], 1, 1]);
  });

  it('gives the same rows however the feed is cut.', async () => {
    const story = [
      ['event', 'a'],
      ['event', 'b'],
      ['retract', 'a'],
      ['event', 'a'],
      ['confirm', 'b'],
      ['retract', 'a'],
      ['event', 'c'],
      ['event', 'a'],
      ['confirm', 'a'],
    ] as const;
    const results = [];
    for (const bounds of [{ entries: 1 }, { entries: 2 }, { entries: 200 }, { fires: 2 }]) {
      const chain = newChain();
      const order = [await chain.addTrigger({ confirmations: 0, actions: [0, 1] }), await chain.addTrigger()];
      for (const [operation, name] of story) await chain.feed(operation, name);
      await newMatcher(chain.chainId, bounds).drain();
      const deliveries = (await Promise.all(order.map((id) => chain.deliveriesOf(id)))).flat();
      results.push({
        matches: await chain.matches(order),
        deliveries: deliveries.map(({ kind, status, cancelledAt }) => ({ kind, status, cancelledAt })),
        cursor: await chain.cursor(),
      });
    }
    expect(results[0]?.matches.sort()).toEqual([
      '0 a 0 fire',
      '0 a 1 fire',
      '0 a 2 fire',
      '0 b 0 fire',
      '0 c 0 fire',
      '1 a 2 fire',
      '1 b 0 fire',
    ]);
    for (const result of results) expect({ ...result, matches: result.matches.sort() }).toEqual(results[0]);
  });

  it('survives an announcement that fails: the deliveries are in the database.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger();
    const { matcher, logged, enqueued } = newMatcher(chain.chainId);
    enqueued.push = () => {
      throw new Error('the queue is away');
    };
    await chain.feed('confirm', 'a');
    expect(await matcher.step()).toBe(true);
    expect(await chain.deliveriesOf(trigger)).toHaveLength(1);
    expect(logged).toEqual([
      { event: 'deliveries_not_announced', fields: { chain_id: chain.chainId, error: 'Error: the queue is away' } },
    ]);
  });
});

describe('the rules of a matcher', () => {
  it('take in a change made after they were loaded, and let go of what was disabled or deleted.', async () => {
    const chain = newChain();
    const { drain } = newMatcher(chain.chainId);
    const order: string[] = [];
    const next = async (name: string) => {
      await chain.feed('confirm', name);
      await drain();
      return (await chain.matches(order)).filter((match) => match.includes(` ${name} `));
    };
    expect(await next('a')).toEqual([]);
    const trigger = await chain.addTrigger({ enabled: false });
    order.push(trigger);
    expect(await next('b')).toEqual([]);
    await database().query.update(triggers).set({ enabled: true }).where(eq(triggers.id, trigger));
    await noteChange(trigger);
    expect(await next('c')).toEqual(['0 c 0 fire']);
    await database().query.insert(triggerConditions).values({
      organizationId: trigger,
      triggerId: trigger,
      conditionType: 'field',
      field: 'tag1',
      operator: '!=',
      value: 'starred',
      createdAt: NOW,
    });
    await noteChange(trigger);
    expect(await next('d')).toEqual([]);
    order.push(await chain.addTrigger());
    expect(await next('e')).toEqual(['1 e 0 fire']);
    await database()
      .query.delete(triggers)
      .where(eq(triggers.id, order[1] ?? ''));
    await noteChange(order[1] ?? '');
    expect(await next('f')).toEqual([]);
  });

  it('do not skip a change whose transaction began before the last reading and commits after it.', async () => {
    const chain = newChain();
    const { drain } = newMatcher(chain.chainId);
    await chain.feed('confirm', 'a');
    await drain();
    const late = await chain.addTrigger({ enabled: false });
    const transaction = await openTransaction(async (tx) => {
      await tx.insert(triggerChanges).values({ triggerId: late, changedAt: NOW });
      await tx.update(triggers).set({ enabled: true }).where(eq(triggers.id, late));
    });
    const early = await chain.addTrigger();
    await chain.feed('confirm', 'b');
    await drain();
    expect(await chain.matches([late, early])).toEqual(['1 b 0 fire']);
    await transaction.commit();
    await chain.feed('confirm', 'c');
    await drain();
    expect((await chain.matches([late, early])).sort()).toEqual(['0 c 0 fire', '1 b 0 fire', '1 c 0 fire']);
  });

  it('are loaded by the page, and only those of this chain or of every chain.', async () => {
    const chain = newChain();
    const other = newChain();
    for (let count = 0; count < 5; count += 1) await chain.addTrigger();
    await other.addTrigger();
    const everywhere = await other.addTrigger({ chainId: null });
    for (const triggersAtATime of [1, 2, 5, 6]) {
      const { drain, matcher } = newMatcher(chain.chainId, { triggers: triggersAtATime });
      await chain.feed('event', `${triggersAtATime}`);
      await drain();
      expect(matcher.status().rules).toBe(6);
    }
    await chain.feed('confirm', 'a');
    await newMatcher(chain.chainId).drain();
    expect(await chain.matches([everywhere])).toContain('0 a 0 fire');
    await database().query.delete(triggers).where(eq(triggers.id, everywhere));
  });

  it('are read anew after an hour, should a change ever go unnoticed.', async () => {
    const chain = newChain();
    const { drain, time } = newMatcher(chain.chainId);
    await chain.feed('confirm', 'a');
    await drain();
    const trigger = await chain.addTrigger({}, { note: false });
    await chain.feed('confirm', 'b');
    await drain();
    expect(await chain.matches([trigger])).toEqual([]);
    time.now = later(NOW, HOUR);
    await chain.feed('confirm', 'c');
    await drain();
    expect(await chain.matches([trigger])).toEqual(['0 c 0 fire']);
  });

  it('leave out a trigger that cannot be read any more, say so, and go on with the others.', async () => {
    const chain = newChain();
    const broken = await chain.addTrigger({
      conditions: [
        ['score', 'gt', '1'],
        ['colour', 'equals', 'red'],
      ],
    });
    const sound = await chain.addTrigger();
    const { drain, matcher, logged } = newMatcher(chain.chainId);
    await chain.feed('confirm', 'a');
    await drain();
    expect(await chain.matches([broken, sound])).toEqual(['1 a 0 fire']);
    expect(matcher.status()).toEqual({ cursor: 1, rules: 1, broken: [broken] });
    expect(logged).toEqual([
      {
        event: 'trigger_cannot_be_read',
        fields: {
          trigger_id: broken,
          version: 1,
          faults: [{ conditionId: expect.any(Number), path: 'field', message: expect.stringContaining('"colour"') }],
        },
      },
    ]);
  });

  it('do not fire for events from before the trigger was made, as a backfill brings them.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger({ createdAt: new Date('2026-03-01T06:00:00.900Z') });
    await chain.feed('confirm', 'old', { blockTime: new Date('2026-03-01T05:58:59Z') });
    await chain.feed('confirm', 'slow clock', { blockTime: new Date('2026-03-01T05:59:00Z') });
    await newMatcher(chain.chainId).drain();
    expect(await chain.matches([trigger])).toEqual(['0 slow clock 0 fire']);
  });

  it('keep agents of 256 bits apart.', async () => {
    const chain = newChain();
    const wide = (2n ** 256n - 1n).toString();
    const trigger = await chain.addTrigger({ conditions: [['agent_id', 'equals', wide]] });
    await chain.feed('confirm', 'neighbour', { agentId: (2n ** 256n - 2n).toString() });
    await chain.feed('confirm', 'same', { agentId: wide });
    await newMatcher(chain.chainId).drain();
    expect(await chain.matches([trigger])).toEqual(['0 same 0 fire']);
    const rows = await database().query.select().from(triggerMatches).where(eq(triggerMatches.triggerId, trigger));
    expect(rows[0]).toMatchObject({ triggerVersion: 1, groupKey: '', createdAt: NOW });
  });
});
