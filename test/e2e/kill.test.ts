import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../../scripts/demo/api.ts';
import { registered } from '../../scripts/demo/emissions.ts';
import { startReceiver } from '../../scripts/demo/receiver.ts';
import { type Anvil, startAnvil } from '../../scripts/stack/anvil.ts';
import { emit, installRegistries, REGISTRIES } from '../../scripts/stack/registries.ts';
import { interrupt, killAtOnce, ownEnvironment, type Run, runScript } from './support/stack.ts';

/**
 * Everything of ours is killed while a delivery is matched and not yet made. The chain is somebody else's node, as in
 * production: it lives on.
 */
const OWNER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const DEADLINE_MS = 60_000;

let environment: Awaited<ReturnType<typeof ownEnvironment>>;
let anvil: Anvil;
let variables: Record<string, string>;
let stack: Run;

interface Delivery {
  id: string;
  status: string;
  attempts: { attempt: number; outcome: string }[];
}

async function start() {
  stack = runScript('dev', variables);
  await stack.line('ready in');
}

beforeAll(async () => {
  environment = await ownEnvironment();
  anvil = await startAnvil({ blockTime: 1 });
  await installRegistries(anvil.url);
  variables = { ...environment.variables, RPC_URL_31337: anvil.url };
  await start();
});

afterAll(async () => {
  await interrupt(stack);
  await anvil.stop();
  await environment.remove();
});

async function signedIn(): Promise<Api> {
  const baseUrl = `http://127.0.0.1:${environment.ports.PORT}`;
  const name = `k-${crypto.randomUUID().slice(0, 8)}`;
  const account = { username: name, email: `${name}@example.com`, password: 'correct horse' };
  const { token } = await openApi(baseUrl).post<{ token: string }>('/api/v1/auth/register', account);
  return openApi(baseUrl, token);
}

async function mintTrigger(api: Api, agentId: bigint, url: string): Promise<string> {
  const { data } = await api.post<{ data: { id: string } }>('/api/v1/triggers', {
    name: 'Mints',
    chain_id: 31_337,
    registry: 'identity',
  });
  const condition = { condition_type: 'event', field: 'agent_id', operator: 'equals', value: String(agentId) };
  await api.post(`/api/v1/triggers/${data.id}/conditions`, condition);
  await api.post(`/api/v1/triggers/${data.id}/actions`, { action_type: 'rest', config: { method: 'POST', url } });
  return data.id;
}

async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + DEADLINE_MS; Date.now() < end; ) {
    const found = await ask().catch(() => undefined);
    if (found !== undefined) return found;
    await delay(50);
  }
  throw new Error(`waited in vain until ${what}`);
}

describe('a stack that is killed', () => {
  it('between match and delivery delivers after the restart, once per delivery id', async () => {
    const receiver = await startReceiver();
    const api = await signedIn();
    const triggerId = await mintTrigger(api, 7n, receiver.url);
    const deliveries = async () => {
      const { data } = await api.get<{ data: Delivery[] }>(`/api/v1/triggers/${triggerId}/deliveries`);
      return data;
    };
    // The queue holds a hint for up to a second before a consumer gets it: the match is there, the delivery is not.
    const { topics, data } = registered(7n, OWNER);
    await emit(anvil.url, REGISTRIES.identity, topics, data);
    await until('the match is written', async () => (await deliveries()).find(({ status }) => status === 'pending'));
    killAtOnce(stack);
    await stack.exited;
    expect(receiver.arrivals).toHaveLength(0);

    await start();
    const [delivered] = await until('it is delivered', async () => {
      const found = await deliveries();
      return found.every(({ status }) => status === 'delivered') ? found : undefined;
    });
    expect(delivered?.attempts.filter(({ outcome }) => outcome === 'delivered')).toHaveLength(1);
    expect(await deliveries()).toHaveLength(1);
    expect(receiver.arrivals.map(({ headers }) => headers['webhook-id'])).toEqual([delivered?.id]);
    receiver.stop();
  });
});
