/**
 * `npm run demo`, beside a running `npm run dev`: two triggers, three real transactions, and exactly the deliveries that
 * follow from them. Everything goes over HTTP, as a user of the product would do it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { type Api, openApi } from './demo/api.ts';
import { type Emission, newFeedback, registered } from './demo/emissions.ts';
import { type Arrival, startReceiver } from './demo/receiver.ts';
import { emit, REGISTRIES } from './stack/registries.ts';
import { LOCAL_CHAIN, readSettings } from './stack/settings.ts';

const DEADLINE_MS = 25_000;
const POLL_MS = 200;
const OWNER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';

interface Trigger {
  id: string;
  path: string;
  secret: string;
}

interface Listed {
  data: { id: string; status: string; transaction_hash: string }[];
}

const settings = readSettings(process.env);
const baseUrl = `http://localhost:${settings.port}`;
const rpcUrl = settings.worker[`RPC_URL_${LOCAL_CHAIN}`] ?? `http://127.0.0.1:${settings.anvilPort}`;
const say = (text: string) => console.log(text);

async function signIn(): Promise<Api> {
  const name = `demo-${crypto.randomUUID().slice(0, 8)}`;
  const password = crypto.randomUUID();
  const anyone = openApi(baseUrl);
  await anyone.post('/api/v1/auth/register', { username: name, email: `${name}@example.com`, password });
  const session = await anyone.post<{ token: string }>('/api/v1/auth/login', { username_or_email: name, password });
  say(`registered and signed in as ${name}`);
  return openApi(baseUrl, session.token);
}

async function createTrigger(api: Api, fields: object, condition: object, url: string, path: string): Promise<Trigger> {
  const trigger = await api.post<{ data: { id: string } }>('/api/v1/triggers', { chain_id: LOCAL_CHAIN, ...fields });
  const { id } = trigger.data;
  await api.post(`/api/v1/triggers/${id}/conditions`, condition);
  const config = { method: 'POST', url: url + path };
  const action = await api.post<{ data: { signing_secret: string } }>(`/api/v1/triggers/${id}/actions`, {
    action_type: 'rest',
    config,
  });
  return { id, path, secret: action.data.signing_secret };
}

/** Waits until every transaction's event is confirmed: by then every trigger has fired that is going to. */
async function awaitConfirmed(api: Api, transactions: readonly string[], until: number): Promise<void> {
  const wanted = new Set(transactions);
  while (Date.now() < until) {
    const events = await api.get<Listed>(`/api/v1/events?chain_id=${LOCAL_CHAIN}&status=confirmed&limit=100`);
    const found = events.data.filter(({ transaction_hash }) => wanted.has(transaction_hash));
    if (found.length >= wanted.size) return;
    await delay(POLL_MS);
  }
  throw new Error('the events were not confirmed in time');
}

/** Waits until what the triggers have to deliver is settled, and answers with the ids. */
async function awaitSettled(api: Api, triggers: readonly Trigger[], count: number, until: number): Promise<string[]> {
  for (;;) {
    const lists = await Promise.all(triggers.map(({ id }) => api.get<Listed>(`/api/v1/triggers/${id}/deliveries`)));
    const deliveries = lists.flatMap(({ data }) => data);
    const settled = deliveries.every(({ status }) => status === 'delivered');
    if (deliveries.length >= count && settled) return deliveries.map(({ id }) => id);
    if (Date.now() > until) throw new Error(`not delivered in time: ${JSON.stringify(deliveries)}`);
    await delay(POLL_MS);
  }
}

/** What a receiver does: checks the signature, then reads the event. Throws if either is not as expected. */
function check({ path, headers, body }: Arrival, expected: { trigger: Trigger; transaction: string }): void {
  if (path !== expected.trigger.path) throw new Error(`arrived at ${path} instead of ${expected.trigger.path}`);
  const event = new Webhook(expected.trigger.secret).verify(body, headers as Record<string, string>) as Record<
    string,
    unknown
  >;
  if (event['transaction_hash'] !== expected.transaction) throw new Error(`another transaction arrived: ${body}`);
  say(
    `  ${path}: ${event['event_type']} of agent ${event['agent_id']}${'score' in event ? `, score ${event['score']}` : ''}`,
  );
  say(`    block ${event['block_number']}, transaction ${event['transaction_hash']}`);
  say(`    delivery ${headers['webhook-id']}, signature verified`);
}

async function main(): Promise<void> {
  const until = Date.now() + DEADLINE_MS;
  const receiver = await startReceiver();
  try {
    const api = await signIn();
    const slug = `demo-${crypto.randomUUID().slice(0, 8)}`;
    const organization = await api.post<{ data: { id: string } }>('/api/v1/organizations', { name: 'Demo', slug });
    const organization_id = organization.data.id;
    say(`created the organization ${slug}`);

    const mints = await createTrigger(
      api,
      { name: 'Agents minted', registry: 'identity', organization_id },
      { condition_type: 'event', field: 'event_type', operator: 'equals', value: 'AgentMinted' },
      receiver.url,
      '/mints',
    );
    const badScores = await createTrigger(
      api,
      { name: 'Bad scores', registry: 'reputation', organization_id },
      { condition_type: 'event', field: 'score', operator: '<', value: '40' },
      receiver.url,
      '/bad-scores',
    );
    say('created two triggers with a REST action each');

    const send = ({ registry, topics, data }: Emission) => emit(rpcUrl, REGISTRIES[registry], topics, data);
    const agentId = BigInt(Date.now());
    const minted = await send(registered(agentId, OWNER));
    const bad = await send(newFeedback(agentId, OWNER, 3_250n, 2));
    const good = await send(newFeedback(agentId, OWNER, 95n, 0));
    say('sent three transactions: a mint, a score of 32.5 that matches and a score of 95 that does not');

    await awaitConfirmed(api, [minted, bad, good], until);
    const ids = await awaitSettled(api, [mints, badScores], 2, until);
    const arrivals = receiver.arrivals.toSorted((a, b) => b.path.localeCompare(a.path));
    if (arrivals.length !== 2 || ids.length !== 2)
      throw new Error(`${arrivals.length} deliveries arrived instead of 2`);
    say('arrived:');
    const [first, second] = arrivals;
    if (first) check(first, { trigger: mints, transaction: minted });
    if (second) check(second, { trigger: badScores, transaction: bad });
    say('exactly the expected deliveries arrived');
  } finally {
    receiver.stop();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
