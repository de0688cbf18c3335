import type { Redis } from '@upstash/redis/cloudflare';
import type { Context } from 'hono';
import { cors } from 'hono/cors';
import type { AppEnv } from '../../http/app-env.ts';
import type { Routes } from '../../http/route.ts';
import { type Clock, rfc3339 } from '../../kernel/clock.ts';
import { sha256Hex } from '../../kernel/crypto.ts';
import type { AgentDocument } from './contract.ts';
import { getAgentCard, getAgentDocument } from './contract.ts';
import { agentCardOf, agentDocumentOf, type Deployment } from './document.ts';

const LIFETIME_SECONDS = 3_600;

interface DiscoveryDeps {
  deployment: Deployment;
  redis: Redis;
  clock: Clock;
}

export function addDiscoveryRoutes(routes: Routes, { deployment, redis, clock }: DiscoveryDeps) {
  const readableAnywhere = cors({ origin: '*', allowMethods: ['GET'] });
  routes.app.use('/.well-known/*', readableAnywhere);
  routes.app.get(getAgentDocument.path, async (c) => cached(c, await cachedDocument(deployment, redis, clock)));
  routes.app.get(getAgentCard.path, (c) => cached(c, agentCardOf(deployment)));
}

function cached(c: Context<AppEnv>, body: object) {
  c.header('Cache-Control', `public, max-age=${LIFETIME_SECONDS}`);
  return c.json(body);
}

/** Kept under the hash of its content, so that another configuration is never answered with this one's document. */
async function cachedDocument(deployment: Deployment, redis: Redis, clock: Clock): Promise<AgentDocument> {
  const document = agentDocumentOf(deployment);
  const key = `weir:agent-document:${sha256Hex(JSON.stringify(document))}`;
  const found = await redis.get<AgentDocument>(key).catch(() => null);
  if (found) return found;
  const fresh = { ...document, generated_at: rfc3339(clock()) };
  await redis.set(key, fresh, { ex: LIFETIME_SECONDS }).catch(() => undefined);
  return fresh;
}
