import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, openApi } from '../../scripts/demo/api.ts';
import { newFeedback } from '../../scripts/demo/emissions.ts';
import { freePort } from '../../scripts/stack/ports.ts';
import { type Child, startChild } from '../../scripts/stack/process.ts';
import { emit, REGISTRIES } from '../../scripts/stack/registries.ts';
import type { Message } from '../../scripts/stack/telegram/server.ts';
import { interrupt, ownEnvironment, type Run, runScript } from './support/stack.ts';

/** The running stack calls the reference server of the Model Context Protocol, and the stand-in for Telegram. */
const OWNER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const DEADLINE_MS = 60_000;
const HOSTILE = '[x](http://evil.example) *{{owner}}* <a href="x">';

interface Delivery {
  status: string;
  attempts: { outcome: string; response_excerpt: string | null }[];
}

let environment: Awaited<ReturnType<typeof ownEnvironment>>;
let stack: Run;
let everything: Child;
let mcpUrl: string;
let api: Api;

async function startEverything() {
  const port = await freePort();
  const listening = Promise.withResolvers<void>();
  const program = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'));
  everything = await startChild({
    name: 'server-everything',
    command: process.execPath,
    args: [program, 'streamableHttp'],
    env: { ...process.env, PORT: String(port) },
    onLine: (line) => line.includes(`port ${port}`) && listening.resolve(),
  });
  await listening.promise;
  mcpUrl = `http://127.0.0.1:${port}/mcp`;
}

beforeAll(async () => {
  environment = await ownEnvironment();
  // The free plan's fifty requests an hour are fewer than these tests make.
  stack = runScript('dev', { ...environment.variables, DEFAULT_PLAN: 'enterprise' }, ['--fresh']);
  await Promise.all([stack.line('ready in'), startEverything()]);
  const baseUrl = `http://127.0.0.1:${environment.ports.PORT}`;
  const account = { username: 'actor', email: 'actor@example.com', password: 'correct horse' };
  const { token } = await openApi(baseUrl).post<{ token: string }>('/api/v1/auth/register', account);
  api = openApi(baseUrl, token);
});

afterAll(async () => {
  await everything.stop();
  await interrupt(stack);
  await environment.remove();
});

/** A trigger with a hostile name and one action that fires on a feedback of the agent; answers its only delivery. */
async function deliver(agentId: bigint, action: { action_type: string; config: object }): Promise<Delivery> {
  const trigger = { name: HOSTILE, chain_id: 31_337, registry: 'reputation' };
  const { data } = await api.post<{ data: { id: string } }>('/api/v1/triggers', trigger);
  const condition = { condition_type: 'event', field: 'agent_id', operator: 'equals', value: String(agentId) };
  await api.post(`/api/v1/triggers/${data.id}/conditions`, condition);
  await api.post(`/api/v1/triggers/${data.id}/actions`, action);
  const { topics, data: log } = newFeedback(agentId, OWNER, 3_250n, 2);
  await emit(`http://127.0.0.1:${environment.ports.ANVIL_PORT}`, REGISTRIES.reputation, topics, log);
  for (const end = Date.now() + DEADLINE_MS; Date.now() < end; await delay(100)) {
    const { data: found } = await api.get<{ data: Delivery[] }>(`/api/v1/triggers/${data.id}/deliveries`);
    if (found[0] && found[0].attempts.length > 0) return found[0];
  }
  throw new Error(`nothing was attempted for agent ${agentId}`);
}

/** A receiver that answers at once or never, with the ids of the agents that it was told about. */
async function startReceiver(answers: boolean) {
  const agents: unknown[] = [];
  /** Connections that ended without an answer. */
  let givenUp = 0;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    agents.push((JSON.parse(body) as { agent_id: unknown }).agent_id);
    if (answers) response.writeHead(204).end();
    else
      response.once('close', () => {
        givenUp += 1;
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    agents,
    stop,
    givenUp: () => givenUp,
  };
}

/** A trigger on every feedback; events of other tests would reach it too, so its receiver's are told by their agents. */
async function tellOfAll(url: string): Promise<void> {
  const trigger = { name: 'All', chain_id: 31_337, registry: 'reputation', match_all: true };
  const { data } = await api.post<{ data: { id: string } }>('/api/v1/triggers', trigger);
  const config = { method: 'POST', url, timeout_ms: 30_000 };
  await api.post(`/api/v1/triggers/${data.id}/actions`, { action_type: 'rest', config });
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + DEADLINE_MS; !holds(); await delay(50)) {
    if (Date.now() > end) throw new Error('it did not come to that');
  }
}

describe('the running stack', () => {
  it('calls a tool of the reference server, with text as text', async () => {
    const config = { server_url: mcpUrl, tool_name: 'echo', arguments: { message: '{{trigger.name}}: {{score}}' } };
    expect(await deliver(1n, { action_type: 'mcp', config })).toMatchObject({
      status: 'delivered',
      attempts: [{ outcome: 'delivered', response_excerpt: `Echo: ${HOSTILE}: 32.5` }],
    });
  });

  it('calls a tool that takes numbers, with numbers', async () => {
    const given = { a: '{{score | number | json}}', b: '{{agent_id | json}}' };
    const config = { server_url: mcpUrl, tool_name: 'get-sum', arguments: given };
    expect(await deliver(2n, { action_type: 'mcp', config })).toMatchObject({
      status: 'delivered',
      attempts: [{ response_excerpt: expect.stringContaining('34.5') }],
    });
  });

  it('fails for good at a tool that there is not', async () => {
    const config = { server_url: mcpUrl, tool_name: 'no-such-tool' };
    expect(await deliver(3n, { action_type: 'mcp', config })).toMatchObject({
      status: 'failed',
      attempts: [{ outcome: 'permanent' }],
    });
  });

  it.each([
    ['HTML', '<b>{{trigger.name}}</b> <code>{{score | number:2}}</code>'],
    ['MarkdownV2', '*{{trigger.name}}* `{{score | number:2}}`'],
  ])('sends a message in %s in which a hostile name is text', async (parse_mode, message_template) => {
    const url = (await stack.line('Telegram ')).match(/http:\S+/)?.[0] ?? '';
    const chat_id = parse_mode === 'HTML' ? '1' : '2';
    const config = { chat_id, message_template, parse_mode };
    const agentId = BigInt(chat_id) + 10n;
    expect(await deliver(agentId, { action_type: 'telegram', config })).toMatchObject({ status: 'delivered' });
    const messages = (await (await fetch(`${url}/messages`)).json()) as Message[];
    expect(messages.filter(({ chat }) => chat === chat_id)).toMatchObject([
      {
        text: `${HOSTILE} 32.50`,
        entities: [
          { type: 'bold', offset: 0, length: HOSTILE.length },
          { type: 'code', offset: HOSTILE.length + 1, length: 5 },
        ],
        linkPreview: false,
      },
    ]);
  });

  it('hands the next batches to receivers that answer while another one never does', async () => {
    const [quick, hanging] = [await startReceiver(true), await startReceiver(false)];
    await tellOfAll(quick.url);
    await tellOfAll(hanging.url);
    const chain = `http://127.0.0.1:${environment.ports.ANVIL_PORT}`;
    // One after the other, so that each is in a batch of its own; the queue hands over two at a time.
    for (const agentId of [501n, 502n, 503n, 504n]) {
      const { topics, data } = newFeedback(agentId, OWNER, 50n, 0);
      await emit(chain, REGISTRIES.reputation, topics, data);
      await until(() => quick.agents.includes(Number(agentId)));
      await until(() => hanging.agents.includes(Number(agentId)));
    }
    // Every one of them is still waited for.
    expect(hanging.givenUp()).toBe(0);
    quick.stop();
    hanging.stop();
  });
});
