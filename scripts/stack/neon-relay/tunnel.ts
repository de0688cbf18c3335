import { createConnection } from 'node:net';
import type { WebSocket } from 'ws';

const BUFFER_LIMIT = 1 << 20;

export interface Address {
  host: string;
  port: number;
}

/** `host:port` as the driver's Pool and Client put it into the WebSocket's address. */
export function parseAddress(text: string | null): Address | undefined {
  const [, host, port] = /^\[?([^[\]]+)\]?:(\d{1,5})$/.exec(text ?? '') ?? [];
  return host === undefined ? undefined : { host, port: Number(port) };
}

/** Carries PostgreSQL's wire protocol over a WebSocket, both ways, holding either side back when the other is slow. */
export function openTunnel(ws: WebSocket, address: Address): void {
  const socket = createConnection(address).setNoDelay();

  ws.on('message', (data: Buffer) => {
    if (!socket.write(data)) ws.pause();
  });
  socket.on('drain', () => ws.resume());
  ws.on('close', () => socket.destroy());
  ws.on('error', () => socket.destroy());

  socket.on('data', (data) => {
    ws.send(data, () => {
      if (ws.bufferedAmount < BUFFER_LIMIT) socket.resume();
    });
    if (ws.bufferedAmount >= BUFFER_LIMIT) socket.pause();
  });
  socket.on('error', () => ws.close(1011, 'the database cannot be reached'));
  socket.on('close', () => ws.close());
}
