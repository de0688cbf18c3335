import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { eq, sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { triggers } from '../../../src/triggers/rules/table.ts';
import { database } from '../../support/database.ts';
import { breakInserts, newChain } from './chain-fixture.ts';

const matcherOf = (chainId: number) => env.TRIGGER_MATCHER.getByName(String(chainId));

const alarmOf = (chainId: number) =>
  runInDurableObject(matcherOf(chainId), (_instance, state) => state.storage.getAlarm());

describe('the matcher of a chain', () => {
  it('deals with all that the feed holds when it is woken, and then rests.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger({ actions: [] });
    await chain.feed('confirm', 'a');
    await chain.feed('confirm', 'b');
    await matcherOf(chain.chainId).wake(chain.chainId);
    expect(await chain.matches([trigger])).toEqual(['0 a 0 fire', '0 b 0 fire']);
    expect(await matcherOf(chain.chainId).status()).toEqual({
      chainId: chain.chainId,
      cursor: 2,
      rules: 1,
      broken: [],
      lastError: null,
    });
    expect(await alarmOf(chain.chainId)).toBeNull();
  });

  it('sees what was written before a call that joins a running turn.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger({ actions: [] });
    const calls: Promise<void>[] = [];
    for (let count = 0; count < 8; count += 1) {
      await chain.feed('confirm', `${count}`);
      calls.push(matcherOf(chain.chainId).wake(chain.chainId));
    }
    await Promise.all(calls);
    expect((await chain.matches([trigger])).length).toBe(8);
    expect(await chain.cursor()).toBe(8);
  });

  it('tries again by its alarm after a failure, and loses nothing.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger({ actions: [] });
    await chain.feed('confirm', 'a');
    const { repair } = await breakInserts('trigger_matches');
    await matcherOf(chain.chainId).wake(chain.chainId);
    expect(await chain.matches([trigger])).toEqual([]);
    expect((await matcherOf(chain.chainId).status()).lastError).toContain('broken');
    expect(await alarmOf(chain.chainId)).toEqual(expect.any(Number));
    await repair();
    await runDurableObjectAlarm(matcherOf(chain.chainId));
    await matcherOf(chain.chainId).wake(chain.chainId);
    expect(await chain.matches([trigger])).toEqual(['0 a 0 fire']);
    expect((await matcherOf(chain.chainId).status()).lastError).toBeNull();
    expect(await alarmOf(chain.chainId)).toBeNull();
  });

  it('goes on in an alarm when the backlog is longer than one turn.', async () => {
    const chain = newChain();
    const trigger = await chain.addTrigger({ actions: [], conditions: [['log_index', '=', '10001']] });
    await database().query.execute(chain.manyEvents(Array.from({ length: 10_001 }, (_, index) => `${index}`)));
    await database().query.execute(sql`
      insert into chain_feed (chain_id, seq, operation, event_id, recorded_at)
      select chain_id, log_index, 'confirm', id, recorded_at from chain_events where chain_id = ${chain.chainId}`);
    await matcherOf(chain.chainId).wake(chain.chainId);
    expect(await chain.cursor()).toBeGreaterThanOrEqual(10_000);
    await runDurableObjectAlarm(matcherOf(chain.chainId));
    await matcherOf(chain.chainId).wake(chain.chainId);
    expect(await chain.matches([trigger])).toEqual(['0 10000 0 fire']);
    expect(await chain.cursor()).toBe(10_001);
  });

  it('says which triggers it cannot read.', async () => {
    const chain = newChain();
    const broken = await chain.addTrigger({ actions: [], conditions: [['colour', '=', 'red']] });
    await chain.feed('confirm', 'a');
    await matcherOf(chain.chainId).wake(chain.chainId);
    expect(await matcherOf(chain.chainId).status()).toMatchObject({
      cursor: 1,
      rules: 0,
      broken: [broken],
      lastError: null,
    });
    await database().query.delete(triggers).where(eq(triggers.id, broken));
  });

  it('does nothing when its alarm rings before it was ever woken.', async () => {
    const { chainId } = newChain();
    await runInDurableObject(matcherOf(chainId), (instance) => instance.alarm?.());
    expect(await matcherOf(chainId).status()).toEqual({
      chainId: null,
      cursor: null,
      rules: 0,
      broken: [],
      lastError: null,
    });
  });
});
