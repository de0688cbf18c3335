import { randomBytes } from 'node:crypto';
import type { EdgePlan } from '../../src/access/edge.ts';
import type { ApiDefinition } from '../../src/gateway/registry/definition.ts';
import { keyFrom, type Line, newKey, storeOf } from './admission.ts';
import { type Behind, startHaproxy, startNginxLua, startUpstream, versionOf } from './gateway/proxies.ts';
import type { Target } from './measure.ts';
import { type Bench, type Redis, type Server, startPeer, startRedis, startWorkerd } from './servers.ts';
import { ANSWER } from './workers/answer.ts';

/** Units an hour, of every line that has a limit. */
const LIMIT = 1_000_000;

const UNITS = LIMIT.toLocaleString('en-US');

/** Of every request: what callers and the platform before a Worker send. */
const HEADERS = {
  'User-Agent': 'benchmark/1.0',
  Accept: 'application/json',
  'Accept-Encoding': 'gzip, br',
  'Accept-Language': 'en',
  'CF-Connecting-IP': '203.0.113.7',
};

const PATH = '/api/v1/orders/orders/1?expand=lines';

/** What the lines stand before, and where several of them count. */
interface Around {
  bench: Bench;
  upstream: Server;
  redis: Redis | undefined;
}

interface Kind {
  id: string;
  make(around: Around, id: string): Promise<Line>;
}

const withoutRedis = (redis: Redis | undefined): Redis => {
  if (!redis) throw new Error('a line that needs Redis was started without it');
  return redis;
};

const KINDS: readonly Kind[] = [
  { id: 'a', make: direct },
  { id: 'b', make: (around, id) => passing(around, id, 'pass', 'bare Hono pass-through in workerd') },
  { id: 'k', make: (around, id) => passing(around, id, 'carry', 'pass-through with fields and a deadline') },
  { id: 'c', make: (around, id) => weir(around, id, 'Weir, key and quota by lease', { leases: null }) },
  { id: 'd', make: (around, id) => weir(around, id, 'Weir, key and quota by hop', { leases: false }) },
  { id: 'e', make: (around, id) => weir(around, id, 'Weir, key, quota by lease, cached hit', { leases: null }, true) },
  { id: 'f', make: nginxLua },
  { id: 'g', make: haproxy },
  { id: 'h', make: fastify },
  { id: 'i', make: expressGateway },
  { id: 'j', make: portkey },
];

const NEEDS_REDIS = ['h', 'i'];

/**
 * What a gateway costs: a key checked, a unit taken of an hourly limit, the call passed on to an upstream that answers a
 * short JSON text. Only what was asked for is started; what is not on this machine is left out, with a note.
 */
export async function gatewayLines(bench: Bench, wanted: string): Promise<Line[]> {
  if (!(await versionOf('nginx', '-v'))) throw new Error('this needs nginx, as the upstream');
  if (!(await versionOf('wrk', '-v'))) throw new Error('this needs wrk, which loads the servers');
  const upstream = await startUpstream(bench, ANSWER);
  const redis = NEEDS_REDIS.some((id) => wanted.includes(id)) ? await startRedis(bench) : undefined;
  const lines: Line[] = [];
  for (const { id, make } of KINDS) {
    if (!wanted.includes(id)) continue;
    if (id === 'g' && !(await versionOf('haproxy', '-v'))) console.log('HAProxy is not installed: (g) is left out');
    else lines.push(await make({ bench, upstream, redis }, id));
  }
  return lines;
}

const targetOf = ({ child, url }: Server, headers: Record<string, string>, { upstream, redis }: Around): Target => ({
  ...{ url: `${url}${PATH}`, headers: { ...HEADERS, ...headers }, pid: child.pid },
  others: child === upstream.child ? [] : [upstream.child.pid, ...(redis?.pids ?? [])],
});

async function direct(around: Around, id: string): Promise<Line> {
  const target = async () => targetOf(around.upstream, { 'X-API-Key': newKey() }, around);
  return { id, title: 'the upstream itself', limit: 'none', target };
}

async function passing(around: Around, id: string, name: string, title: string): Promise<Line> {
  const variables = { UPSTREAM: around.upstream.url };
  const server = await startWorkerd(around.bench, name, { name, variables });
  const target = async () => targetOf(server, { 'X-API-Key': newKey() }, around);
  return { id, title, limit: 'none', target };
}

/** In every round an organization of its own, so that no window runs out. */
async function weir(
  around: Around,
  id: string,
  title: string,
  { leases }: Pick<EdgePlan, 'leases'>,
  cached = false,
): Promise<Line> {
  const variables = { KEY_SECRET: randomBytes(32).toString('hex') };
  const objects = { ORGANIZATION_QUOTA: 'OrganizationQuota', UPSTREAM_WATCH: 'UpstreamWatch' };
  const server = await startWorkerd(around.bench, `gateway-${id}`, { name: 'gateway', variables, objects });
  const plan: EdgePlan = { name: 'enterprise', unitsPerHour: LIMIT, leases };
  const api: ApiDefinition = {
    ...{ slug: 'orders', name: 'Orders', upstreams: [{ url: around.upstream.url }] },
    endpoints: [{ methods: ['GET'], path: '/orders/{order_id}' }],
    ...(cached && { cache: { mode: 'ttl', ttl_seconds: 3_600, per_caller: false } }),
  };
  const textOf = async (init?: RequestInit) => {
    const response = await fetch(server.url, init);
    if (!response.ok) throw new Error(`the benchmark's Worker answered ${response.status}`);
    return response.text();
  };
  return {
    ...{ id, title, limit: `${UNITS} an hour, exact, on disk` },
    async target() {
      const key = await textOf({ method: 'POST', body: JSON.stringify({ plan, api }) });
      return { ...targetOf(server, { 'X-API-Key': key }, around), hops: async () => Number(await textOf()) };
    },
  };
}

const behindOf = ({ upstream }: Around): Behind => ({ upstream: upstream.url, key: newKey(), limit: LIMIT });

async function nginxLua(around: Around, id: string): Promise<Line> {
  const behind = behindOf(around);
  const server = await startNginxLua(around.bench, behind);
  const title = `nginx ${await versionOf('nginx', '-v')} with Lua`;
  const target = async () => targetOf(server, { 'X-API-Key': behind.key }, around);
  return { id, title, limit: `${UNITS} an hour, in memory`, target };
}

async function haproxy(around: Around, id: string): Promise<Line> {
  const behind = behindOf(around);
  const server = await startHaproxy(around.bench, behind);
  const title = `HAProxy ${await versionOf('haproxy', '-v')}`;
  const target = async () => targetOf(server, { 'X-API-Key': behind.key }, around);
  return { id, title, limit: `${UNITS} an hour that slides, about, in memory`, target };
}

const peerSettings = ({ upstream, redis }: Around) => ({
  ...{ limit: LIMIT, redisPort: withoutRedis(redis).port, upstream: upstream.url, answer: ANSWER, path: '/api/*' },
});

async function fastify(around: Around, id: string): Promise<Line> {
  const key = newKey();
  const server = await startPeer(around.bench, 'fastify', { ...peerSettings(around), key });
  const target = async () => targetOf(server, { 'X-API-Key': key }, around);
  const title = 'fastify, @fastify/rate-limit, @fastify/http-proxy';
  return { id, title, limit: `${UNITS} an hour, ${storeOf(withoutRedis(around.redis))}`, target };
}

async function expressGateway(around: Around, id: string): Promise<Line> {
  const server = await startPeer(around.bench, 'express-gateway', peerSettings(around));
  const key = await keyFrom(server);
  const target = async () => targetOf(server, { 'X-API-Key': key }, around);
  const title = 'express-gateway, key-auth, rate-limit, proxy';
  return { id, title, limit: `${UNITS} an hour, ${storeOf(withoutRedis(around.redis))}`, target };
}

/** Its free form has neither keys nor limits, and it is made for one kind of call. */
async function portkey(around: Around, id: string): Promise<Line> {
  const server = await startPeer(around.bench, 'portkey', {});
  const headers = {
    ...{ 'Content-Type': 'application/json', Authorization: 'Bearer benchmark' },
    ...{ 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${around.upstream.url}/v1` },
  };
  const post = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'hello' }] });
  const target = async () => {
    const one = targetOf(server, headers, around);
    return { ...one, url: `${server.url}/v1/chat/completions`, post };
  };
  return { id, title: "Portkey's gateway, proxy alone", limit: 'none, and no keys', target };
}
