import type { Redis } from '@upstash/redis/cloudflare';
import type { Charge, Tell } from './access/admission.ts';
import type { CallerCtx } from './access/ctx.ts';
import { ROLE_PERMISSIONS } from './access/permissions.ts';
import { channelDeps } from './context-channels.ts';
import { outboundPolicyOf, waysOut } from './context-outbound.ts';
import { keyResolverDeps, meterOf, publisherDeps, usageOf } from './context-quota.ts';
import { servicePorts } from './context-services.ts';
import { enqueueInto, sweeperOf, type TriggerPorts, triggerPorts } from './context-triggers.ts';
import { connect, type Database } from './db/client.ts';
import { connectRedis } from './db/redis.ts';
import { type Config, configOf } from './env.ts';
import type { ConnectDeps } from './gateway/channels/connect.ts';
import type { Prove } from './gateway/registry/index.ts';
import type { ServiceRouteDeps } from './gateway/services/routes.ts';
import type { Credentials, Recognised } from './http/authenticate.ts';
import type { Grant, RouteDeps } from './http/route.ts';
import { isLinkLive } from './identity/agents/store.ts';
import { resolveKey } from './identity/api-keys/authenticate.ts';
import type { KeySecrets } from './identity/api-keys/key.ts';
import { nameKeys } from './identity/api-keys/store.ts';
import { publishOrganization } from './identity/edge/publisher.ts';
import { findRole } from './identity/index.ts';
import type { TokenSettings } from './identity/jwt.ts';
import { nameMembers } from './identity/members/store.ts';
import { findPlan } from './identity/organizations/store.ts';
import { isLive } from './identity/sessions/store.ts';
import { verifyAccessToken } from './identity/users/tokens.ts';
import { isWalletToken, verifyWalletToken } from './identity/wallets/tokens.ts';
import { systemClock } from './kernel/clock.ts';
import type { KeyRing } from './kernel/crypto.ts';
import { AppError } from './kernel/errors.ts';
import { VERSION } from './kernel/version.ts';
import type { OutboundPolicy } from './outbound/guard.ts';
import type { GuardedFetch } from './outbound/guarded-fetch.ts';
import type { UsagePorts } from './quota/usage/service.ts';
import { createLogger, type Logger } from './telemetry/log.ts';
import type { ConsumerDeps } from './triggers/deliveries/consumer.ts';
import type { SweepDeps } from './triggers/deliveries/sweep/sweep.ts';
import type { WatcherDeps } from './triggers/ingest/object.ts';
import type { MatcherDeps } from './triggers/matching/matcher.ts';

/** The composition root: from the raw environment to what each part of the system is given. */
export interface AppDeps extends RouteDeps, TriggerPorts {
  config: Config;
  db: Database;
  redis: Redis;
  log: Logger;
  tokens: TokenSettings;
  keyRing: KeyRing;
  keySecrets: KeySecrets;
  outboundPolicy: OutboundPolicy;
  prove: Prove;
  guardedFetch: GuardedFetch;
  hasBotToken: boolean;
  assets: { fetch(url: string): Promise<Response> };
  usage: UsagePorts;
  services: Omit<ServiceRouteDeps, 'ownOrganization'>;
  channels: ConnectDeps;
}

export function appDeps(env: Env): AppDeps {
  const config = configOf(env);
  const tokens = { secret: config.jwtSecret, issuer: config.baseUrl };
  const db = connect(config.database);
  const redis = connectRedis(config.redis);
  const deps: Omit<AppDeps, 'channels'> = {
    config,
    tokens,
    clock: systemClock,
    db,
    redis,
    log: createLogger(),
    keyRing: config.keyRing,
    keySecrets: config.apiKeySecrets,
    outboundPolicy: outboundPolicyOf(config),
    prove: waysOut(config).prove,
    guardedFetch: waysOut(config).guardedFetch,
    hasBotToken: config.telegram.token !== undefined,
    assets: env.ASSETS,
    usage: usagePorts(env, db),
    services: servicePorts(env, { db, redis }),
    ...triggerPorts(env),
    fingerprintSecret: config.jwtSecret,
    authenticate: (credentials, charge, tell) => recognise({ env, tokens, db }, credentials, charge, tell),
    meter: meterOf(env, redis),
    grantIn,
    publishOrganization: (organizationId) => publishOrganization(publisherDeps(env), organizationId),
  };
  return { ...deps, channels: channelDeps(env, deps) };
}

const BEARER = /^Bearer +(\S+)$/i;

interface Authorities {
  env: Env;
  tokens: TokenSettings;
  db: Database;
}

/** A token comes before a key, whether the key is sent as a bearer's or in a field of its own. */
async function recognise(
  { env, tokens, db }: Authorities,
  { authorization, apiKey, ...use }: Credentials,
  charge: Charge,
  tell: Tell,
): Promise<Recognised | undefined> {
  const bearer = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
  if (authorization !== undefined && !bearer) {
    throw new AppError('unauthorized', 'The Authorization header must be: Bearer <token>');
  }
  const key = bearer === undefined || bearer.startsWith('sk_') ? (bearer ?? apiKey) : undefined;
  if (key !== undefined) return resolveKey(keyResolverDeps(env, use, charge, tell), key);
  if (bearer === undefined) return undefined;
  if (isWalletToken(bearer)) {
    const wallet = await verifyWalletToken(tokens, bearer, systemClock());
    if (await isLinkLive(db.query, wallet.linkId, wallet.address)) return { caller: wallet };
    throw new AppError('unauthorized', 'The agent of this wallet is no longer linked');
  }
  const principal = await verifyAccessToken(tokens, bearer, systemClock());
  if (!(await isLive(db.query, principal.sessionId))) throw new AppError('unauthorized', 'This session has ended');
  return { caller: principal };
}

/** A person acts by their role, a key by its permissions, a wallet as a member: each only in its own organization. */
async function grantIn({ principal, db }: CallerCtx, organizationId: string): Promise<Grant | undefined> {
  if (principal.kind === 'user') {
    const role = await findRole(db.query, organizationId, principal.userId);
    return role && { role, permissions: ROLE_PERMISSIONS[role] };
  }
  if (principal.organizationId !== organizationId) return undefined;
  const permissions = principal.kind === 'key' ? principal.permissions : ROLE_PERMISSIONS.member;
  return { role: undefined, permissions };
}

/** What is read of an organization's usage: its object counts it, Postgres has the plan and the names. */
const usagePorts = (env: Env, { query }: Database): UsagePorts => ({
  usageOf: (organizationId) => usageOf(env, organizationId),
  findPlan: (organizationId) => findPlan(query, organizationId),
  keysOf: (organizationId, keyIds) => nameKeys(query, organizationId, keyIds),
  membersOf: (organizationId, userIds) => nameMembers(query, organizationId, userIds),
});

const baseDeps = (config: Config) => ({ config, clock: systemClock, log: createLogger() });

export function consumerDeps(env: Env): ConsumerDeps {
  const config = configOf(env);
  return {
    ...baseDeps(config),
    db: connect(config.database),
    keyRing: config.keyRing,
    version: VERSION,
    ...waysOut(config),
    enqueue: (ids, delaySeconds) => enqueueInto(env.ACTIONS, ids, delaySeconds),
  };
}

export function recordConsumerDeps(env: Env) {
  const config = configOf(env);
  return { ...baseDeps(config), db: connect(config.database) };
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
    wakeMatcher: (chainId, confirmedTo) => matcherOf(env, chainId).wake(chainId, confirmedTo),
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
    db: connect(config.database),
    prove: waysOut(config).prove,
    watcher: (chainId: number) => watcherOf(env, chainId),
    matcher: (chainId: number) => matcherOf(env, chainId),
    sweeper: () => sweeperOf(env),
    // Nobody waits for a sweep's answer.
    publisher: { ...publisherDeps(env), wait: async () => undefined },
  };
}

export type ScheduleDeps = ReturnType<typeof scheduleDeps>;

/** The one place where a domain key becomes a Durable Object. */
const watcherOf = (env: Env, chainId: number) => env.CHAIN_WATCHER.getByName(String(chainId));
const matcherOf = (env: Env, chainId: number) => env.TRIGGER_MATCHER.getByName(String(chainId));
