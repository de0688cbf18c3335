import { eq } from 'drizzle-orm';
import { afterEach, describe, expect, it } from 'vitest';
import { REGISTRIES as STUBS } from '../../../scripts/stack/registries.ts';
import { callRpc } from '../../../scripts/stack/rpc.ts';
import { chainEvents } from '../../../src/triggers/ingest/table.ts';
import { database } from '../../support/database.ts';
import { mine, registered } from './logs.ts';
import { newWatcher, stopChains } from './watcher-fixture.ts';

afterEach(stopChains);

const BYTES = 1_500_000;

/** A contract that emits one log with so many zero bytes, which no JSON-RPC request could carry to a node. */
function emitterOf(topics: readonly string[]): string {
  const push32 = (word: string) => `7f${word.slice(2)}`;
  const size = `63${BYTES.toString(16).padStart(8, '0')}`;
  return `0x${[...topics].reverse().map(push32).join('')}${size}5f${(0xa0 + topics.length).toString(16)}00`;
}

describe('the watcher of a chain', () => {
  it('delivers a log that is longer than a row of its storage may be', async () => {
    const watcher = await newWatcher();
    const log = registered(1);
    await callRpc(watcher.url, 'anvil_setCode', [STUBS.identity, emitterOf(log.topics)]);
    await mine(watcher.url, log);
    await watcher.tick();
    const rows = await database()
      .query.select({ agentId: chainEvents.agentId, data: chainEvents.data, status: chainEvents.status })
      .from(chainEvents)
      .where(eq(chainEvents.chainId, watcher.chainId));
    expect(rows.map(({ agentId, status }) => [agentId, status])).toEqual([['1', 'confirmed']]);
    expect(rows[0]?.data === `0x${'0'.repeat(2 * BYTES)}`).toBe(true);
    expect(await watcher.stub.status()).toMatchObject({ outbox: 0, lastError: null });
  });
});
