import { setTimeout as delay } from 'node:timers/promises';
import { openApi } from '../../../scripts/demo/api.ts';
import { newFeedback } from '../../../scripts/demo/emissions.ts';
import { type Anvil, startAnvil } from '../../../scripts/stack/anvil.ts';
import { emit, installRegistries, REGISTRIES } from '../../../scripts/stack/registries.ts';
import { interrupt, ownEnvironment, runScript } from '../../e2e/support/stack.ts';
import { type Receiver, startReceiver } from './receivers.ts';

const OWNER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
export const FAST = 4;
const LOOK_EVERY_MS = 20;

/** After so long without an arrival what is missing counts as lost. */
const SILENCE_MS = 90_000;

/** What a stretch of events came to at the receivers that answer. */
export interface Stretch {
  /** Milliseconds from before an event's transaction to the end of an answer, ascending; one for each delivery. */
  latencies: number[];
  deliveriesPerSecond: number;
}

export interface Rig {
  /** Sends events, so many milliseconds from one to the next, and waits for every answer of the fast receivers. */
  run(events: number, everyMs: number): Promise<Stretch>;
  /** The same while every event also goes to a receiver that never answers. */
  runBesideHanging(events: number, everyMs: number): Promise<Stretch>;
  stop(): Promise<void>;
}

/** The whole stack, a chain that mines every transaction at once, and a trigger on every event for each of four receivers. */
export async function startRig(): Promise<Rig> {
  const environment = await ownEnvironment();
  const anvil = await startAnvil();
  await installRegistries(anvil.url);
  const variables = { ...environment.variables, RPC_URL_31337: anvil.url, DEFAULT_PLAN: 'enterprise' };
  const stack = runScript('dev', variables);
  const fast = await Promise.all(Array.from({ length: FAST }, () => startReceiver(true)));
  const stop = async () => {
    for (const receiver of fast) receiver.stop();
    await interrupt(stack);
    await anvil.stop();
    await environment.remove();
  };
  try {
    await stack.line('ready in');
    const triggers = await openTriggers(`http://127.0.0.1:${environment.ports.PORT}`);
    for (const receiver of fast) await triggers.add(receiver);
    const run: Rig['run'] = (events, everyMs) => runStretch(anvil, fast, { events, everyMs });
    return { run, runBesideHanging: (...stretch) => besideHanging(triggers, () => run(...stretch)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The hanging receiver's trigger goes with its deliveries, its circuit and whatever waits for an answer. */
async function besideHanging(triggers: Triggers, run: () => Promise<Stretch>): Promise<Stretch> {
  const hanging = await startReceiver(false);
  try {
    const id = await triggers.add(hanging);
    const stretch = await run();
    await triggers.remove(id);
    return stretch;
  } finally {
    hanging.stop();
  }
}

async function runStretch(
  { url }: Anvil,
  fast: readonly Receiver[],
  { events, everyMs }: { events: number; everyMs: number },
): Promise<Stretch> {
  for (const { accepted } of fast) accepted.splice(0);
  const sent = new Map<string, number>();
  const began = performance.now();
  for (let n = 0; n < events; n++) {
    const early = began + n * everyMs - performance.now();
    if (early > 0) await delay(early);
    const { topics, data } = newFeedback(BigInt(n + 1), OWNER, 50n, 0);
    const at = performance.now();
    sent.set(await emit(url, REGISTRIES.reputation, topics, data), at);
  }
  await untilAccepted(fast, events * FAST);
  const all = fast.flatMap(({ accepted }) => accepted);
  const latencies = all.map(({ transaction, at }) => at - (sent.get(transaction) ?? Number.NaN));
  const seconds = (Math.max(...all.map(({ at }) => at)) - began) / 1_000;
  return { latencies: latencies.sort((a, b) => a - b), deliveriesPerSecond: all.length / seconds };
}

async function untilAccepted(fast: readonly Receiver[], count: number): Promise<void> {
  const arrived = () => fast.reduce((sum, { accepted }) => sum + accepted.length, 0);
  let last = arrived();
  for (let since = Date.now(); last < count; await delay(LOOK_EVERY_MS)) {
    if (arrived() > last) since = Date.now();
    last = arrived();
    if (Date.now() - since > SILENCE_MS) throw new Error(`${count - last} of ${count} deliveries did not arrive`);
  }
}

interface Triggers {
  /** A trigger on every feedback with one action, to this receiver; answers its id. */
  add(receiver: Receiver): Promise<string>;
  remove(id: string): Promise<void>;
}

async function openTriggers(baseUrl: string): Promise<Triggers> {
  const account = { username: 'bench', email: 'bench@example.com', password: 'correct horse' };
  const { token } = await openApi(baseUrl).post<{ token: string }>('/api/v1/auth/register', account);
  const api = openApi(baseUrl, token);
  return {
    async add({ url }) {
      const fields = { name: 'Feedback', chain_id: 31_337, registry: 'reputation', match_all: true };
      const { data } = await api.post<{ data: { id: string } }>('/api/v1/triggers', fields);
      await api.post(`/api/v1/triggers/${data.id}/actions`, { action_type: 'rest', config: { method: 'POST', url } });
      return data.id;
    },
    async remove(id) {
      const headers = { Authorization: `Bearer ${token}` };
      const { status } = await fetch(`${baseUrl}/api/v1/triggers/${id}`, { method: 'DELETE', headers });
      if (status !== 204) throw new Error(`the trigger's deletion answered ${status}`);
    },
  };
}
