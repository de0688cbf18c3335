/**
 * Fastify with @fastify/rate-limit: a key looked up in a map, a fixed hourly window an organization, shared through Redis
 * where there is one; before a route of its own, or with `upstream` before @fastify/http-proxy.
 * `node fastify.mjs '{"port","key","limit","redisPort"?,"upstream"?,"path","answer"}'`
 */
import httpProxy from '@fastify/http-proxy';
import rateLimit from '@fastify/rate-limit';
import Fastify from 'fastify';
import { Redis } from 'ioredis';

const { port, key, limit, redisPort, upstream, answer, path } = JSON.parse(process.argv[2]);
const organizations = new Map([[key, 'organization-1']]);

const app = Fastify({ logger: false });
app.decorateRequest('organization', '');
app.addHook('onRequest', async (request, reply) => {
  const organization = organizations.get(request.headers['x-api-key']);
  if (organization === undefined) return reply.code(401).send({ error: 'unauthorized' });
  request.organization = organization;
});
await app.register(rateLimit, {
  hook: 'preHandler',
  max: limit,
  timeWindow: '1 hour',
  keyGenerator: (request) => request.organization,
  ...(redisPort && { redis: new Redis({ host: '127.0.0.1', port: redisPort, enableAutoPipelining: true }) }),
});
if (upstream) await app.register(httpProxy, { upstream, prefix: '/', undici: { connections: 64, pipelining: 1 } });
else app.get(path, async () => answer);
await app.listen({ host: '127.0.0.1', port });
