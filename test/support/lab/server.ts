import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import argon2 from 'argon2';
import pg from 'pg';
import { type Anvil, startAnvil } from '../../../scripts/stack/anvil.ts';
import type { NeonRelay } from '../../../scripts/stack/neon-relay.ts';
import { type RedisRest, startRedis } from '../../../scripts/stack/redis.ts';
import { installRegistries } from '../../../scripts/stack/registries.ts';
import { createMcpServers } from './mcp.ts';
import { createReceivers } from './receivers.ts';
import { createSocketServers } from './sockets.ts';

interface Engines {
  /** The migrated database, which the others are cloned from. */
  postgresUrl: string;
  relay: NeonRelay;
}

/**
 * What a test inside workerd cannot start by itself, over HTTP:
 * `POST /stores` a database and a Redis of its own; `POST /chains` an anvil of its own; `/hooks/<name>` a receiver;
 * `/mcp/<name>` a server of the Model Context Protocol; `/sockets/<name>` a WebSocket server;
 * `POST /argon2/…` the native implementation of Argon2, to compare with.
 */
export async function startLab({ postgresUrl, relay }: Engines) {
  const admin = new pg.Pool({ connectionString: postgresUrl.replace(/\/\w+$/, '/postgres'), max: 1 });
  // `end` settles while its connection still closes; the server's goodbye, when it ends right after, is no failure.
  admin.on('error', () => undefined);
  const chains = new Map<string, Anvil>();
  const redises = new Map<string, RedisRest>();
  const receivers = createReceivers();
  const mcpServers = createMcpServers();
  const sockets = createSocketServers();
  let databases = 0;

  async function newStores() {
    databases += 1;
    const name = `file_${databases}`;
    await relay.closeIdle();
    await admin.query(`CREATE DATABASE ${name} TEMPLATE weir`);
    const redis = await startRedis({ token: 'test' });
    redises.set(redis.url, redis);
    return {
      databaseUrl: postgresUrl.replace(/\/\w+$/, `/${name}`),
      proxyUrl: relay.url,
      redisUrl: redis.url,
      redisToken: redis.token,
    };
  }

  /** The databases end with the cluster; an engine of Redis is a process, and there are as many as test files. */
  async function endStores({ redisUrl }: { redisUrl: string }) {
    await redises.get(redisUrl)?.stop();
    redises.delete(redisUrl);
    return {};
  }

  async function newChain(options: { blockTime?: number; chainId?: number }) {
    const anvil = await startAnvil(options);
    await installRegistries(anvil.url);
    chains.set(anvil.url, anvil);
    return { url: anvil.url };
  }

  async function endChain({ url }: { url: string }) {
    await chains.get(url)?.stop();
    chains.delete(url);
    return {};
  }

  const actions: Record<string, (body: never) => Promise<object>> = {
    'POST /stores': newStores,
    'DELETE /stores': endStores,
    'POST /chains': newChain,
    'DELETE /chains': endChain,
    'POST /sockets': async ({ name }: { name: string }) => ({ seen: sockets.seen(name) }),
    'POST /argon2/hash': async ({ password }: { password: string }) => ({ hash: await argon2.hash(password) }),
    'POST /argon2/verify': async ({ hash, password }: { hash: string; password: string }) => ({
      verified: await argon2.verify(hash, password),
    }),
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://lab');
    const text = await bodyOf(request);
    if (await receivers.handle(request, url, text, response)) return;
    if (mcpServers.handle(request, url, text, response)) return;
    const action = actions[`${request.method} ${url.pathname}`];
    const answer = await action?.(JSON.parse(text || '{}') as never).catch((error: unknown) => ({
      error: String(error),
    }));
    response.writeHead(answer ? ('error' in answer ? 500 : 200) : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? {}));
  });
  server.on('upgrade', sockets.upgrade);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await Promise.all([...chains.values(), ...redises.values()].map((engine) => engine.stop()));
      await admin.end();
    },
  };
}

async function bodyOf(request: IncomingMessage) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}
