import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import { createPools } from './neon-relay/pools.ts';
import { type Answer, answerSql } from './neon-relay/sql.ts';
import { type Address, openTunnel, parseAddress } from './neon-relay/tunnel.ts';

/** Neon's own limit for a request. */
const MAX_BODY_BYTES = 64 << 20;

export interface NeonRelayOptions {
  /** 0, the default, takes any free port. */
  port?: number;
  /** The one server it connects to; without it, whatever the connection string or the address names. */
  reach?: Address;
  maxConnections?: number;
  idleMs?: number;
}

export interface NeonRelay {
  /** Base address: `/sql` for HTTP, `/v2` for WebSockets. */
  url: string;
  /** Closes the connections that are in no one's use. */
  closeIdle(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Speaks the protocols of Neon's proxy in front of a plain PostgreSQL, so that `@neondatabase/serverless` runs
 * unchanged: `POST /sql` for single statements and batches, and a WebSocket for sessions.
 */
export async function startNeonRelay(options: NeonRelayOptions = {}): Promise<NeonRelay> {
  const { port = 0, reach, maxConnections = 20, idleMs = 1_000 } = options;
  const pools = createPools({ max: maxConnections, idleMs });
  const mayReach = (address: Address) => !reach || (address.host === reach.host && address.port === reach.port);

  const server = createServer((request, response) => void serve(request, response));

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => response.writableFinished || gone.abort());
    const answer = await answerTo(request, gone.signal).catch(
      (): Answer => ({ status: 400, body: { message: 'the request broke off' } }),
    );
    if (response.destroyed) return;
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
  }

  async function answerTo(request: IncomingMessage, gone: AbortSignal): Promise<Answer> {
    const path = new URL(request.url ?? '/', 'http://relay').pathname;
    if (request.method !== 'POST' || path !== '/sql') return refusal(404, 'only POST /sql is answered here');
    const connectionString = String(request.headers['neon-connection-string'] ?? '');
    const address = addressOf(connectionString);
    if (!address) return refusal(400, 'the Neon-Connection-String header must hold a postgresql:// address');
    if (!mayReach(address)) return refusal(403, 'this relay does not connect there');
    const text = await readBody(request);
    if (text === undefined) return refusal(413, `a request may hold ${MAX_BODY_BYTES} bytes`);
    return answerSql(pools, connectionString, request.headers, text, gone);
  }

  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://relay');
    const address = parseAddress(searchParams.get('address'));
    if (pathname !== '/v2' || !address || !mayReach(address)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => openTunnel(ws, address));
  });

  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the relay has no address');

  return {
    url: `http://127.0.0.1:${bound.port}`,
    closeIdle: pools.closeIdle,
    async stop() {
      server.close();
      for (const ws of sockets.clients) ws.terminate();
      server.closeAllConnections();
      await pools.close();
    },
  };
}

const refusal = (status: number, message: string): Answer => ({ status, body: { message } });

function addressOf(connectionString: string): Address | undefined {
  if (!/^postgres(ql)?:\/\//.test(connectionString) || !URL.canParse(connectionString)) return undefined;
  const { hostname, port } = new URL(connectionString);
  return { host: hostname, port: Number(port || 5432) };
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
