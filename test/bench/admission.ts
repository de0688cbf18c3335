import { randomBytes } from 'node:crypto';
import type { EdgeSnapshot } from '../../src/access/edge.ts';
import type { Target } from './measure.ts';
import { type Bench, type Redis, type Server, startPeer, startRedis, startWorkerd } from './servers.ts';
import { ANSWER, PATH } from './workers/answer.ts';

/** Units an hour, of every line that has a limit. */
const LIMIT = 1_000_000;

const UNITS = LIMIT.toLocaleString('en-US');

export interface Line {
  id: string;
  title: string;
  limit: string;
  /** What to load in a round. */
  target(): Promise<Target>;
}

/**
 * What deciding a request costs: a key checked, a unit taken of an hourly limit that every process shares, and the header
 * fields that tell of it, before a route that answers a short JSON text. Each line with the same key limit.
 */
export async function admissionLines(bench: Bench): Promise<Line[]> {
  const redis = await startRedis(bench);
  return [
    await bareLine(bench, 'a', 'bare Hono route', 'bare'),
    await weirLine(bench, 'b', 'Weir, every request a hop', false),
    await weirLine(bench, 'c', 'Weir, by lease', null),
    await upstashLine(bench, redis),
    await fastifyLine(bench, redis),
    await expressGatewayLine(bench, redis),
    await bareLine(bench, 'g', 'bare Hono route with fixed header fields', 'fields'),
  ];
}

const targetOf = (
  { child, url }: Server,
  headers: Record<string, string> = {},
  others: readonly number[] = [],
): Target => ({
  url: `${url}${PATH}`,
  headers,
  pid: child.pid,
  others,
});

async function bareLine(bench: Bench, id: string, title: string, worker: string): Promise<Line> {
  const server = await startWorkerd(bench, worker, { name: worker });
  return { id, title, limit: 'none', target: async () => targetOf(server) };
}

/** In every round an organization of its own, so that no window runs out. */
async function weirLine(bench: Bench, id: string, title: string, leases: boolean | null): Promise<Line> {
  const variables = { KEY_SECRET: randomBytes(32).toString('hex') };
  const objects = { ORGANIZATION_QUOTA: 'OrganizationQuota' };
  const server = await startWorkerd(bench, `weir-${id}`, { name: 'weir', variables, objects });
  const plan: EdgeSnapshot['plan'] = { name: 'enterprise', unitsPerHour: LIMIT, leases };
  const textOf = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${server.url}${path}`, init);
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.text();
  };
  return {
    id,
    title,
    limit: `${UNITS} an hour, exact, on disk`,
    async target() {
      const key = await textOf('/organization', { method: 'POST', body: JSON.stringify(plan) });
      return { ...targetOf(server, { 'X-API-Key': key }), hops: async () => Number(await textOf('/hops')) };
    },
  };
}

export const newKey = () => `sk_live_${randomBytes(30).toString('hex')}`;

async function upstashLine(bench: Bench, redis: Redis): Promise<Line> {
  const key = newKey();
  const variables = { URL: redis.rest.url, TOKEN: redis.token, LIMIT: String(LIMIT), KEY: key };
  const server = await startWorkerd(bench, 'upstash', { name: 'upstash', variables });
  return {
    id: 'd',
    title: '@upstash/ratelimit, fixed window',
    limit: `${UNITS} an hour, ${storeOf(redis)} behind REST`,
    target: async () => targetOf(server, { 'X-API-Key': key }, redis.pids),
  };
}

async function fastifyLine(bench: Bench, redis: Redis): Promise<Line> {
  const key = newKey();
  const server = await startPeer(bench, 'fastify', {
    key,
    limit: LIMIT,
    redisPort: redis.port,
    answer: ANSWER,
    path: PATH,
  });
  return {
    id: 'e',
    title: 'fastify and @fastify/rate-limit',
    limit: `${UNITS} an hour, ${storeOf(redis)}`,
    target: async () => targetOf(server, { 'X-API-Key': key }, redis.pids),
  };
}

async function expressGatewayLine(bench: Bench, redis: Redis): Promise<Line> {
  const server = await startPeer(bench, 'express-gateway', {
    limit: LIMIT,
    redisPort: redis.port,
    answer: ANSWER,
    path: PATH,
  });
  const key = await keyFrom(server);
  return {
    id: 'f',
    title: 'express-gateway, key-auth and rate-limit',
    limit: `${UNITS} an hour, ${storeOf(redis)}`,
    target: async () => targetOf(server, { 'X-API-Key': key }, redis.pids),
  };
}

/** It makes its keys itself. */
export async function keyFrom({ child, url }: Server): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const key = /^KEY (.+)$/m.exec(child.tail())?.[1];
    if (key !== undefined) return key;
    await fetch(url).then((response) => response.body?.cancel());
  }
  throw new Error(`express-gateway made no key\n${child.tail()}`);
}

/** Where there is no Redis the REST stand-in has an engine of its own, and the peers count in their own memory. */
export const storeOf = ({ port }: Redis) =>
  port === undefined ? 'in memory: no redis-server here' : 'redis-server in memory';
