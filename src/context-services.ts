import type { Redis } from '@upstash/redis/cloudflare';
import { compiledApis } from './context-quota.ts';
import { watchOf } from './context-watch.ts';
import { type Database, isReachable } from './db/client.ts';
import { configOf } from './env.ts';
import { verifiedDomains } from './gateway/registry/domains/store.ts';
import { createDependencyHealth } from './gateway/services/dependencies.ts';
import type { ServiceRouteDeps } from './gateway/services/routes.ts';
import { findOrganization } from './identity/organizations/store.ts';
import { systemClock } from './kernel/clock.ts';
import { createLogger } from './telemetry/log.ts';

/** How the services of organizations, and of the deployment itself, are asked how they are. */

const wait = (milliseconds: number) => scheduler.wait(milliseconds);

const DATABASE_PATIENCE = 3_000;

interface Engines {
  db: Database;
  redis: Redis;
}

export function servicePorts(env: Env, { db, redis }: Engines): Omit<ServiceRouteDeps, 'ownOrganization'> {
  const { baseUrl, outbound, chains } = configOf(env);
  return {
    ...{ log: createLogger(), wait },
    listApis: (organizationId) => compiledApis(db.query, organizationId, outbound.allow),
    watchedOf: (organizationId, apiId) => watchOf(env, organizationId, apiId).watched(),
    async namesOf(organizationId) {
      const [organization, hosts] = await Promise.all([
        findOrganization(db.query, organizationId),
        verifiedDomains(db.query, organizationId),
      ]);
      return { baseUrl, slug: organization?.slug, hosts };
    },
    dependencyHealth: createDependencyHealth({
      ...{ clock: systemClock, wait },
      dependencies: [
        { name: 'database', required: true, check: () => isReachable(db, DATABASE_PATIENCE) },
        { name: 'cache', required: false, check: async () => (await redis.ping()) === 'PONG' },
        ...chains.map((chain) => ({
          name: `chain:${chain.id}`,
          required: false,
          check: () => isFollowed(env, chain.id),
        })),
      ],
    }),
  };
}

/** Whether events of a chain are being read. */
async function isFollowed(env: Env, chainId: number): Promise<boolean> {
  const status = await env.CHAIN_WATCHER.getByName(String(chainId)).status();
  return status !== null && status.halted === null && status.lastError === null;
}
