import type { Permission } from '../../src/access/permissions.ts';
import type { UserPrincipal } from '../../src/access/principal.ts';
import type { CompiledApi } from '../../src/gateway/compiled.ts';
import { createPipeline, type PipelineDeps } from '../../src/gateway/pipeline.ts';
import { placeFinder } from '../../src/gateway/place.ts';
import { type GatewayView, viewOf } from '../../src/gateway/prepared.ts';
import { createSnapshots } from '../../src/gateway/snapshots.ts';
import { AppError } from '../../src/kernel/errors.ts';
import type { Ask, Verdict } from '../../src/quota/index.ts';
import { memoryLog } from './watch/fixture.ts';

export const OWN = 'organization-1';

const FAR = 'organization-2';

const PERSON: UserPrincipal = { kind: 'user', userId: 'u1', username: 'ada', sessionId: 's1' };

const HASHES: Readonly<Record<string, string>> = { sk_own: OWN, sk_test: OWN, sk_revoked: OWN, sk_far: FAR };

/** One isolate's data plane before an organization's object, an upstream that answers what it is told to, and nobody else. */
export function newWorld(...apis: CompiledApi[]) {
  const world = {
    now: Date.UTC(2026, 5, 1),
    published: { version: 1, apis },
    permissions: new Set<Permission>(['gateway:read']) as ReadonlySet<Permission> | undefined,
    verdict: undefined as Verdict | undefined,
    upstream: async (): Promise<Response> => new Response('ok'),
    asked: 0,
    charged: [] as { organizationId: string; kind: string }[],
    givenBack: 0,
  };

  async function admit(organizationId: string, { drawer, gateway }: Ask): Promise<Verdict> {
    const { version } = world.published;
    if (gateway !== undefined && gateway < version) return { ok: false, refused: 'stale', gateway: version };
    if (drawer.kind === 'key' && drawer.hash === 'sk_revoked') return { ok: false, refused: 'unknown' };
    if (world.verdict) return world.verdict;
    world.charged.push({ organizationId, kind: drawer.kind });
    const environment = drawer.kind === 'key' && drawer.hash === 'sk_test' ? 'test' : 'live';
    const key = { id: 'k1', userId: 'u1', environment, permissions: ['read', 'write'], type: 'standard' };
    const giveBack = async () => {
      world.givenBack += 1;
    };
    // Of a key no more than that is looked at.
    return { ok: true, key, status: undefined, giveBack } as unknown as Verdict;
  }

  const clock = () => new Date(world.now);
  const background = (task: Promise<unknown>) => void task.catch(() => undefined);
  const deps = {
    ...{ clock, background, random: Math.random, wait: async () => undefined, log: memoryLog().log, admit },
    records: { note: () => undefined, coloOf: () => null },
    directory: { find: async (name: string) => (name === 'slug:acme' ? OWN : undefined) },
    snapshots: createSnapshots<GatewayView>({
      ...{ clock, background },
      async ask(_, known) {
        world.asked += 1;
        const { version, apis: all } = world.published;
        const parts = [JSON.stringify({ names: ['slug:acme'], boundTo: {} }), ...all.map((api) => JSON.stringify(api))];
        return { version, parts: version > known ? parts : null };
      },
      build: (gateway) => viewOf({ openSecret: async () => '' }, gateway),
    }),
    parseKey: (text: string) => {
      const organizationId = HASHES[text];
      return organizationId && { hash: text, organizationId, environment: 'live' };
    },
    async recognise(authorization: string) {
      if (authorization !== 'Bearer go.o.d') throw new AppError('unauthorized', 'The token is no good');
      return PERSON;
    },
    ownOrganization: async () => FAR,
    permissionsIn: async () => world.permissions,
    admitAddress: async () => ({ giveBack: async () => undefined }),
    cache: { serve: () => world.upstream() },
  };
  const pipeline = createPipeline(deps as unknown as PipelineDeps);
  const placeOf = placeFinder({ isOwnHost: (host) => host === 'weir.test', reserved: new Set() });

  function send(path: string, headers: Record<string, string> = {}, init: RequestInit = {}): Promise<Response> {
    const request = new Request(`https://weir.test${path}`, { ...init, headers });
    const place = placeOf(request.url);
    if (place === undefined || typeof place === 'string') throw new Error('no place of the data plane');
    return pipeline(request, place);
  }

  const publish = (...changed: CompiledApi[]) => {
    world.published = { version: world.published.version + 1, apis: changed };
  };
  return { world, send, publish };
}
