/** The SDK inside workerd, through the guard, to small servers over real HTTP. */
import { describe, expect, it } from 'vitest';
import { createGuardedFetch } from '../../../src/outbound/guarded-fetch.ts';
import type { ActionDelivery } from '../../../src/triggers/actions/kind.ts';
import { mcp } from '../../../src/triggers/actions/mcp.ts';
import { policy } from '../../outbound/policy.ts';
import { newMcpServer, newReceiver } from '../../support/lab/client.ts';
import type { McpBehaviour } from '../../support/lab/mcp.ts';
import { delivery, eventRow, senderDeps } from './fixtures.ts';

function send(config: Record<string, unknown>, extra: Partial<ActionDelivery> = {}, allow = '127.0.0.1') {
  const event = eventRow({ score: '32.5', tag1: '{{owner}}"' });
  const deps = senderDeps({
    guardedFetch: createGuardedFetch({
      fetch: (input, init) => fetch(input, init),
      policy: policy(allow),
      resolve: async () => ({ kind: 'failed', reason: 'nothing is looked up here' }),
    }),
  });
  return mcp.send(delivery({ event, config: { tool_name: 'notify', ...config }, ...extra }), deps);
}

const sendTo = async (behaviour: McpBehaviour, config: Record<string, unknown> = {}) => {
  const server = await newMcpServer(behaviour);
  const result = await send({ server_url: server.url, ...config });
  return { result, requests: await server.received() };
};

describe('an MCP action', () => {
  it('calls its tool in a session of its own, and ends the session', async () => {
    const { result, requests } = await sendTo('json', {
      auth_token: 'abc.def',
      arguments: {
        text: 'Agent {{agent.id}}: {{tag1}}',
        score: '{{score | number | json}}',
        nothing: '{{tag2 | json}}',
        event: '{{event | json}}',
        text_score: '{{score}}',
        count: 3,
      },
    });
    expect(result).toEqual({ outcome: 'delivered', response: { status: 200, excerpt: 'noted' } });
    expect(requests.map(({ method, rpc }) => [method, rpc])).toEqual([
      ['POST', 'server/discover'],
      ['POST', 'initialize'],
      ['POST', 'notifications/initialized'],
      ['POST', 'tools/call'],
      ['DELETE', null],
    ]);
    expect(new Set(requests.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer abc.def']));
    expect(requests[3]?.params).toMatchObject({
      name: 'notify',
      arguments: {
        text: 'Agent 42: {{owner}}"',
        score: 32.5,
        nothing: null,
        event: { agent_id: 42, event_type: 'NewFeedback', tag1: '{{owner}}"' },
        text_score: '32.5',
        count: 3,
      },
      _meta: { 'weir/delivery-id': delivery().id, 'weir/delivery-kind': 'fire', 'weir/attempt': 1 },
    });
  });

  it('understands an answer that comes as a stream', async () => {
    expect((await sendTo('sse')).result).toMatchObject({ outcome: 'delivered', response: { excerpt: 'noted' } });
  });

  it('runs no pattern that a server has it fetch, and takes its answer', async () => {
    const { result, requests } = await sendTo('hostilePattern');
    expect(result).toEqual({ outcome: 'delivered', response: { status: 200, excerpt: 'noted' } });
    expect(requests.map(({ rpc }) => rpc)).toEqual(['server/discover', 'tools/call', 'tools/list', 'tools/call']);
  });

  it('begins a session anew, once, when the server has forgotten it', async () => {
    const { result, requests } = await sendTo('expired');
    expect(result).toMatchObject({ outcome: 'delivered' });
    expect(requests.filter(({ rpc }) => rpc === 'initialize')).toHaveLength(2);
    expect(requests.filter(({ rpc }) => rpc === 'tools/call')).toHaveLength(2);
  });

  it.each<[McpBehaviour, object]>([
    [
      'error',
      {
        outcome: 'retryable',
        error: 'The tool answered with an error',
        response: { status: 200, excerpt: 'the disk is full' },
        receiverFailed: true,
      },
    ],
    ['wrongArguments', { outcome: 'permanent', error: 'The server refused the tool or its arguments' }],
    ['unknownTool', { outcome: 'permanent', error: 'The server refused the call (-32602)' }],
    ['unauthorized', { outcome: 'permanent', error: 'The server answered 401: it does not let us in' }],
    ['busy', { outcome: 'retryable', error: 'The server answered 429', retryAfterMs: 7_000 }],
    ['redirect', { outcome: 'retryable', error: 'The server answered 307', receiverFailed: true }],
    ['notMcp', { outcome: 'retryable', error: 'The server did not answer as MCP has it', receiverFailed: true }],
    ['huge', { outcome: 'permanent', error: 'The server answered with more than is read', receiverFailed: true }],
  ])('at a server that answers with %s comes to %j', async (behaviour, expected) => {
    const { result, requests } = await sendTo(behaviour);
    expect(result).toMatchObject(expected);
    if (behaviour === 'busy') expect(result.receiverFailed).toBeUndefined();
    if (behaviour === 'redirect') expect(requests.every(({ method }) => method === 'POST')).toBe(true);
  });

  it.each<McpBehaviour>(['hang', 'hangInStream'])(
    'gives up on a server that does not answer (%s)',
    async (behaviour) => {
      const { result, requests } = await sendTo(behaviour, { timeout_ms: 1_000 });
      const error = 'The tool did not answer in time; it may have been called';
      expect(result).toEqual({ outcome: 'retryable', error, receiverFailed: true });
      expect(requests.at(-1)).toMatchObject({ method: 'DELETE' });
    },
  );

  it('gives up on a server that hangs up', async () => {
    const { url } = await newReceiver([{ hangUp: true }]);
    const expected = { outcome: 'retryable', error: 'The destination could not be reached', receiverFailed: true };
    expect(await send({ server_url: url })).toEqual(expected);
  });

  it('sends nothing to an address that nothing is sent to', async () => {
    const server = await newMcpServer();
    const result = await send({ server_url: server.url }, {}, '');
    expect(result).toEqual({ outcome: 'permanent', error: 'The address must name a host, not an IP address' });
    expect(await server.received()).toEqual([]);
  });

  it('tells a retraction only to a tool whose arguments say which it is', async () => {
    const server = await newMcpServer();
    const retraction = { kind: 'retraction', retracts: 'earlier' } as const;
    expect(await send({ server_url: server.url }, retraction)).toEqual({
      outcome: 'permanent',
      error: 'The arguments do not use {{delivery.kind}}, so the tool could not tell a retraction from a fire',
    });
    expect(await server.received()).toEqual([]);
    const given = { kind: '{{delivery.kind}}', of: '{{delivery.retracts}}' };
    expect(await send({ server_url: server.url, arguments: given }, retraction)).toMatchObject({
      outcome: 'delivered',
    });
    const call = (await server.received()).find(({ rpc }) => rpc === 'tools/call');
    expect(call?.params).toMatchObject({
      arguments: { kind: 'retraction', of: 'earlier' },
      _meta: { 'weir/retracts': 'earlier' },
    });
  });
});
