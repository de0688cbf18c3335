import { eq } from 'drizzle-orm';
import { afterEach, describe, expect, it } from 'vitest';
import { callRpc } from '../../../scripts/stack/rpc.ts';
import { chainEvents } from '../../../src/triggers/ingest/table.ts';
import { database } from '../../support/database.ts';
import { mine, registered } from './logs.ts';
import { newWatcher, stopChains } from './watcher-fixture.ts';

afterEach(stopChains);

describe('the watcher of a chain', () => {
  it('delivers a log that is longer than a row of its storage may be', async () => {
    const watcher = await newWatcher();
    await callRpc(watcher.url, 'evm_setBlockGasLimit', ['0x77359400']);
    const agentURI = 'x'.repeat(1_500_000);
    await mine(watcher.url, registered(1, agentURI));
    await watcher.tick();
    const rows = await database()
      .query.select({ fields: chainEvents.fields, data: chainEvents.data })
      .from(chainEvents)
      .where(eq(chainEvents.chainId, watcher.chainId));
    expect(rows.map(({ fields }) => fields['agent_uri'])).toEqual([agentURI]);
    expect(rows[0]?.data).toBe(registered(1, agentURI).data);
  });
});
