import { waitUntil } from 'cloudflare:workers';
import type { CallerCtx } from './access/ctx.ts';
import type { UserPrincipal, WalletPrincipal } from './access/principal.ts';
import type { AppDeps } from './context.ts';
import { waysOut } from './context-outbound.ts';
import { organizationOf, quotaClientOf } from './context-quota.ts';
import { watchOf } from './context-watch.ts';
import { connect } from './db/client.ts';
import { type Config, configOf } from './env.ts';
import { createCache, workersCacheStore } from './gateway/cache/index.ts';
import type { CompiledApi, CompiledUpstream } from './gateway/compiled.ts';
import { createDirectory, hostIn, shardOf, slugIn } from './gateway/directory/directory.ts';
import type { DirectoryDeps } from './gateway/directory/object.ts';
import type { PipelineDeps } from './gateway/pipeline.ts';
import type { PlaceDeps } from './gateway/place.ts';
import { viewOf } from './gateway/prepared.ts';
import { createRecords } from './gateway/records/gatherer.ts';
import { organizationOfHost } from './gateway/registry/index.ts';
import { createSnapshots } from './gateway/snapshots.ts';
import { createRetryBudget, type RetryBudget } from './gateway/upstream/budget.ts';
import { createUpstreams } from './gateway/watch/upstreams.ts';
import { createSlots } from './gateway/websocket/slots.ts';
import { networkOf } from './http/address.ts';
import { parseKey } from './identity/api-keys/key.ts';
import { ownOrganization } from './identity/index.ts';
import { findIdBySlug } from './identity/organizations/store.ts';
import { DAY, HOUR, MINUTE, SECOND, systemClock } from './kernel/clock.ts';
import { open } from './kernel/crypto.ts';
import { AppError, describeError } from './kernel/errors.ts';
import { newUuid } from './kernel/id.ts';
import { RESERVED_SLUGS } from './operations.ts';
import { parseAddress } from './outbound/address.ts';
import type { Destination } from './outbound/destination.ts';
import { type AdmitByAddress, addressQuota } from './quota/anonymous.ts';
import { createLogger } from './telemetry/log.ts';

/** How the data plane is wired: what an isolate keeps for it, and which objects it asks. */

/** Of `waitUntil`'s own that fails nobody is told by it. */
const background = (task: Promise<unknown>) => waitUntil(task);

export function pipelineDeps(env: Env, app: AppDeps): PipelineDeps {
  const config = configOf(env);
  const log = createLogger();
  return {
    ...{ clock: systemClock, log, background, random: Math.random, wait: (ms) => scheduler.wait(ms) },
    ...callerPorts(app),
    records: createRecords({
      ...{ log, background, newId: newUuid, wait: (ms) => scheduler.wait(ms) },
      send: async (message) => void (await env.REQUEST_LOGS.send(message)),
    }),
    admit: (organizationId, ask) => quotaClientOf(env).admit(organizationId, ask),
    admitAddress: addressLimits(app),
    directory: createDirectory({
      clock: systemClock,
      ask: (name, options) => env.DIRECTORY.getByName(shardOf(name)).find(name, options),
    }),
    snapshots: createSnapshots({
      ...{ clock: systemClock, background },
      ask: (organizationId, known) => organizationOf(env, organizationId).gateway(known),
      build: (gateway) => viewOf({ openSecret: secretsOf(config) }, gateway),
    }),
    upstreams: createUpstreams({
      ...{ clock: systemClock, log, background, random: Math.random, wait: (ms) => scheduler.wait(ms) },
      objectOf: (organizationId, apiId) => watchOf(env, organizationId, apiId),
    }),
    destinationOf: destinations(config),
    budgetOf: budgets(),
    sockets: createSlots(systemClock),
    cache: createCache({
      clock: systemClock,
      store: workersCacheStore(() => caches.open('weir')),
      onStoreError: (error) => log.warn('cache.failed', { error: describeError(error) }),
    }),
  };
}

/** Recognising people asks the database, as on the control plane; keys do not. */
function callerPorts(app: AppDeps): Pick<PipelineDeps, 'parseKey' | 'recognise' | 'ownOrganization' | 'permissionsIn'> {
  const ctxOf = (principal: UserPrincipal | WalletPrincipal): CallerCtx => ({
    ...{ principal, requestId: newUuid(), address: '', userAgent: '', clock: systemClock, db: app.db },
    afterCommit: () => undefined,
    publishOrganization: app.publishOrganization,
  });
  return {
    parseKey: (text) => parseKey(app.keySecrets, text),
    async recognise(authorization) {
      const nobody = { apiKey: undefined, address: undefined, method: '', path: '' };
      const recognised = await app.authenticate({ authorization, ...nobody }, { units: 0, tier: 0 }, () => undefined);
      if (!recognised || recognised.caller.kind === 'key') throw new AppError('unauthorized', 'The token is no good');
      return recognised.caller;
    },
    ownOrganization: (principal) => ownOrganization(ctxOf(principal)),
    permissionsIn: async (principal, organizationId) =>
      (await app.grantIn(ctxOf(principal), organizationId))?.permissions,
  };
}

const WINDOWS = { second: SECOND, minute: MINUTE, hour: HOUR, day: DAY } as const;

/** Kinds of limits that an isolate keeps a limiter for. */
const MAX_LIMITERS = 1_000;

/** A public API's own limit of callers without a credential, each API and address apart. */
function addressLimits({ redis, clock, log }: AppDeps): PipelineDeps['admitAddress'] {
  const limiters = new Map<string, AdmitByAddress>();
  function limiterOf({ id, addressLimit: { units, window } }: CompiledApi): AdmitByAddress {
    const prefix = `weir:api:${id}:${units}:${window}`;
    const known = limiters.get(prefix);
    if (known) return known;
    if (limiters.size >= MAX_LIMITERS) limiters.clear();
    const made = addressQuota({ redis, clock, log }, { prefix, name: 'address', units, windowMs: WINDOWS[window] });
    limiters.set(prefix, made);
    return made;
  }
  return (api, address, units) => limiterOf(api)(networkOf(address ?? 'unknown'), units, () => undefined);
}

const secretsOf =
  ({ keyRing }: Config) =>
  (apiId: string, sealed: string) =>
    open(keyRing, sealed, `api:${apiId}:credential`);

function destinations(config: Config): PipelineDeps['destinationOf'] {
  const known = new WeakMap<CompiledUpstream, Destination>();
  return (upstream) => {
    const destination = known.get(upstream) ?? waysOut(config).destination(upstream.url);
    known.set(upstream, destination);
    return destination;
  };
}

function budgets(): PipelineDeps['budgetOf'] {
  const known = new WeakMap<CompiledApi, RetryBudget>();
  return (api) => {
    const budget = known.get(api) ?? createRetryBudget(systemClock);
    known.set(api, budget);
    return budget;
  };
}

export function placeDeps(env: Env): PlaceDeps {
  const own = new URL(configOf(env).baseUrl).hostname;
  // An address, and a name without a dot, is nobody's domain: that is how the deployment is reached from nearby.
  const isOwnHost = (host: string) => host === own || !host.includes('.') || parseAddress(host) !== undefined;
  return { isOwnHost, reserved: RESERVED_SLUGS };
}

export const directoryDeps = (env: Env): DirectoryDeps => ({
  clock: systemClock,
  async lookUp(name) {
    const { query } = connect(configOf(env).database);
    const slug = slugIn(name);
    if (slug !== undefined) return findIdBySlug(query, slug);
    const host = hostIn(name);
    return host === undefined ? undefined : organizationOfHost(query, host);
  },
});
