import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LOOPBACK } from '../../../scripts/stack/ports.ts';

/** How an upstream is: it answers 200, it answers 500, or it closes the connection instead of answering. */
export type Health = 'well' | 'failing' | 'hanging up';

export interface Arrival {
  at: number;
  /** Which gateway sent it: callers write the number as the path. */
  isolate: number;
  health: Health;
}

export interface Upstream {
  url: string;
  arrivals: readonly Arrival[];
  /** @returns since when it is so */
  become(health: Health): number;
  stop(): void;
}

/** A server that can be killed and revived, and remembers what came and from which gateway. */
export async function startUpstream(): Promise<Upstream> {
  const arrivals: Arrival[] = [];
  let now: Health = 'well';
  const server = createServer((request, response) => {
    arrivals.push({ at: Date.now(), isolate: Number(request.url?.slice(1)), health: now });
    if (now === 'hanging up') request.socket.destroy();
    else response.writeHead(now === 'well' ? 200 : 500).end('{}');
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // of a server that listens at a port
  return {
    url: `http://${LOOPBACK}:${port}`,
    arrivals,
    become(health) {
      now = health;
      return Date.now();
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
