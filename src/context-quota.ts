import { waitUntil } from 'cloudflare:workers';
import type { Redis } from '@upstash/redis/cloudflare';
import type { Charge, Tell } from './access/admission.ts';
import type { KeyUse } from './access/edge.ts';
import { announceChecks } from './context-watch.ts';
import { connect, type Database, type Executor } from './db/client.ts';
import { type Config, configOf } from './env.ts';
import type { CompiledApi } from './gateway/compiled.ts';
import { hostName, slugName } from './gateway/directory/directory.ts';
import { readEndpointLimits, readGateway, verifiedDomains } from './gateway/registry/index.ts';
import type { GatewayHead } from './gateway/snapshots.ts';
import type { Meter, MeteredRequest } from './http/metering.ts';
import type { KeyResolverDeps } from './identity/api-keys/authenticate.ts';
import { recordUses } from './identity/api-keys/store.ts';
import { type PublisherDeps, publishOrganization } from './identity/edge/publisher.ts';
import { ownOrganization } from './identity/index.ts';
import { findOrganization } from './identity/organizations/store.ts';
import { systemClock } from './kernel/clock.ts';
import { isAllowed, parseAllowList } from './outbound/allow-list.ts';
import { portOf } from './outbound/guard.ts';
import { anonymousQuota } from './quota/anonymous.ts';
import { createQuotaClient, type QuotaClient } from './quota/client.ts';
import { isLimited } from './quota/edge-state.ts';
import type { QuotaDeps } from './quota/object.ts';
import { type OrganizationObject, organizationObject } from './quota/organization.ts';
import { readLimits } from './quota/rate-limits/store.ts';
import { recordEvent, recordWindow } from './quota/usage/store.ts';
import { type Refused, refusalError, type Verdict } from './quota/verdict.ts';
import { createLogger } from './telemetry/log.ts';

/** How quotas are wired: the isolates' side, the objects' side, and what lies between. */

const wait = (milliseconds: number) => scheduler.wait(milliseconds);

/**
 * Where it is not so, whoever waits for another request's promise goes on as a part of that request, and loses its own.
 * https://developers.cloudflare.com/workers/configuration/compatibility-flags/ (handle_cross_request_promise_resolution)
 */
const settlesAcrossRequests = (): boolean =>
  Cloudflare.compatibilityFlags['handle_cross_request_promise_resolution'] === true;

/** Costs less than a wait that nobody waits for in the end. */
function after(milliseconds: number, run: () => void): () => void {
  const timer = setTimeout(run, milliseconds);
  return () => clearTimeout(timer);
}

/** The types of RPC make lists of tuples; what travels is what the object answered. */
export const organizationOf = (env: Env, id: string) =>
  organizationObject(() => env.ORGANIZATION_QUOTA.getByName(id) as unknown as OrganizationObject);

/** What brings the edge up to date, after a change and by the sweep. */
export function publisherDeps(env: Env): PublisherDeps {
  const { database, outbound } = configOf(env);
  const db = connect(database);
  return {
    db,
    log: createLogger(),
    async gatewayOf(organizationId) {
      const { head, apis } = await gatewayParts(db, organizationId, outbound.allow);
      announceChecks(env, apis);
      return [head, ...apis].map((part) => JSON.stringify(part));
    },
    async limitsOf(organizationId) {
      const set = await Promise.all([
        readLimits(db.query, organizationId),
        readEndpointLimits(db.query, organizationId),
      ]);
      return set.flat();
    },
    send: (snapshot) => organizationOf(env, snapshot.organizationId).publish(snapshot),
    wait,
  };
}

/** What the data plane is told of an organization: by which names it is found, and its APIs. */
async function gatewayParts({ query }: Database, organizationId: string, allowed: string) {
  const [organization, apis, domains] = await Promise.all([
    findOrganization(query, organizationId),
    compiledApis(query, organizationId, allowed),
    verifiedDomains(query, organizationId),
  ]);
  const hosts = domains.map(({ host }) => hostName(host));
  const head: GatewayHead = {
    names: organization ? [slugName(organization.slug), ...hosts] : [],
    boundTo: Object.fromEntries(domains.flatMap(({ host, api }) => (api === null ? [] : [[hostName(host), api]]))),
  };
  return { head, apis };
}

/** Hosts that the operator names are taken to be the organization's own. */
export function compiledApis(query: Executor, organizationId: string, allowed: string): Promise<CompiledApi[]> {
  const allow = parseAllowList(allowed);
  return readGateway(query, organizationId, (url) => isAllowed(allow, url.hostname, portOf(url)));
}

/** One client an isolate: what it holds of the organizations' quotas is its own. */
const clients = new WeakMap<Config, QuotaClient>();

export function quotaClientOf(env: Env): QuotaClient {
  const config = configOf(env);
  const client =
    clients.get(config) ??
    createQuotaClient({
      clock: systemClock,
      log: createLogger(),
      objectOf: (id) => organizationOf(env, id),
      publish: (id) => publishOrganization(publisherDeps(env), id),
      background: waitUntil,
      shares: settlesAcrossRequests(),
      after,
    });
  clients.set(config, client);
  return client;
}

/** @throws AppError as the verdict has it */
function admitted(verdict: Verdict, tell: Tell) {
  if ('status' in verdict && verdict.status) tell(verdict.status);
  if (!verdict.ok) throw refusalError(verdict satisfies Refused);
  return verdict;
}

/** Recognises a key and charges its organization, in one call. */
export const keyResolverDeps = (env: Env, use: KeyUse, charge: Charge, tell: Tell): KeyResolverDeps => ({
  keySecrets: configOf(env).apiKeySecrets,
  async admit(organizationId, hash) {
    const verdict = await quotaClientOf(env).admit(organizationId, { drawer: { kind: 'key', hash }, charge, use });
    const { key, giveBack } = admitted(verdict, tell);
    if (!key) throw new Error('a key was admitted and not told');
    return { key: { ...key, limited: isLimited(key) }, admission: { giveBack } };
  },
});

export function meterOf(env: Env, redis: Redis): Meter {
  return {
    ownOrganization,
    admitAddress: anonymousQuota({ redis, clock: systemClock, log: createLogger() }),
    async admit({ organizationId, principal, charge, ...use }: MeteredRequest, tell) {
      const { userId } = principal;
      const drawer =
        principal.kind === 'user'
          ? ({ kind: 'user', userId } as const)
          : ({ kind: 'wallet', address: principal.address, userId } as const);
      const { giveBack } = admitted(await quotaClientOf(env).admit(organizationId, { drawer, charge, use }), tell);
      return { giveBack };
    },
  };
}

export function quotaDeps(env: Env): QuotaDeps {
  const database = () => connect(configOf(env).database);
  return {
    clock: systemClock,
    log: createLogger(),
    recordUses: (organizationId, uses) => recordUses(database().query, organizationId, uses),
    recordWindow: (organizationId, window) => recordWindow(database(), organizationId, window),
    recordEvent: (organizationId, event) => recordEvent(database(), organizationId, event),
  };
}

export const usageOf = (env: Env, organizationId: string) => organizationOf(env, organizationId).usage();
