import type { IncomingMessage, ServerResponse } from 'node:http';

export interface Received {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** How a receiver answers one request; the last step is repeated. */
export interface Step {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  /** Wait before the answer, in milliseconds. */
  delayMs?: number;
  /** Cut the connection instead of answering. */
  hangUp?: boolean;
}

/**
 * HTTP receivers by name. `PUT /receivers/<name>` with `[step, …]` says how to answer, `/hooks/<name>` is the address
 * to send to, `GET /receivers/<name>` tells what arrived.
 */
export function createReceivers() {
  const programs = new Map<string, Step[]>();
  const received = new Map<string, Received[]>();

  return {
    async handle(request: IncomingMessage, url: URL, body: string, response: ServerResponse): Promise<boolean> {
      const [, root, name = ''] = url.pathname.split('/');
      if (root === 'hooks') {
        const path = url.pathname + url.search;
        const headers = Object.fromEntries(Object.entries(request.headers).map(([key, value]) => [key, String(value)]));
        received.set(name, [...(received.get(name) ?? []), { method: request.method ?? '', path, headers, body }]);
        const steps = programs.get(name) ?? [];
        const step = (steps.length > 1 ? steps.shift() : steps[0]) ?? {};
        if (step.delayMs) await new Promise((resolve) => setTimeout(resolve, step.delayMs));
        if (step.hangUp) request.socket.destroy();
        else response.writeHead(step.status ?? 200, step.headers).end(step.body ?? 'ok');
        return true;
      }
      if (root !== 'receivers') return false;
      if (request.method === 'PUT') programs.set(name, JSON.parse(body) as Step[]);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(received.get(name) ?? []));
      return true;
    },
  };
}
