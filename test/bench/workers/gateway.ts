import { waitUntil } from 'cloudflare:workers';
import type { EdgePlan } from '../../../src/access/edge.ts';
import { type CacheStore, createCache } from '../../../src/gateway/cache/index.ts';
import type { CompiledApi, CompiledUpstream } from '../../../src/gateway/compiled.ts';
import { createPipeline, type PipelineDeps } from '../../../src/gateway/pipeline.ts';
import { placeFinder } from '../../../src/gateway/place.ts';
import { viewOf } from '../../../src/gateway/prepared.ts';
import { createRecords } from '../../../src/gateway/records/gatherer.ts';
import { compileApi } from '../../../src/gateway/registry/compile.ts';
import type { ApiDefinition } from '../../../src/gateway/registry/definition.ts';
import { createSnapshots, type GatewayHead } from '../../../src/gateway/snapshots.ts';
import { createRetryBudget, type RetryBudget } from '../../../src/gateway/upstream/budget.ts';
import { upstreamWatchObject } from '../../../src/gateway/watch/object.ts';
import type { WatchObject } from '../../../src/gateway/watch/protocol.ts';
import { createUpstreams } from '../../../src/gateway/watch/upstreams.ts';
import { createSlots } from '../../../src/gateway/websocket/slots.ts';
import { parseKey } from '../../../src/identity/api-keys/key.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { newUuid } from '../../../src/kernel/id.ts';
import { parseAllowList } from '../../../src/outbound/allow-list.ts';
import { createDestination, type Destination } from '../../../src/outbound/destination.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { publishOrganization, type QuotaBindings, quotaOf } from './wiring.ts';

export { OrganizationQuota } from './wiring.ts';

/**
 * Weir's data plane, wired as src/context-gateway.ts wires it, apart from what needs a database or a queue: the API is
 * compiled by the registry and published to the organization's object at once, and the records of calls are gathered and
 * then dropped. The cache's store is a map, since workerd alone has none; what is asked for again and again lies in the
 * isolate's copies before it in either case.
 */

const log = createLogger();
const background = (task: Promise<unknown>) => waitUntil(task);
const nobody = () => Promise.reject(new Error('callers of the benchmark have keys'));

export class UpstreamWatch extends upstreamWatchObject(() => ({
  ...{ clock: systemClock, log, judge: async () => undefined, recordEvent: async () => undefined },
  outbound: () => Promise.reject(new Error('the upstream of the benchmark has no health checks')),
})) {}

function perObject<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, V>();
  return (key) => {
    const value = known.get(key) ?? make(key);
    known.set(key, value);
    return value;
  };
}

function destinationOf({ url }: CompiledUpstream): Destination {
  const policy = { allow: parseAllowList('127.0.0.1'), ownHosts: [], dohUrl: 'https://dns.invalid/' };
  const send: typeof fetch = (input, init) => fetch(input, init);
  return createDestination({ fetch: send, clock: systemClock, policy, judge: async () => undefined, background }, url);
}

function mapStore(): CacheStore {
  const held = new Map<string, { record: string; body: ArrayBuffer }>();
  return {
    async get(key) {
      const found = held.get(key);
      return found && { record: found.record, body: new Response(found.body).body };
    },
    async put(key, record, body) {
      const bytes = body === null || body instanceof Uint8Array ? body : body.stream;
      held.set(key, { record, body: await new Response(bytes).arrayBuffer() });
    },
    async delete(key) {
      held.delete(key);
    },
  };
}

function pipelineDeps(env: QuotaBindings): PipelineDeps {
  const { client, objectOf, keySecrets } = quotaOf(env);
  const common = { clock: systemClock, log, background, random: Math.random };
  const wait = (ms: number) => scheduler.wait(ms);
  return {
    ...common,
    parseKey: (text) => parseKey(keySecrets, text),
    ...{ recognise: nobody, ownOrganization: nobody, permissionsIn: nobody, admitAddress: nobody },
    admit: (organizationId, ask) => client.admit(organizationId, ask),
    directory: { find: async () => undefined },
    snapshots: createSnapshots({
      ...{ clock: systemClock, background },
      ask: (organizationId, known) => objectOf(organizationId).gateway(known),
      build: (gateway) => viewOf({ openSecret: nobody }, gateway),
    }),
    upstreams: createUpstreams({
      ...{ ...common, wait },
      // The types of RPC make lists of tuples; what travels is what the object answered.
      objectOf: (_, apiId) => env.UPSTREAM_WATCH.getByName(apiId) as unknown as Pick<WatchObject, 'report'>,
    }),
    destinationOf: perObject<CompiledUpstream, Destination>(destinationOf),
    budgetOf: perObject<CompiledApi, RetryBudget>(() => createRetryBudget(systemClock)),
    cache: createCache({
      clock: systemClock,
      store: mapStore(),
      onStoreError: (error) => log.warn('cache.failed', { error: String(error) }),
    }),
    ...{ wait, sockets: createSlots(systemClock) },
    records: createRecords({ log, newId: newUuid, wait, background, send: async () => undefined }),
  };
}

interface Planes {
  placeOf: ReturnType<typeof placeFinder>;
  pipeline: ReturnType<typeof createPipeline>;
}

/** Made once an isolate. */
let planes: Planes | undefined;

const planesOf = (env: QuotaBindings): Planes => ({
  placeOf: placeFinder({ isOwnHost: () => true, reserved: new Set(['apis', 'organizations', 'services']) }),
  pipeline: createPipeline(pipelineDeps(env)),
});

/** Makes an organization with one key, this plan and this API, and answers with the key. */
async function publish(request: Request, env: QuotaBindings): Promise<Response> {
  const { plan, api } = await request.json<{ plan: EdgePlan; api: ApiDefinition }>();
  const organizationId = newUuid();
  const facts = { id: newUuid(), organizationId, revision: 1, purged: { all: 0, endpoints: {}, tags: {} } };
  const head: GatewayHead = { names: [], boundTo: {} };
  const parts = [head, compileApi(api, { ...facts, isProven: () => true })].map((part) => JSON.stringify(part));
  return new Response(await publishOrganization(env, organizationId, plan, { version: 1, parts }));
}

export default {
  async fetch(request, env) {
    planes ??= planesOf(env);
    const place = planes.placeOf(request.url);
    if (typeof place === 'object') return planes.pipeline(request, place);
    if (request.method === 'POST') return publish(request, env);
    return new Response(String(quotaOf(env).hops()));
  },
} satisfies ExportedHandler<QuotaBindings>;
