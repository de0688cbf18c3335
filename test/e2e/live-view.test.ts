import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApi } from '../../scripts/demo/api.ts';
import { newFeedback } from '../../scripts/demo/emissions.ts';
import { emit, REGISTRIES } from '../../scripts/stack/registries.ts';
import { readMessages } from '../triggers/events/messages.ts';
import { interrupt, ownEnvironment, type Run, runScript } from './support/stack.ts';

/** The live view as a reader has it: over HTTP, from the running stack, while the chain goes on. */
const OWNER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const CHAIN_ID = 31_337;

let environment: Awaited<ReturnType<typeof ownEnvironment>>;
let stack: Run;
let baseUrl: string;
let token: string;

beforeAll(async () => {
  environment = await ownEnvironment();
  stack = runScript('dev', { ...environment.variables, DEFAULT_PLAN: 'enterprise' }, ['--fresh']);
  await stack.line('ready in');
  baseUrl = `http://127.0.0.1:${environment.ports.PORT}`;
  const account = { username: 'reader', email: 'reader@example.com', password: 'correct horse' };
  ({ token } = await openApi(baseUrl).post<{ token: string }>('/api/v1/auth/register', account));
});

afterAll(async () => {
  await interrupt(stack);
  await environment.remove();
});

/** A feedback of the agent on the stack's own chain; answers its transaction. */
function giveFeedback(agentId: bigint): Promise<string> {
  const { topics, data } = newFeedback(agentId, OWNER, 50n, 0);
  return emit(`http://127.0.0.1:${environment.ports.ANVIL_PORT}`, REGISTRIES.reputation, topics, data);
}

async function openView(query: string, lastEventId?: string) {
  const headers = {
    Authorization: `Bearer ${token}`,
    ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
  };
  const response = await fetch(`${baseUrl}/api/v1/events/stream${query}`, { headers });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const view = readMessages(response.body ?? new ReadableStream());
  return { ...view, opened: await view.block() };
}

describe('GET /api/v1/events/stream of the running stack', () => {
  it('tells of what happens on the chain, first as seen and then as confirmed', async () => {
    const view = await openView(`?chain_id=${CHAIN_ID}&agent_id=71`);
    expect(view.opened).toMatchObject({ id: expect.stringMatching(/^31337:\d+$/), type: '', data: undefined });
    await giveFeedback(72n);
    const transaction_hash = await giveFeedback(71n);
    const about = { event_type: 'NewFeedback', agent_id: 71, chain_id: CHAIN_ID, transaction_hash };
    expect(await view.next()).toMatchObject({ type: 'event', data: { ...about, status: 'observed' } });
    expect(await view.next()).toMatchObject({ type: 'confirm', data: { ...about, status: 'confirmed' } });
    await view.close();
  });

  it('goes on after its last message for a reader that was away', async () => {
    const query = `?chain_id=${CHAIN_ID}&status=confirmed`;
    const first = await openView(query);
    await giveFeedback(81n);
    const last = await first.next();
    expect(last).toMatchObject({ type: 'confirm', data: { agent_id: 81 } });
    await first.close();
    for (const agentId of [82n, 83n]) await giveFeedback(agentId);
    // Another reader sees when they are there.
    const witness = await openView(query, last.id);
    expect([await witness.next(), await witness.next()]).toMatchObject([
      { data: { agent_id: 82 } },
      { data: { agent_id: 83 } },
    ]);
    await witness.close();

    const second = await openView(query, last.id);
    expect(second.opened.id).toBe(last.id);
    await giveFeedback(84n);
    const seen = [await second.next(), await second.next(), await second.next()];
    expect(seen.map(({ type, data }) => [type, data?.['agent_id']])).toEqual([
      ['confirm', 82],
      ['confirm', 83],
      ['confirm', 84],
    ]);
    const positions = [last, ...seen].map(({ id }) => Number(id.split(':')[1]));
    expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
    await second.close();
  });

  it('refuses a place that is none', async () => {
    const headers = { Authorization: `Bearer ${token}`, 'Last-Event-ID': 'yesterday' };
    const response = await fetch(`${baseUrl}/api/v1/events/stream`, { headers });
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: 'validation_failed', details: [{ path: 'last-event-id' }] },
    ]);
  });
});
