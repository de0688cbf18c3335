import { waitUntil } from 'cloudflare:workers';
import type { EdgeGateway, EdgeKey, EdgePlan } from '../../../src/access/edge.ts';
import { type KeySecrets, mintKey } from '../../../src/identity/api-keys/key.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { utf8 } from '../../../src/kernel/crypto.ts';
import { newId, newUuid } from '../../../src/kernel/id.ts';
import { createQuotaClient, type QuotaClient } from '../../../src/quota/client.ts';
import { organizationQuotaObject } from '../../../src/quota/object.ts';
import { type OrganizationObject, organizationObject } from '../../../src/quota/organization.ts';
import { createLogger } from '../../../src/telemetry/log.ts';

/**
 * The product's key check, quota client and object, wired as src/context-quota.ts wires them. What the object tells the
 * database goes nowhere, as no database is compared here.
 */
export interface QuotaBindings extends Env {
  KEY_SECRET: string;
}

const nowhere = async () => undefined;

export class OrganizationQuota extends organizationQuotaObject(() => ({
  clock: systemClock,
  log: createLogger(),
  recordUses: nowhere,
  recordWindow: nowhere,
  recordEvent: nowhere,
})) {}

/** The types of RPC make lists of tuples; what travels is what the object answered. */
const stubOf = (env: Env, id: string) => env.ORGANIZATION_QUOTA.getByName(id) as unknown as OrganizationObject;

export interface Quota {
  client: QuotaClient;
  objectOf(organizationId: string): OrganizationObject;
  keySecrets: KeySecrets;
  /** Calls to objects since this isolate started. */
  hops(): number;
}

let quota: Quota | undefined;

/** Made once an isolate. */
export function quotaOf(env: QuotaBindings): Quota {
  if (quota) return quota;
  let hops = 0;
  const objectOf = (id: string) => {
    hops += 1;
    return organizationObject(() => stubOf(env, id));
  };
  const client = createQuotaClient({
    ...{ clock: systemClock, log: createLogger(), objectOf, background: waitUntil, shares: true },
    publish: () => Promise.reject(new Error('every organization of the benchmark is published beforehand')),
    after(milliseconds, run) {
      const timer = setTimeout(run, milliseconds);
      return () => clearTimeout(timer);
    },
  });
  quota = { client, objectOf, keySecrets: [utf8(env.KEY_SECRET)], hops: () => hops };
  return quota;
}

/** Makes an organization with one key and this plan, and answers with the key. */
export async function publishOrganization(
  env: QuotaBindings,
  organizationId: string,
  plan: EdgePlan,
  gateway?: EdgeGateway,
): Promise<string> {
  const { text, hash } = await mintKey(quotaOf(env).keySecrets, 'live', organizationId);
  const limits = { expiresAt: null, ipAllowlist: null, endpoints: null, methods: null, rateLimitOverride: null };
  const who = { id: newId('key'), hash, userId: newUuid() };
  const key: EdgeKey = { ...who, ...limits, environment: 'live', type: 'standard', permissions: ['read'] };
  const rest = { version: 1, deleted: false, plan, keys: [key], limits: [], gateway };
  await stubOf(env, organizationId).publish({ organizationId, ...rest });
  return text;
}
