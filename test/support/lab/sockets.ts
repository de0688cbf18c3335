import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

/** What a socket of the lab has seen of the connection that somebody opened to it. */
export interface SeenSocket {
  path: string;
  headers: Record<string, string>;
  closed: { code: number; reason: string } | null;
}

/**
 * A WebSocket server at `/sockets/<name>` that sends every message back, and agrees to the first sub-protocol. Some texts
 * are orders: `close <code> <reason>`, `close` (without a code), `die` (cuts the connection), `headers`. At
 * `/sockets/<name>/refuse` it answers the handshake with 403. `POST /sockets` tells what one has seen.
 */
export function createSocketServers() {
  const server = new WebSocketServer({ noServer: true, handleProtocols: ([first]) => first ?? false });
  const seen = new Map<string, SeenSocket[]>();

  function obey(socket: WebSocket, connection: Duplex, headers: object, data: Buffer, isBinary: boolean): void {
    const [order, code, ...reason] = isBinary ? [] : data.toString().split(' ');
    if (order === 'die') connection.destroy();
    else if (order === 'close' && code !== undefined) socket.close(Number(code), reason.join(' '));
    else if (order === 'close') socket.close();
    else socket.send(order === 'headers' ? JSON.stringify(headers) : data, { binary: isBinary });
  }

  return {
    upgrade(request: IncomingMessage, connection: Duplex, head: Buffer): void {
      const path = request.url ?? '/';
      const [, root, name = '', ...rest] = path.split(/[/?]/);
      if (root !== 'sockets' || rest[0] === 'refuse') {
        connection.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\nX-Own: yes\r\nConnection: close\r\n\r\nrefused');
        return;
      }
      server.handleUpgrade(request, connection, head, (socket) => {
        const headers = Object.fromEntries(Object.entries(request.headers).map(([key, value]) => [key, String(value)]));
        const one: SeenSocket = { path, headers, closed: null };
        seen.set(name, [...(seen.get(name) ?? []), one]);
        socket.on('message', (data, isBinary) => obey(socket, connection, headers, data as Buffer, isBinary)); // `nodebuffer`
        socket.on('close', (code, reason) => {
          one.closed = { code, reason: reason.toString() };
        });
        socket.on('error', () => undefined);
      });
    },
    seen: (name: string): SeenSocket[] => seen.get(name) ?? [],
  };
}
