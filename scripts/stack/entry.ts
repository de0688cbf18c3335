import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createProxyServer } from 'httpxy';
import ipaddr from 'ipaddr.js';
import { LOOPBACK } from './ports.ts';

/** workerd ends a connection after 15 s without a request (measured): one taken up again at that moment would break. */
const KEEP_IDLE_MS = 10_000;

/** What Cloudflare takes in all of a request's headers (developers.cloudflare.com/workers/platform/limits). */
const MAX_HEADER_BYTES = 128 << 10;

export interface EntryOptions {
  /** 0, the default, takes any free port. */
  port?: number;
  /** Where the Worker answers: `http://127.0.0.1:<port>`. */
  target: string;
  onError?: (error: Error) => void;
}

export interface Entry {
  port: number;
  /** Settles when it can take no more connections, with the reason. */
  exited: Promise<string>;
  stop(): Promise<void>;
}

/**
 * What Cloudflare's edge is in front of the deployed Worker: `CF-Connecting-IP` says who is connected, whatever the
 * caller wrote there (developers.cloudflare.com/fundamentals/reference/http-headers). The local runtime passes a
 * caller's own value on. All else goes through unchanged, both ways as it comes.
 */
export async function startEntry({ port = 0, target, onError = () => undefined }: EntryOptions): Promise<Entry> {
  const agent = new Agent({ keepAlive: true, timeout: KEEP_IDLE_MS });
  const proxy = createProxyServer({ target });
  // How long an upload may take is the Worker's affair.
  const options = { requestTimeout: 0, maxHeaderSize: MAX_HEADER_BYTES, shouldUpgradeCallback: isWebSocket };
  const server = createServer(options, (request, response) => {
    if (hasTwoHosts(request)) return refuseRequest(response);
    endConnectionFields(request);
    setAddress(request);
    // Whoever names no coding may get any (RFC 9110 §12.5.3), but Cloudflare sends such a client none.
    request.headers['accept-encoding'] ??= 'identity';
    ignoreUpgrade(request);
    proxy.web(request, response, { agent }).catch(onError);
  });
  const webSockets = new Map<Socket, 'asked for' | 'open'>();
  server.on('upgrade', (request, socket: Socket, head) => {
    setAddress(request);
    webSockets.set(socket, 'asked for');
    socket.once('close', () => webSockets.delete(socket));
    proxy.ws(request, socket, {}, head).catch(onError);
  });
  proxy.on('proxyReqWs', (outgoing, _request, socket) => {
    outgoing.once('upgrade', (_response, upstream) => {
      webSockets.set(socket, 'open');
      socket.once('close', () => upstream.end());
    });
  });
  proxy.on('error', (error, _request, caller) => {
    if (!caller || caller.destroyed) return;
    onError(error);
    if (caller instanceof ServerResponse) refuse(caller);
    else if (webSockets.get(caller) === 'asked for') caller.end(REFUSED_UPGRADE);
    else caller.destroy();
  });

  server.listen(port, LOOPBACK);
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the entry has no address');
  return {
    port: bound.port,
    exited: new Promise((resolve) => server.once('error', ({ message }) => resolve(message))),
    async stop() {
      server.close();
      server.closeAllConnections();
      for (const socket of webSockets.keys()) socket.destroy();
      agent.destroy();
    },
  };
}

const REFUSAL = 'The Worker does not answer.\n';
const REFUSED_UPGRADE = `HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-length: ${REFUSAL.length}\r\n\r\n${REFUSAL}`;

function refuse(response: ServerResponse): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(502, { 'content-type': 'text/plain', connection: 'close' }).end(REFUSAL);
}

/** RFC 9112 §3.2 demands a 400; Node takes the first of them. */
const hasTwoHosts = ({ rawHeaders }: IncomingMessage): boolean =>
  rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'host').length > 1;

function refuseRequest(response: ServerResponse): void {
  response.writeHead(400, { 'content-type': 'text/plain', connection: 'close' }).end('Two hosts.\n');
}

/** What a proxy keeps to itself (RFC 9110 §7.6.1). Node would throw at a `Trailer` where there are no chunks. */
function endConnectionFields({ headers }: IncomingMessage): void {
  for (const named of headers.connection?.split(',') ?? []) {
    const name = named.trim().toLowerCase();
    if (!UNNAMEABLE.has(name)) delete headers[name];
  }
  delete headers.trailer;
}

/** What a caller cannot take away by naming it. */
const UNNAMEABLE: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
]);

const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === 'websocket';

/** An upgrade that is not offered is answered as a plain request (RFC 9110, 7.8): clients ask for `h2c` by themselves. */
function ignoreUpgrade({ headers }: IncomingMessage): void {
  if (headers.upgrade === undefined) return;
  delete headers.upgrade;
  headers.connection = 'keep-alive';
}

/** The address of a socket as Cloudflare writes it: an IPv4 caller of an IPv6 socket has its IPv4 address. */
export const plainAddress = (address: string): string => ipaddr.process(address).toString();

function setAddress({ socket, headers }: IncomingMessage): void {
  // Without one the caller has gone already.
  if (socket.remoteAddress === undefined) delete headers['cf-connecting-ip'];
  else headers['cf-connecting-ip'] = plainAddress(socket.remoteAddress);
}
