import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';

/** What an upstream was sent. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  /** Names and values in turn, as they came. */
  rawHeaders: string[];
  body: Buffer;
}

export interface Upstream {
  url: string;
  port: number;
  /** Requests whose bodies have been read, in order. */
  received: Received[];
  /** Connections that were opened to it. */
  connections: number;
  stop(): Promise<void>;
}

type Answer = (request: Received, response: ServerResponse) => unknown;

const portOf = (server: Server) => (server.address() as AddressInfo).port;

/** A server that reads a request to its end before it answers. */
export const startUpstream = (answer: Answer): Promise<Upstream> =>
  serve((upstream) => async (request, response) => {
    const received = await receive(request).catch(() => undefined);
    if (!received) return;
    upstream.received.push(received);
    await answer(received, response);
  });

/** A server that sees a request as it comes in. */
export const startRawUpstream = (listener: RequestListener): Promise<Upstream> => serve(() => listener);

async function serve(listenerOf: (upstream: Upstream) => RequestListener, at = 0): Promise<Upstream> {
  const upstream: Upstream = { url: '', port: 0, received: [], connections: 0, stop: async () => undefined };
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, listenerOf(upstream));
  server.on('connection', () => {
    upstream.connections += 1;
  });
  server.listen(at, '127.0.0.1');
  await once(server, 'listening');
  upstream.port = portOf(server);
  upstream.url = `http://127.0.0.1:${upstream.port}`;
  upstream.stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return upstream;
}

/** The same server again on a port that it had before. */
export const startUpstreamAt = (port: number, answer: Answer): Promise<Upstream> =>
  serve(
    (upstream) => async (request, response) => {
      const received = await receive(request).catch(() => undefined);
      if (!received) return;
      upstream.received.push(received);
      await answer(received, response);
    },
    port,
  );

async function receive(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = '', url: path = '', headers, rawHeaders } = request;
  return { method, path, headers, rawHeaders, body: Buffer.concat(chunks) };
}

/** A server that speaks by the byte: `talk` is handed each connection with what its first data were. */
export async function startTalker(talk: (socket: Socket, first: string) => unknown): Promise<Upstream> {
  const sockets = new Set<Socket>();
  const upstream: Upstream = { url: '', port: 0, received: [], connections: 0, stop: async () => undefined };
  const server = createTcpServer((socket) => {
    upstream.connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    socket.once('data', (data) => void talk(socket, data.toString('latin1')));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  upstream.port = portOf(server);
  upstream.url = `http://127.0.0.1:${upstream.port}`;
  upstream.stop = async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return upstream;
}
