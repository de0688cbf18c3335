import { asc, eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { triggerMatches } from '../../../src/triggers/matching/table.ts';
import { triggerConditions, triggers } from '../../../src/triggers/rules/table.ts';
import { forgetMemories } from '../../../src/triggers/state/forget.ts';
import { readStates, writeStates } from '../../../src/triggers/state/store.ts';
import { triggerStates } from '../../../src/triggers/state/table.ts';
import { database } from '../../support/database.ts';
import {
  BLOCK_TIME,
  breakInserts,
  newChain,
  newMatcher,
  noteChange,
  openTransaction,
  untilBlocked,
} from '../matching/chain-fixture.ts';

const START = BLOCK_TIME.getTime() / 1_000;
const at = (seconds: number) => new Date((START + seconds) * 1_000);

const statesOf = (triggerId: string) =>
  database()
    .query.select()
    .from(triggerStates)
    .where(eq(triggerStates.triggerId, triggerId))
    .orderBy(asc(triggerStates.conditionId), asc(triggerStates.groupKey));

const countTo = (n: string) => ({
  conditions: [
    ['score', 'gte', n, 'count', { time_window: '1h' }] as [string, string, string, string, Record<string, unknown>],
  ],
});
const silence = {
  conditions: [
    ['score', 'equals', '1', 'absence', { time_window: '10m' }] as [
      string,
      string,
      string,
      string,
      Record<string, unknown>,
    ],
  ],
};

describe('what a trigger remembers', () => {
  it('is kept with the cursor, agent by agent, whatever matcher goes on from there.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger(countTo('3'));
    for (const [name, agentId] of [
      ['a', '1'],
      ['b', '2'],
      ['c', '1'],
    ] as const) {
      await chain.feed('confirm', name, { agentId, blockTime: at(1) });
      await newMatcher(chain.chainId).drain();
    }
    const states = await statesOf(trigger);
    expect(states.map(({ groupKey, memory }) => [groupKey, memory])).toEqual([
      [`${chain.chainId}:1`, { times: [START + 1, START + 1] }],
      [`${chain.chainId}:2`, { times: [START + 1] }],
    ]);
    expect(await chain.matches([trigger])).toEqual([]);
    await chain.feed('confirm', 'd', { agentId: '1', blockTime: at(2) });
    await newMatcher(chain.chainId).drain();
    expect(await chain.matches([trigger])).toEqual(['0 d 0 fire']);
    const [match] = await database().query.select().from(triggerMatches).where(eq(triggerMatches.triggerId, trigger));
    expect(match).toMatchObject({ state: { count: 3 }, groupKey: `${chain.chainId}:1` });
  });

  it('advances on the confirmation of an event, and neither when it is seen nor when it is taken back.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger(countTo('1'));
    await chain.feed('event', 'a');
    await chain.feed('retract', 'a');
    await chain.feed('event', 'b');
    await newMatcher(chain.chainId).drain();
    expect(await statesOf(trigger)).toEqual([]);
    await chain.feed('confirm', 'b');
    await newMatcher(chain.chainId).drain();
    expect(await chain.matches([trigger])).toEqual(['0 b 0 fire']);
  });

  it('does not advance when its batch fails, and does so once when it succeeds.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger(countTo('2'));
    await chain.feed('confirm', 'a', { blockTime: at(1) });
    const { matcher, drain } = newMatcher(chain.chainId);
    await drain();
    await chain.feed('confirm', 'b', { blockTime: at(2) });
    const broken = await breakInserts('trigger_matches');
    await expect(matcher.step()).rejects.toThrow();
    expect((await statesOf(trigger))[0]?.memory).toEqual({ times: [START + 1] });
    await broken.repair();
    await drain();
    expect((await statesOf(trigger))[0]?.memory).toEqual({ times: [START + 1, START + 2] });
    expect(await chain.matches([trigger])).toEqual(['0 b 0 fire']);
  });

  it('is advanced once by two matchers at a time.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger(countTo('100'));
    for (let n = 0; n < 20; n += 1) await chain.feed('confirm', `e${n}`, { blockTime: at(n) });
    await Promise.all([
      newMatcher(chain.chainId, { entries: 3 }).drain(),
      newMatcher(chain.chainId, { entries: 4 }).drain(),
    ]);
    expect((await statesOf(trigger))[0]?.memory).toEqual({ times: Array.from({ length: 20 }, (_, n) => START + n) });
  });

  it('means nothing under another definition of the condition, and goes with the condition.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger(countTo('2'));
    const { drain } = newMatcher(chain.chainId);
    await chain.feed('confirm', 'a', { blockTime: at(1) });
    await drain();
    await database()
      .query.update(triggerConditions)
      .set({ config: { time_window: '2h' } })
      .where(eq(triggerConditions.triggerId, trigger));
    await noteChange(trigger);
    await chain.feed('confirm', 'b', { blockTime: at(2) });
    await drain();
    expect(await chain.matches([trigger])).toEqual([]);
    expect((await statesOf(trigger))[0]?.memory).toEqual({ times: [START + 2] });
    await database().query.delete(triggerConditions).where(eq(triggerConditions.triggerId, trigger));
    expect(await statesOf(trigger)).toEqual([]);
  });

  it('waits for a condition that is being deleted, and then leaves it out.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger(countTo('2'));
    await chain.feed('confirm', 'a');
    const deletion = await openTransaction((tx) =>
      tx.delete(triggerConditions).where(eq(triggerConditions.triggerId, trigger)),
    );
    const draining = newMatcher(chain.chainId).drain();
    await untilBlocked();
    await deletion.commit();
    await draining;
    expect(await statesOf(trigger)).toEqual([]);
    expect(await chain.cursor()).toBe(1);
  });
});

describe('what many triggers remember', () => {
  it('is read and moved in steps of so many memories at most, to the same end.', async () => {
    const chain = newChain();
    const order = [await chain.addTrigger(countTo('2')), await chain.addTrigger(countTo('2'))];
    for (let n = 0; n < 6; n += 1) {
      await chain.feed('confirm', `e${n}`, { agentId: String(n % 3), blockTime: at(n) });
    }
    const { matcher, drain } = newMatcher(chain.chainId, { memories: 3 });
    matcher.confirmedTo(START + 5);
    await matcher.step();
    expect(await chain.cursor()).toBe(2);
    await drain();
    const fired = ['e3', 'e4', 'e5'].flatMap((event) => [`0 ${event} 0 fire`, `1 ${event} 0 fire`]);
    expect((await chain.matches(order)).sort()).toEqual(fired.sort());
    expect(await statesOf(order[0] ?? '')).toHaveLength(3);
  });

  it('does not let time pass over entries that are left for the next step.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger(silence);
    for (const [n, after] of [0, 599, 1_198, 1_797].entries()) {
      await chain.feed('confirm', `e${n}`, { agentId: '1', blockTime: at(after) });
      await chain.feed('confirm', `f${n}`, { agentId: '2', blockTime: at(after) });
    }
    const { drain } = newMatcher(chain.chainId, { memories: 1 });
    await drain();
    expect(await chain.matches([trigger])).toEqual([]);
  });

  it('may be of more conditions than a statement has parameters.', async () => {
    const changed = Array.from({ length: 66_000 }, (_, n) => ({
      ...{ triggerId: crypto.randomUUID(), conditionId: -1 - n, groupKey: '1', fingerprint: 'x', memory: {} },
      ...{ held: false, dueAt: null, endsAt: 0, anchor: null },
    }));
    await database().transaction((tx) => writeStates(tx, 1, { changed, removed: [] }));
    expect(await readStates(database().query, changed)).toEqual([]);
  });
});

describe('a memory that is as good as none', () => {
  it('is forgotten by the time of the chain, up to where its matcher has come.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger(countTo('3'));
    const { drain } = newMatcher(chain.chainId);
    await chain.feed('confirm', 'a', { agentId: '1', blockTime: at(0) });
    await chain.feed('confirm', 'b', { agentId: '2', blockTime: at(3_599) });
    await drain();
    await chain.feed('confirm', 'c', { agentId: '3', blockTime: at(3_600) });
    await forgetMemories({ db: database() });
    expect(await statesOf(trigger)).toHaveLength(2);
    await drain();
    await forgetMemories({ db: database() });
    expect((await statesOf(trigger)).map(({ groupKey }) => groupKey)).toEqual(
      [2, 3].map((n) => `${chain.chainId}:${n}`),
    );
  });

  it('lasts four hundred days where nothing ends it by itself.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger({ conditions: [['score', 'lt', '5', 'ema_threshold', { window_size: 3 }]] });
    await chain.feed('confirm', 'a', { blockTime: at(0) });
    await newMatcher(chain.chainId).drain();
    expect(await statesOf(trigger)).toMatchObject([{ endsAt: START + 400 * 86_400 }]);
  });

  it('is not forgotten while it is being written, and not once it has been written.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger(countTo('3'));
    await chain.feed('confirm', 'a', { agentId: '1', blockTime: at(0) });
    await chain.feed('confirm', 'b', { agentId: '2', blockTime: at(9_000) });
    await newMatcher(chain.chainId).drain();
    const writing = await openTransaction((tx) =>
      tx
        .update(triggerStates)
        .set({ endsAt: START + 20_000 })
        .where(eq(triggerStates.triggerId, trigger)),
    );
    await forgetMemories({ db: database() });
    await writing.commit();
    await forgetMemories({ db: database() });
    expect(await statesOf(trigger)).toHaveLength(2);
  });
});

describe('what waits for time to pass', () => {
  it('goes on with the events of the chain, and past the last one up to where the chain is confirmed.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger(silence);
    const { matcher, drain } = newMatcher(chain.chainId);
    await chain.feed('confirm', 'a', { agentId: '1', blockTime: at(0) });
    await chain.feed('confirm', 'b', { agentId: '2', blockTime: at(700) });
    await drain();
    expect(await chain.matches([trigger])).toEqual(['0 a 0 fire']);
    matcher.confirmedTo(START + 1_299);
    await drain();
    expect(await chain.matches([trigger])).toHaveLength(1);
    matcher.confirmedTo(START + 1_300);
    await drain();
    await drain();
    expect(await chain.matches([trigger])).toEqual(['0 a 0 fire', '0 b 0 fire']);
  });

  it('is told once, also by two matchers at a time and in many small steps.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger(silence);
    for (let n = 0; n < 12; n += 1) await chain.feed('confirm', `e${n}`, { agentId: String(n), blockTime: at(n) });
    const matchers = [newMatcher(chain.chainId, { due: 2 }), newMatcher(chain.chainId, { due: 5 })];
    for (const { matcher } of matchers) matcher.confirmedTo(START + 5_000);
    await Promise.all(matchers.map(({ drain }) => drain()));
    for (const { drain } of matchers) await drain();
    expect(await chain.matches([trigger])).toHaveLength(12);
    expect((await chain.deliveriesOf(trigger)).length).toBe(12);
  });

  it('is forgotten when its trigger is disabled.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger(silence);
    const { matcher, drain } = newMatcher(chain.chainId);
    await chain.feed('confirm', 'a', { blockTime: at(0) });
    await drain();
    await database().query.update(triggers).set({ enabled: false }).where(eq(triggers.id, trigger));
    await noteChange(trigger);
    await chain.feed('confirm', 'b', { blockTime: at(900) });
    matcher.confirmedTo(START + 5_000);
    await drain();
    expect(await chain.matches([trigger])).toEqual([]);
    expect(await statesOf(trigger)).toEqual([]);
  });
});
