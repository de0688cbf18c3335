import { waitUntil } from 'cloudflare:workers';
import type { Charge } from '../../../src/access/admission.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { createQuotaClient, type QuotaClient } from '../../../src/quota/client.ts';
import { type OrganizationObject, organizationObject } from '../../../src/quota/organization.ts';
import { createLogger } from '../../../src/telemetry/log.ts';

/** Requests of one organization, one after the other. */
export interface Batch {
  organizationId: string;
  charges: Charge[];
}

/** What became of each. */
export type Outcome = 'granted' | 'degraded' | 'refused' | 'unavailable';

export interface BatchAnswer {
  outcomes: Outcome[];
  /** Calls to objects since this isolate started. */
  hops: number;
}

let hops = 0;
let client: QuotaClient | undefined;

function clientOf(env: Env): QuotaClient {
  client ??= createQuotaClient({
    clock: systemClock,
    log: createLogger(),
    objectOf(id) {
      hops += 1;
      // The types of RPC make lists of tuples; what travels is what the object answered.
      return organizationObject(() => env.ORGANIZATION_QUOTA.getByName(id) as unknown as OrganizationObject);
    },
    publish: () => Promise.reject(new Error('every organization is published beforehand')),
    background: waitUntil,
    shares: true,
    after(milliseconds, run) {
      const timer = setTimeout(run, milliseconds);
      return () => clearTimeout(timer);
    },
  });
  return client;
}

async function admit(env: Env, organizationId: string, charge: Charge): Promise<Outcome> {
  const use = { address: undefined, method: 'GET', path: '/' };
  const verdict = await clientOf(env).admit(organizationId, { drawer: { kind: 'user', userId: 'u' }, charge, use });
  if (verdict.ok) return verdict.status?.degraded ? 'degraded' : 'granted';
  return verdict.refused === 'quota' ? 'refused' : 'unavailable';
}

/** One of several gateways, each of which is an isolate of its own. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { organizationId, charges } = (await request.json()) as Batch; // as the test beside this file sends it
    const outcomes: Outcome[] = [];
    for (const charge of charges) {
      outcomes.push(await admit(env, organizationId, charge));
      // As between requests that come by a socket: within one process, what one request settles for another is dealt with
      // when nothing else is left to do, and objects in the same process would leave nothing of that kind for long.
      await scheduler.wait(0);
    }
    return Response.json({ outcomes, hops } satisfies BatchAnswer);
  },
};
