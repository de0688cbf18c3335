import type { Redis } from '@upstash/redis/cloudflare';
import { connect, type Database } from './db/client.ts';
import { connectRedis } from './db/redis.ts';
import { type Config, configOf } from './env.ts';
import type { RouteDeps } from './http/route.ts';
import { findRole } from './identity/index.ts';
import { type TokenSettings, verifyAccessToken } from './identity/users/tokens.ts';
import { systemClock } from './kernel/clock.ts';
import type { KeyRing } from './kernel/crypto.ts';
import { AppError } from './kernel/errors.ts';
import { VERSION } from './kernel/version.ts';
import { parseAllowList } from './outbound/allow-list.ts';
import type { OutboundPolicy } from './outbound/guard.ts';
import { createOutbound, type Outbound } from './outbound/guarded-fetch.ts';
import { createResolver } from './outbound/resolver.ts';
import { createLogger, type Logger } from './telemetry/log.ts';
import type { ConsumerDeps } from './triggers/deliveries/consumer.ts';
import type { SweepDeps } from './triggers/deliveries/sweep/sweep.ts';
import type { WatcherDeps } from './triggers/ingest/object.ts';
import type { MatcherDeps } from './triggers/matching/matcher.ts';

/** The composition root: from the raw environment to what each part of the system is given. */
export interface AppDeps extends RouteDeps {
  config: Config;
  db: Database;
  redis: Redis;
  log: Logger;
  tokens: TokenSettings;
  keyRing: KeyRing;
  outboundPolicy: OutboundPolicy;
  assets: { fetch(url: string): Promise<Response> };
}

export function appDeps(env: Env): AppDeps {
  const config = configOf(env);
  const tokens = { secret: config.jwtSecret, issuer: config.baseUrl };
  return {
    config,
    tokens,
    clock: systemClock,
    db: connect(config.database),
    redis: connectRedis(config.redis),
    log: createLogger(),
    keyRing: config.keyRing,
    outboundPolicy: outboundPolicyOf(config),
    assets: env.ASSETS,
    authenticate: (authorization) => principalOf(tokens, authorization),
    roleIn: (ctx, organizationId) => findRole(ctx.db.query, organizationId, ctx.principal.userId),
  };
}

const BEARER = /^Bearer +(\S+)$/i;

async function principalOf(tokens: TokenSettings, authorization: string) {
  const token = BEARER.exec(authorization)?.[1];
  if (!token) throw new AppError('unauthorized', 'The Authorization header must be: Bearer <token>');
  return verifyAccessToken(tokens, token, systemClock());
}

const hostOf = (url: string) => new URL(url).hostname;

/** What nobody's action may be pointed at: ourselves, and what we hold credentials for. */
function outboundPolicyOf(config: Config): OutboundPolicy {
  const rpcHosts = config.chains.flatMap((chain) => chain.rpcUrls.map(hostOf));
  return {
    allow: parseAllowList(config.outbound.allow),
    dohUrl: config.outbound.dohUrl,
    ownHosts: [hostOf(config.baseUrl), hostOf(config.database.url), hostOf(config.redis.url), ...rpcHosts],
  };
}

/** One way out an isolate, so that its cache of resolved names is shared. */
const outboundOf = new WeakMap<Config, Outbound>();

function outboundFor(config: Config): Outbound {
  const known = outboundOf.get(config);
  if (known) return known;
  const send: typeof fetch = (input, init) => fetch(input, init);
  const resolve = createResolver({ fetch: send, clock: systemClock, dohUrl: config.outbound.dohUrl });
  const outbound = createOutbound({ fetch: send, clock: systemClock, policy: outboundPolicyOf(config), resolve });
  outboundOf.set(config, outbound);
  return outbound;
}

/** Most messages that `sendBatch` takes. https://developers.cloudflare.com/queues/platform/limits/ */
const MAX_BATCH = 100;

/** Sends hints in batches; they arrive after the delay, in whole seconds. */
async function enqueueInto(queue: Queue, deliveryIds: readonly string[], delaySeconds = 0): Promise<void> {
  for (let start = 0; start < deliveryIds.length; start += MAX_BATCH) {
    const hints = deliveryIds.slice(start, start + MAX_BATCH).map((deliveryId) => ({ body: { deliveryId } }));
    await queue.sendBatch(hints, { delaySeconds });
  }
}

const baseDeps = (config: Config) => ({ config, clock: systemClock, log: createLogger() });

export function consumerDeps(env: Env): ConsumerDeps {
  const config = configOf(env);
  return {
    ...baseDeps(config),
    db: connect(config.database),
    keyRing: config.keyRing,
    version: VERSION,
    outbound: outboundFor(config),
    enqueue: (ids, delaySeconds) => enqueueInto(env.ACTIONS, ids, delaySeconds),
  };
}

export function sweepDeps(env: Env): SweepDeps {
  const config = configOf(env);
  return { ...baseDeps(config), db: connect(config.database), enqueue: (ids) => enqueueInto(env.ACTIONS, ids) };
}

export function watcherDeps(env: Env): WatcherDeps {
  const config = configOf(env);
  return {
    ...baseDeps(config),
    chains: config.chains,
    db: () => connect(config.database),
    wakeMatcher: (chainId) => matcherOf(env, chainId).wake(chainId),
  };
}

export function matcherDeps(env: Env): MatcherDeps {
  const config = configOf(env);
  return {
    ...baseDeps(config),
    db: () => connect(config.database),
    enqueue: (ids) => enqueueInto(env.ACTIONS, ids),
    wakeSweeper: () => sweeperOf(env).wake(),
  };
}

/** What the scheduled jobs are given: every long-lived object that they watch over. */
export function scheduleDeps(env: Env) {
  const config = configOf(env);
  return {
    ...baseDeps(config),
    watcher: (chainId: number) => watcherOf(env, chainId),
    matcher: (chainId: number) => matcherOf(env, chainId),
    sweeper: () => sweeperOf(env),
  };
}

export type ScheduleDeps = ReturnType<typeof scheduleDeps>;

/** The one place where a domain key becomes a Durable Object. */
const watcherOf = (env: Env, chainId: number) => env.CHAIN_WATCHER.getByName(String(chainId));
const matcherOf = (env: Env, chainId: number) => env.TRIGGER_MATCHER.getByName(String(chainId));
const sweeperOf = (env: Env) => env.DELIVERY_SWEEPER.getByName('all');
