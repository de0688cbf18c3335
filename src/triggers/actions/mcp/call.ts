import {
  type CallToolResult,
  Client,
  type JsonSchemaValidator,
  type jsonSchemaValidator,
  ProtocolError,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { parseRetryAfter } from '../../../outbound/attempt.ts';
import type { Json } from '../json-template.ts';
import type { ActionResult } from '../kind.ts';
import type { Exchange } from './exchange.ts';

export interface ToolCall {
  serverUrl: URL;
  token: string | undefined;
  tool: string;
  arguments: Record<string, Json>;
  /** Sent as the call's `_meta`: what a server can tell a repetition by. */
  meta: Record<string, string | number>;
  /** The release. */
  version: string;
}

/** JSON-RPC's "invalid params", which MCP also answers for a tool that it does not know, and "method not found". */
const INVALID_PARAMS = -32602;
const METHOD_NOT_FOUND = -32601;

const MAX_EXCERPT = 4 * 1024;

/**
 * Takes whatever a tool answers. A server that answers -32020 has the SDK fetch its tools and hold the result against
 * their output schemas, and a pattern in a schema would be run as it stands: one that backtracks without end stops the
 * isolate, which no timeout interrupts. Nothing here reads structured results.
 */
const UNCHECKED: jsonSchemaValidator = {
  getValidator<T>(): JsonSchemaValidator<T> {
    // As with the SDK's own validators, who asks says what it takes the data for.
    return (data) => ({ valid: true, data: data as T, errorMessage: undefined });
  },
};

/**
 * Calls a tool in a session of its own, over Streamable HTTP, and says what came of it. Servers of the revision of
 * 2026-07-28 and of those before are both understood; the SDK asks which one it has before it.
 */
export async function callTool(call: ToolCall, exchange: Exchange, now: Date): Promise<ActionResult> {
  const { token } = call;
  const transport = new StreamableHTTPClientTransport(call.serverUrl, {
    fetch: exchange.send,
    ...(token !== undefined && { authProvider: { token: async () => token } }),
  });
  // The server cannot ask anything back of a trigger.
  const client = new Client(
    { name: 'weir', version: call.version },
    {
      capabilities: {},
      versionNegotiation: { mode: 'auto' },
      inputRequired: { autoFulfill: false },
      jsonSchemaValidator: UNCHECKED,
    },
  );
  const { signal } = exchange;
  try {
    await client.connect(transport, { signal });
    const result = await client.callTool({ name: call.tool, arguments: call.arguments, _meta: call.meta }, { signal });
    return judgeResult(result, exchange);
  } catch (error) {
    return judgeFailure(error, error instanceof ProtocolError ? error.code : undefined, exchange, now);
  } finally {
    await transport.terminateSession().catch(() => undefined);
    await client.close().catch(() => undefined);
  }
}

/** What a tool said, as text: the excerpt of the attempt. */
function excerptOf({ content }: CallToolResult): string {
  const said = content.map((item) => (item.type === 'text' ? item.text : `[${item.type}]`)).join('\n');
  return said.slice(0, MAX_EXCERPT).toWellFormed().replaceAll('\0', '\uFFFD');
}

function judgeResult(result: CallToolResult, { last }: Exchange): ActionResult {
  const excerpt = excerptOf(result);
  const response = { status: last?.status ?? 200, excerpt };
  if (!result.isError) return { outcome: 'delivered', response };
  // Servers made with the SDK answer an unknown tool or wrong arguments with a result that quotes the error.
  const isPermanent = excerpt.includes(`MCP error ${INVALID_PARAMS}`);
  const error = isPermanent ? 'The server refused the tool or its arguments' : 'The tool answered with an error';
  return { outcome: isPermanent ? 'permanent' : 'retryable', response, error, receiverFailed: true };
}

function judgeFailure(error: unknown, code: number | undefined, exchange: Exchange, now: Date): ActionResult {
  const { last, refusal, signal } = exchange;
  const status = last?.status;
  const message = error instanceof Error ? error.message.slice(0, 500).toWellFormed().replaceAll('\0', '\uFFFD') : '';
  const response = status === undefined ? {} : { response: { status, excerpt: message } };
  if (refusal?.kind === 'refused') return { outcome: 'permanent', error: refusal.message };
  if (refusal) return { outcome: 'retryable', error: refusal.message, receiverFailed: true };
  if (exchange.tooLarge)
    return { outcome: 'permanent', error: 'The server answered with more than is read', receiverFailed: true };
  if (signal.aborted)
    return {
      outcome: 'retryable',
      error: 'The tool did not answer in time; it may have been called',
      receiverFailed: true,
    };
  if (exchange.unreachable)
    return { outcome: 'retryable', error: 'The destination could not be reached', receiverFailed: true };
  if (code === INVALID_PARAMS || code === METHOD_NOT_FOUND)
    return { outcome: 'permanent', ...response, error: `The server refused the call (${code})`, receiverFailed: true };
  if (status === 401 || status === 403)
    return {
      outcome: 'permanent',
      ...response,
      error: `The server answered ${status}: it does not let us in`,
      receiverFailed: true,
    };
  const retryAfterMs = parseRetryAfter(last?.retryAfter ?? null, now);
  return {
    outcome: 'retryable',
    ...response,
    error:
      status !== undefined && status >= 300
        ? `The server answered ${status}`
        : 'The server did not answer as MCP has it',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(status === 429 ? {} : { receiverFailed: true as const }),
  };
}
