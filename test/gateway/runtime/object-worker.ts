import type { EdgePlan } from '../../../src/access/edge.ts';
import { compileApi } from '../../../src/gateway/registry/compile.ts';
import type { ApiDefinition } from '../../../src/gateway/registry/definition.ts';
import type { GatewayHead } from '../../../src/gateway/snapshots.ts';
import type { WatchObject } from '../../../src/gateway/watch/protocol.ts';
import { newUuid } from '../../../src/kernel/id.ts';
import { publishOrganization, type QuotaBindings } from '../../bench/workers/wiring.ts';

export { OrganizationQuota, UpstreamWatch } from '../../bench/workers/gateway.ts';

/** The service that has the objects, and that a test asks for what no gateway answers. */

export interface Publication {
  plan: EdgePlan;
  apis: ApiDefinition[];
}

export interface Published {
  /** Of the organization that was made. */
  key: string;
  /** By the APIs' slugs. */
  apiIds: Record<string, string>;
}

/** Makes an organization with one key, this plan and these APIs. */
async function publish(env: QuotaBindings, { plan, apis }: Publication): Promise<Published> {
  const organizationId = newUuid();
  const compiled = apis.map((api) => {
    const facts = { id: newUuid(), organizationId, revision: 1, purged: { all: 0, endpoints: {}, tags: {} } };
    return compileApi(api, { ...facts, isProven: () => true });
  });
  const head: GatewayHead = { names: [], boundTo: {} };
  const parts = [head, ...compiled].map((part) => JSON.stringify(part));
  const key = await publishOrganization(env, organizationId, plan, { version: 1, parts });
  return { key, apiIds: Object.fromEntries(compiled.map(({ slug, id }) => [slug, id])) };
}

export default {
  async fetch(request, env) {
    if (request.method === 'POST') return Response.json(await publish(env, await request.json<Publication>()));
    const apiId = new URL(request.url).searchParams.get('api') ?? '';
    // The types of RPC make lists of tuples; what travels is what the object answered.
    const watch = env.UPSTREAM_WATCH.getByName(apiId) as unknown as WatchObject;
    return Response.json((await watch.watched()) ?? null);
  },
} satisfies ExportedHandler<QuotaBindings>;
