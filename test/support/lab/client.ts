import { env } from 'cloudflare:workers';
import type { McpBehaviour, McpRequest } from './mcp.ts';
import type { Received, Step } from './receivers.ts';
import type { SeenSocket } from './sockets.ts';

declare global {
  namespace Cloudflare {
    interface Env {
      /** Where the lab of the test run listens; see lab/server.ts. */
      LAB_URL: string;
    }
  }
}

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${env.LAB_URL}${path}`, { method, body: JSON.stringify(body ?? {}) });
  const answer = await response.text();
  if (!response.ok) throw new Error(`the lab answered ${response.status}: ${answer}`);
  return JSON.parse(answer) as T;
}

export interface OwnStores {
  databaseUrl: string;
  proxyUrl: string;
  redisUrl: string;
  redisToken: string;
}

export const newStores = () => ask<OwnStores>('POST', '/stores');

export const endStores = ({ redisUrl }: OwnStores) => ask('DELETE', '/stores', { redisUrl });

/** An anvil of one's own with the stub registries; without `blockTime` it mines a block for every transaction. */
export async function startChain(options: { blockTime?: number; chainId?: number } = {}) {
  const { url } = await ask<{ url: string }>('POST', '/chains', options);
  return { url, stop: () => ask('DELETE', '/chains', { url }) };
}

/** Argon2 as its native implementation has it. */
export const nativeArgon2 = {
  hash: async (password: string) => (await ask<{ hash: string }>('POST', '/argon2/hash', { password })).hash,
  verify: async (hash: string, password: string) =>
    (await ask<{ verified: boolean }>('POST', '/argon2/verify', { hash, password })).verified,
};

/** A receiver of HTTP requests on loopback that answers by `steps` (200 by default). */
export async function newReceiver(steps: Step[] = []) {
  const name = crypto.randomUUID();
  await ask('PUT', `/receivers/${name}`, steps);
  return {
    url: `${env.LAB_URL}/hooks/${name}`,
    received: async () => {
      const response = await fetch(`${env.LAB_URL}/receivers/${name}`);
      return (await response.json()) as Received[];
    },
  };
}

/** A WebSocket server on loopback: lab/sockets.ts. */
export function newSocketServer() {
  const name = crypto.randomUUID();
  return {
    url: `${env.LAB_URL}/sockets/${name}`,
    seen: async () => (await ask<{ seen: SeenSocket[] }>('POST', '/sockets', { name })).seen,
  };
}

/** A server of the Model Context Protocol on loopback. */
export async function newMcpServer(behaviour: McpBehaviour = 'json') {
  const name = crypto.randomUUID();
  await ask('PUT', `/mcp-servers/${name}`, behaviour);
  return {
    url: `${env.LAB_URL}/mcp/${name}`,
    received: async () => {
      const response = await fetch(`${env.LAB_URL}/mcp-servers/${name}`);
      return (await response.json()) as McpRequest[];
    },
  };
}
