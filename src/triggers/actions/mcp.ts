import * as z from 'zod';
import { line, text } from '../../http/shapes.ts';
import { SECOND } from '../../kernel/clock.ts';
import { newBudget, usesName } from '../../kernel/template.ts';
import { checkUrl } from '../../outbound/guard.ts';
import { configCheck, faultAt, holdsStorable, originOf } from './config.ts';
import { templateValues } from './event-payload.ts';
import { faultsOfJson, renderJson, templatesIn } from './json-template.ts';
import { type ActionDelivery, type ActionKind, type ActionResult, MASK, type SenderDeps } from './kind.ts';
import { callTool, type ToolCall } from './mcp/call.ts';
import { CLOSE_WITHIN_MS, Exchange } from './mcp/exchange.ts';
import { sendingOf } from './sending.ts';

const MAX_ARGUMENTS = 64 * 1024;

const mcpConfig = z.strictObject({
  server_url: text(1, 2048),
  tool_name: line(1, 256),
  arguments: z
    .record(z.string(), z.json())
    .refine(
      (value) => JSON.stringify(value).length <= MAX_ARGUMENTS,
      `must have at most ${MAX_ARGUMENTS} characters as JSON`,
    )
    .refine(holdsStorable, 'must hold only well-formed Unicode without NUL')
    .optional(),
  /** Sent as a bearer token: RFC 6750 §2.1 bounds its characters. */
  auth_token: z
    .string()
    .max(4096, 'must have at most 4096 characters')
    .regex(/^[\x21-\x7e]+$/, 'must hold only visible ASCII characters')
    .optional(),
  timeout_ms: z
    .int()
    .min(1 * SECOND)
    .max(30 * SECOND)
    .optional(),
});

type McpConfig = z.output<typeof mcpConfig>;

const DEFAULT_TIMEOUT_MS = 30 * SECOND;

/**
 * Whether the tool can tell a retraction from a fire: its arguments say which one it is. Any other tool would take the
 * retraction for one more fire, so it is not called.
 */
const knowsRetractions = ({ arguments: given = {} }: McpConfig) =>
  templatesIn(given).some((template) => usesName(template, 'delivery.kind'));

function toolCall(delivery: ActionDelivery, config: McpConfig, version: string): ToolCall {
  const values = templateValues(delivery);
  const budget = newBudget();
  const given = Object.entries(config.arguments ?? {});
  return {
    serverUrl: new URL(config.server_url),
    token: config.auth_token,
    tool: config.tool_name,
    arguments: Object.fromEntries(given.map(([name, value]) => [name, renderJson(value, values, budget)])),
    meta: {
      'weir/delivery-id': delivery.id,
      'weir/delivery-kind': delivery.kind,
      'weir/trigger-id': delivery.trigger.id,
      'weir/attempt': delivery.attempt,
      ...(delivery.retracts === null ? {} : { 'weir/retracts': delivery.retracts }),
    },
    version,
  };
}

async function send(delivery: ActionDelivery, config: McpConfig, deps: SenderDeps): Promise<ActionResult> {
  if (delivery.kind === 'retraction' && !knowsRetractions(config)) {
    const error = 'The arguments do not use {{delivery.kind}}, so the tool could not tell a retraction from a fire';
    return { outcome: 'permanent', error };
  }
  const timeoutMs = config.timeout_ms ?? DEFAULT_TIMEOUT_MS;
  const startedAt = deps.clock().getTime();
  const call = toolCall(delivery, config, deps.version);
  const exchange = new Exchange(deps.guardedFetch, timeoutMs);
  const result = await callTool(call, exchange, deps.clock());
  const left = timeoutMs - (deps.clock().getTime() - startedAt);
  if (!exchange.sessionLost || result.outcome === 'delivered' || left <= 0) return result;
  return callTool(call, new Exchange(deps.guardedFetch, left), deps.clock());
}

export const mcp: ActionKind = {
  validate: configCheck(mcpConfig, ({ server_url, arguments: given = {} }, { outboundPolicy }) => {
    const check = server_url.includes('{{')
      ? { ok: false as const, reason: 'must not have templates' }
      : checkUrl(server_url, outboundPolicy);
    return [...faultAt('server_url', check.ok ? undefined : check.reason), ...faultsOfJson(given, 'arguments')];
  }),
  secretPaths: (config) => (config['auth_token'] === undefined ? [] : [['auth_token']]),
  audience: (config) => String(config['server_url']),
  endpoint: (config) => originOf(config['server_url']),
  ...sendingOf({
    schema: mcpConfig,
    what: 'arguments',
    // A lost session is begun anew within the same time; each of the two is ended.
    longestMs: ({ timeout_ms = DEFAULT_TIMEOUT_MS }) => timeout_ms + 2 * CLOSE_WITHIN_MS,
    render(delivery, config, { version }) {
      const { serverUrl, tool, arguments: given, meta, token } = toolCall(delivery, config, version);
      const authorization = token === undefined ? {} : { auth_token: MASK };
      return { server_url: serverUrl.href, tool_name: tool, arguments: given, _meta: meta, ...authorization };
    },
    send,
  }),
};
