import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * How a server of the Model Context Protocol behaves: `json` and `sse` answer a call well, in either form; the others
 * fail as their name says. `expired` has forgotten the first session when the tool is called. `hostilePattern` is of the
 * revision of 2026-07-28; it has its tools asked for when one is called, and answers what their schema never ends to judge.
 */
export type McpBehaviour =
  | 'json'
  | 'sse'
  | 'error'
  | 'wrongArguments'
  | 'unknownTool'
  | 'expired'
  | 'hang'
  | 'hangInStream'
  | 'huge'
  | 'unauthorized'
  | 'busy'
  | 'redirect'
  | 'notMcp'
  | 'hostilePattern';

/** What one request asked for. */
export interface McpRequest {
  method: string;
  rpc: string | null;
  params: unknown;
  session: string | null;
  authorization: string | null;
}

interface Rpc {
  id?: number | string;
  method: string;
  params?: unknown;
}

const RESULTS: Partial<Record<McpBehaviour, object>> = {
  error: { content: [{ type: 'text', text: 'the disk is full' }], isError: true },
  wrongArguments: {
    content: [{ type: 'text', text: 'MCP error -32602: Invalid arguments for tool notify' }],
    isError: true,
  },
};

/** Backtracks twice as long with every character. */
const HOSTILE_SCHEMA = { type: 'object', properties: { text: { type: 'string', pattern: '^(a+)+$' } } };

/** What a server of the revision of 2026-07-28 answers, without sessions. */
function hostile(method: string, calls: number): object {
  const complete = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
  if (method === 'server/discover') {
    const serverInfo = { name: 'lab', version: '1' };
    return { result: { ...complete, supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, serverInfo } };
  }
  if (method === 'tools/list') {
    const tool = { name: 'notify', inputSchema: { type: 'object' }, outputSchema: HOSTILE_SCHEMA };
    return { result: { ...complete, tools: [tool] } };
  }
  if (calls === 1) return { error: { code: -32020, message: 'a header field is missing' } };
  const structuredContent = { text: `${'a'.repeat(40)}!` };
  return { result: { ...complete, content: [{ type: 'text', text: 'noted' }], structuredContent } };
}

/**
 * Servers by name, with sessions, after the revision of 2025-11-25: `PUT /mcp-servers/<name>` says how one behaves,
 * `/mcp/<name>` is its address, `GET /mcp-servers/<name>` tells what it was asked.
 */
export function createMcpServers() {
  const behaviours = new Map<string, McpBehaviour>();
  const received = new Map<string, McpRequest[]>();
  let sessions = 0;

  function call(behaviour: McpBehaviour, { id }: Rpc, session: string | null, response: ServerResponse): void {
    const answer = (content: object) => JSON.stringify({ jsonrpc: '2.0', id, ...content });
    const well = { content: [{ type: 'text', text: 'noted' }] };
    if (behaviour === 'hang') return;
    if (behaviour === 'expired' && session?.endsWith('-1')) return void response.writeHead(404).end();
    if (behaviour === 'sse' || behaviour === 'hangInStream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\n');
      if (behaviour === 'sse') response.end(`event: message\ndata: ${answer({ result: well })}\n\n`);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    if (behaviour === 'huge')
      response.end(answer({ result: { content: [{ type: 'text', text: 'x'.repeat(2_000_000) }] } }));
    else if (behaviour === 'unknownTool')
      response.end(answer({ error: { code: -32602, message: 'Unknown tool: nope' } }));
    else response.end(answer({ result: RESULTS[behaviour] ?? well }));
  }

  function initialize(name: string, { id }: Rpc, response: ServerResponse): void {
    sessions += 1;
    const earlier = (received.get(name) ?? []).filter(({ rpc }) => rpc === 'initialize').length;
    const headers = { 'content-type': 'application/json', 'mcp-session-id': `s${sessions}-${earlier}` };
    const result = {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'lab', version: '1' },
    };
    response.writeHead(200, headers).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  }

  function serve(name: string, request: IncomingMessage, body: string, response: ServerResponse): void {
    const rpc = body === '' ? undefined : (JSON.parse(body) as Rpc);
    const session = header(request, 'mcp-session-id');
    const asked: McpRequest = {
      method: request.method ?? '',
      rpc: rpc?.method ?? null,
      params: rpc?.params ?? null,
      session,
      authorization: header(request, 'authorization'),
    };
    received.set(name, [...(received.get(name) ?? []), asked]);
    const behaviour = behaviours.get(name) ?? 'json';
    if (behaviour === 'unauthorized') response.writeHead(401).end();
    else if (behaviour === 'busy') response.writeHead(429, { 'retry-after': '7' }).end();
    else if (behaviour === 'redirect') response.writeHead(307, { location: '/elsewhere' }).end();
    else if (behaviour === 'notMcp') response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    else if (request.method !== 'POST' || !rpc) response.writeHead(request.method === 'DELETE' ? 204 : 405).end();
    else if (behaviour === 'hostilePattern') {
      const calls = (received.get(name) ?? []).filter((earlier) => earlier.rpc === 'tools/call').length;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: rpc.id, ...hostile(rpc.method, calls) }));
    } else if (rpc.method === 'initialize') initialize(name, rpc, response);
    else if (session === null) response.writeHead(400).end('no session');
    else if (rpc.id === undefined) response.writeHead(202).end();
    else if (rpc.method === 'tools/call') call(behaviour, rpc, session, response);
    else response.writeHead(400).end(`no ${rpc.method} here`);
  }

  return {
    handle(request: IncomingMessage, url: URL, body: string, response: ServerResponse): boolean {
      const [, root, name = ''] = url.pathname.split('/');
      if (root === 'mcp') serve(name, request, body, response);
      else if (root === 'mcp-servers') {
        if (request.method === 'PUT') behaviours.set(name, JSON.parse(body) as McpBehaviour);
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(received.get(name) ?? []));
      } else return false;
      return true;
    },
  };
}

const header = ({ headers }: IncomingMessage, name: string): string | null => {
  const value = headers[name];
  return value === undefined ? null : String(value);
};
