import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A 2xx that was sent. */
interface Accepted {
  transaction: string;
  /** Milliseconds, as `performance.now()`. */
  at: number;
}

export interface Receiver {
  url: string;
  accepted: Accepted[];
  /** Ends with it what is still waiting for an answer. */
  stop(): void;
}

/** Answers at once with 204, or never. Each is an origin of its own. */
export async function startReceiver(answers: boolean): Promise<Receiver> {
  const accepted: Accepted[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    if (!answers) return;
    const { transaction_hash: transaction } = JSON.parse(body) as { transaction_hash: string };
    response.once('finish', () => accepted.push({ transaction, at: performance.now() }));
    response.writeHead(204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    accepted,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
