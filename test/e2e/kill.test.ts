import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../../scripts/demo/api.ts';
import { registered } from '../../scripts/demo/emissions.ts';
import { startReceiver } from '../../scripts/demo/receiver.ts';
import { type Anvil, startAnvil } from '../../scripts/stack/anvil.ts';
import { emit, installRegistries, REGISTRIES } from '../../scripts/stack/registries.ts';
import { interrupt, killAtOnce, killRuntime, ownEnvironment, type Run, runScript } from './support/stack.ts';

/**
 * Everything of ours is killed: with an hour's units spent, and while a delivery is matched and not yet made. The chain is somebody else's node, as in
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

/** The plan is that of whoever registers from then on. */
async function start(plan: 'starter' | 'enterprise') {
  stack = runScript('dev', { ...variables, DEFAULT_PLAN: plan });
  await stack.line('ready in');
}

beforeAll(async () => {
  environment = await ownEnvironment();
  anvil = await startAnvil({ blockTime: 1 });
  await installRegistries(anvil.url);
  variables = { ...environment.variables, RPC_URL_31337: anvil.url };
  await start('starter');
});

afterAll(async () => {
  await interrupt(stack);
  await anvil.stop();
  await environment.remove();
});

const baseUrl = () => `http://127.0.0.1:${environment.ports.PORT}`;

async function signedIn(): Promise<Api> {
  const name = `k-${crypto.randomUUID().slice(0, 8)}`;
  const account = { username: name, email: `${name}@example.com`, password: 'correct horse' };
  const { token } = await openApi(baseUrl()).post<{ token: string }>('/api/v1/auth/register', account);
  return openApi(baseUrl(), token);
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

interface Metered {
  status: number;
  degraded: boolean;
  limit: number;
  remaining: number;
  reset: number;
  retryAfter: number;
}

async function askMetered(key: string): Promise<Metered> {
  const { status, headers, body } = await fetch(`${baseUrl()}/api/v1/triggers`, { headers: { 'X-API-Key': key } });
  await body?.cancel();
  return {
    status,
    degraded: headers.has('X-RateLimit-Status'),
    limit: Number(headers.get('X-RateLimit-Limit')),
    remaining: Number(headers.get('X-RateLimit-Remaining')),
    reset: Number(headers.get('X-RateLimit-Reset')),
    retryAfter: Number(headers.get('Retry-After')),
  };
}

describe('an hour of a hundred units', () => {
  it('is granted once to five hundred calls at a time, and stays spent when the runtime is killed', async () => {
    const api = await signedIn();
    const body = { name: 'Burst', environment: 'live', key_type: 'standard', permissions: ['read'] };
    const { data } = await api.post<{ data: { key: string } }>('/api/v1/api-keys', body);
    // Making the key was charged, and this call is.
    const first = await askMetered(data.key);
    expect(first).toMatchObject({ status: 200, limit: 100, degraded: false });

    const answers = await Promise.all(Array.from({ length: 500 }, () => askMetered(data.key)));
    for (const answer of answers) expect(answer).toMatchObject({ limit: 100, degraded: false });
    const granted = answers.filter(({ status }) => status === 200);
    const left = granted.map(({ remaining }) => remaining).sort((a, b) => a - b);
    expect(left).toEqual(Array.from({ length: first.remaining }, (_, units) => units));
    for (const { reset } of granted) expect(reset).toBe(first.reset);
    for (const refused of answers.filter((answer) => !granted.includes(answer))) {
      expect(refused).toMatchObject({ status: 429, remaining: 0 });
      // Reckoned from two readings of the clock, each in whole seconds.
      expect(Math.abs(refused.reset - first.reset)).toBeLessThanOrEqual(1);
      expect(refused.retryAfter).toBeGreaterThan(0);
    }

    await killRuntime(environment.dataDir);
    killAtOnce(stack);
    await stack.exited;
    await start('enterprise');
    expect(await askMetered(data.key)).toMatchObject({ status: 429, limit: 100, remaining: 0, degraded: false });
  });
});

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

    await start('enterprise');
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
