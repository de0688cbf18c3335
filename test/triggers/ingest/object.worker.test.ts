import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { asc, eq, sql } from 'drizzle-orm';
import { keccak256 } from 'viem';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { REGISTRIES as STUBS } from '../../../scripts/stack/registries.ts';
import { callRpc } from '../../../scripts/stack/rpc.ts';
import { chainEvents, undecodedLogs } from '../../../src/triggers/ingest/table.ts';
import { database } from '../../support/database.ts';
import { mine, registered } from './logs.ts';
import { HOUR, newWatcher, stopChains } from './watcher-fixture.ts';

afterEach(stopChains);

describe('the watcher of a chain', () => {
  it('brings the chain’s events to Postgres, through a reorganization and an eviction', async () => {
    const watcher = await newWatcher(2);
    await mine(watcher.url, registered(1), registered(2));
    await mine(watcher.url, registered(3));
    await watcher.tick();
    expect(await watcher.feed()).toEqual(['1 event 1', '2 event 2', '3 event 3', '4 confirm 1', '5 confirm 2']);
    await evictDurableObject(watcher.stub);
    await watcher.tick();
    expect(await watcher.feed()).toHaveLength(5);
    await callRpc(watcher.url, 'anvil_reorg', [1, []]);
    await evictDurableObject(watcher.stub);
    await mine(watcher.url, registered(4));
    await watcher.tick();
    expect((await watcher.feed()).slice(5)).toEqual(['6 retract 3', '7 event 4']);
    const rows = await database()
      .query.select({ agent: chainEvents.agentId, status: chainEvents.status })
      .from(chainEvents)
      .where(eq(chainEvents.chainId, watcher.chainId))
      .orderBy(asc(chainEvents.agentId));
    expect(rows.map(({ agent, status }) => `${agent} ${status}`)).toEqual([
      '1 confirmed',
      '2 confirmed',
      '3 reorged',
      '4 observed',
    ]);
  });

  it('keeps what Postgres does not take, through an eviction, and delivers it once afterwards', async () => {
    const watcher = await newWatcher();
    await watcher.tick();
    await mine(watcher.url, registered(1));
    await database().query.execute(sql`alter table chain_feed rename to chain_feed_away`);
    await watcher.tick();
    expect(await watcher.stub.status()).toMatchObject({
      cursor: 1,
      outbox: 2,
      lastError: expect.stringContaining('chain_feed'),
    });
    await evictDurableObject(watcher.stub);
    await database().query.execute(sql`alter table chain_feed_away rename to chain_feed`);
    await mine(watcher.url, registered(2));
    await watcher.tick();
    expect(await watcher.feed()).toEqual(['1 event 1', '2 confirm 1', '3 event 2', '4 confirm 2']);
    expect(await watcher.stub.status()).toMatchObject({ cursor: 2, outbox: 0, lastError: null });
  });

  it('goes on where Postgres’ record ends after its storage was lost', async () => {
    const watcher = await newWatcher();
    await mine(watcher.url, registered(1));
    await watcher.tick();
    await runInDurableObject(watcher.stub, (_, state) => state.storage.deleteAll());
    await evictDurableObject(watcher.stub);
    await watcher.assign();
    await mine(watcher.url, registered(2));
    await watcher.tick();
    expect(await watcher.feed()).toEqual(['1 event 1', '2 confirm 1', '3 event 2', '4 confirm 2']);
  });

  it('tells of itself, and keeps logs that it cannot decode', async () => {
    const watcher = await newWatcher();
    await mine(watcher.url, { to: STUBS.validation, topics: [keccak256('0x01')], data: '0xabcd' });
    await watcher.tick();
    expect(await watcher.stub.status()).toEqual({
      chainId: watcher.chainId,
      startBlock: 0,
      cursor: 1,
      head: 1,
      headSince: expect.stringMatching(/^20/),
      lag: 0,
      halted: null,
      endpoint: 0,
      endpoints: 1,
      seq: 2,
      outbox: 0,
      logs: 1,
      headers: 2,
      undecoded: 1,
      lastError: null,
    });
    const [log] = await database().query.select().from(undecodedLogs).where(eq(undecodedLogs.chainId, watcher.chainId));
    expect(log).toMatchObject({ blockNumber: 1, data: '0xabcd', topics: [keccak256('0x01')] });
    expect(await watcher.feed()).toEqual([]);
  });

  it('is started by the watchdog, which arms a lost alarm again but leaves a pending one alone', async () => {
    const { stub, chainId, url, alarm, feed } = await newWatcher();
    await mine(url, registered(1));
    expect(await stub.ensureRunning(chainId)).toBe(true);
    await vi.waitFor(async () => expect(await feed()).toEqual(['1 event 1', '2 confirm 1']), { timeout: 10_000 });
    await vi.waitFor(async () => expect(await alarm()).toBeGreaterThan(Date.now() + HOUR / 2), { timeout: 10_000 });
    const pending = await alarm();
    await stub.ensureRunning(chainId);
    expect(await alarm()).toBe(pending);
    await runInDurableObject(stub, (_, state) => state.storage.deleteAlarm());
    expect(await runDurableObjectAlarm(stub)).toBe(false);
    await stub.ensureRunning(chainId);
    await vi.waitFor(async () => expect(await alarm()).toBeGreaterThan(Date.now() + HOUR / 2), { timeout: 10_000 });
  });

  it('does nothing for a chain that is not watched', async () => {
    const stub = env.CHAIN_WATCHER.getByName('1');
    expect(await stub.ensureRunning(1)).toBe(false);
    expect(await stub.status()).toBeNull();
    await runInDurableObject(stub, (instance) => instance.alarm?.());
    expect(await runInDurableObject(stub, (_, state) => state.storage.getAlarm())).toBeNull();
  });
});
