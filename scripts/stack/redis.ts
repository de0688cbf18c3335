import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { startInProcessRedis } from './redis/in-process.ts';
import { connectRedis, findRedisServer, startRedisServer } from './redis/real.ts';
import type { RedisBackend } from './redis/reply.ts';
import { restHandler } from './redis/rest.ts';
import { makeTemporaryFolder } from './throw-away.ts';

export interface RedisOptions {
  /** 0, the default, takes any free port. */
  port?: number;
  token: string;
  /** Where data is kept; without it, it ends with the process. */
  dir?: string;
  /** A Redis that runs already. */
  redisUrl?: string | undefined;
  /** Which engine, where both could run. By default `redis-server` if the machine has it. */
  engine?: 'in-process' | 'redis-server';
  owner?: string | undefined;
}

export interface RedisRest {
  url: string;
  token: string;
  engine: string;
  /** Settles with a reason when the engine ends by itself. */
  exited: Promise<string>;
  stop(): Promise<void>;
}

/** A Redis behind Upstash's REST protocol, so that `@upstash/redis` and `@upstash/ratelimit` run unchanged. */
export async function startRedis(options: RedisOptions): Promise<RedisRest> {
  const backend = await openBackend(options);
  const handle = restHandler(backend, options.token);
  const server = createServer((request, response) => void handle(request, response));
  try {
    server.listen(options.port ?? 0, '127.0.0.1');
    await once(server, 'listening');
  } catch (error) {
    await backend.stop();
    throw error;
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the Redis server has no address');
  return {
    url: `http://127.0.0.1:${address.port}`,
    token: options.token,
    engine: backend.engine,
    exited: backend.exited,
    async stop() {
      server.close();
      server.closeAllConnections();
      await backend.stop();
    },
  };
}

async function openBackend({ dir, redisUrl, engine, owner }: RedisOptions): Promise<RedisBackend> {
  if (redisUrl !== undefined) return connectRedis(redisUrl);
  const program = engine === 'in-process' ? undefined : await findRedisServer();
  if (program === undefined) {
    if (engine === 'redis-server') throw new Error('there is no redis-server on the PATH');
    return startInProcessRedis(dir);
  }
  if (dir !== undefined) return startRedisServer(program, dir, owner);
  const temporary = await makeTemporaryFolder('redis');
  const backend = await startRedisServer(program, temporary, owner);
  return { ...backend, stop: () => backend.stop().finally(() => rm(temporary, { recursive: true, force: true })) };
}
