import { describe, expect, it } from 'vitest';
import type { OrganizationCtx } from '../../../src/access/ctx.ts';
import { ROLE_PERMISSIONS } from '../../../src/access/permissions.ts';
import type { CompiledLifecycle } from '../../../src/gateway/compiled.ts';
import { createDependencyHealth } from '../../../src/gateway/services/dependencies.ts';
import { listServices } from '../../../src/gateway/services/service.ts';
import { serviceStatus } from '../../../src/gateway/services/status.ts';
import type { Watched, WatchedUpstream } from '../../../src/gateway/watch/protocol.ts';
import { ACTIVE } from '../routing/samples.ts';
import { apiOf, memoryLog, poolOf, upstreamOf } from '../watch/fixture.ts';

const NOW = new Date('2026-03-02T00:00:00Z');

const never = () => new Promise<never>(() => {});

const seen = (id: string, fields: Partial<WatchedUpstream> = {}): WatchedUpstream => ({
  ...{ id, breaker: { state: 'closed', since: null }, health: 'unknown', checkedAt: null, refused: false },
  ...{ ejectedUntil: null, calls: 0, failures: 0, slow: 0 },
  ...fields,
});

const watchedOf = (...upstreams: WatchedUpstream[]): Watched => ({ revision: 1, heardAt: NOW.getTime(), upstreams });

const OPEN = { breaker: { state: 'open', since: NOW.getTime() } } as const;

describe('the status of a service', () => {
  const api = apiOf([poolOf([upstreamOf('a'), upstreamOf('b')])]);

  it('is healthy when every upstream takes calls, degraded when some do, unhealthy when none does.', () => {
    expect(serviceStatus(api, watchedOf(seen('a'), seen('b')))).toBe('healthy');
    expect(serviceStatus(api, watchedOf(seen('a', OPEN), seen('b')))).toBe('degraded');
    expect(serviceStatus(api, watchedOf(seen('a', OPEN), seen('b', { refused: true })))).toBe('unhealthy');
  });

  it('is unknown while nothing was heard, but for what needs no hearing.', () => {
    expect(serviceStatus(api, undefined)).toBe('unknown');
    expect(serviceStatus(api, { ...watchedOf(seen('a'), seen('b')), heardAt: null })).toBe('unknown');
    expect(serviceStatus(apiOf([poolOf([upstreamOf('a', { proven: false })])]), undefined)).toBe('unhealthy');
  });
});

describe('the list of services', () => {
  const ctx = (permissions = ROLE_PERMISSIONS.viewer) =>
    // What the verb reads of its context.
    ({
      ...{ organizationId: 'o', permissions, role: 'viewer', principal: { kind: 'user' }, clock: () => NOW },
    }) as unknown as OrganizationCtx;
  const apis = ['b', 'a', 'c'].map((slug) => apiOf([poolOf([upstreamOf('a'), upstreamOf('b')])], { slug }));
  const deps = {
    log: memoryLog().log,
    listApis: async () => [...apis],
    watchedOf: async () => watchedOf(seen('a', { ...OPEN, calls: 9, failures: 8 }), seen('b')),
    namesOf: async () => ({ baseUrl: 'https://weir.test', slug: undefined, hosts: [] }),
    wait: never,
  };

  it('shows a page by slug, with the state of each upstream.', async () => {
    const page = await listServices(ctx(), deps, { limit: 1, offset: 1 });
    expect(page.pagination).toEqual({ total: 3, limit: 1, offset: 1, has_more: true });
    const [service] = page.data;
    expect(service).toMatchObject({ slug: 'b', status: 'degraded', base_urls: ['https://weir.test/api/v1/b'] });
    expect(service?.last_call_at).toBe('2026-03-02T00:00:00Z');
    expect(service?.pools[0]?.upstreams).toMatchObject([
      {
        state: 'open',
        breaker: { state: 'open', since: '2026-03-02T00:00:00Z', window: { calls: 9, failures: 8, slow: 0 } },
      },
      { state: 'serving', breaker: { state: 'closed', since: null } },
    ]);
  });

  it('shows what has come to its end by now, and the version that calls without one get.', async () => {
    const ended = { ...ACTIVE, sunsetAt: NOW.getTime() };
    const versions = [
      { name: 'v1', lifecycle: ended, policy: {} },
      { name: 'v2', lifecycle: { ...ACTIVE, deprecatedAt: NOW.getTime() }, policy: {} },
    ];
    const versioning = { by: ['path'], default: 'v1', takesFirst: true } as const;
    const shown = async (lifecycle: CompiledLifecycle) => {
      const api = apiOf([poolOf([upstreamOf('a')])], { lifecycle, versions, versioning });
      const page = await listServices(ctx(), { ...deps, listApis: async () => [api] }, { limit: 1, offset: 0 });
      return page.data[0];
    };
    const states = (v2: string) => [
      { name: 'v1', status: 'retired' },
      { name: 'v2', status: v2 },
    ];
    const usual = { default_version: 'v2', versions: states('deprecated') };
    expect(await shown(ACTIVE)).toMatchObject({ lifecycle: 'active', ...usual });
    expect(await shown(ended)).toMatchObject({ lifecycle: 'retired', versions: states('retired') });
  });

  it('stays readable when an object does not answer, or fails.', async () => {
    const late = { ...deps, watchedOf: never, wait: async () => {} };
    const failing = { ...deps, watchedOf: () => Promise.reject(new Error('away')) };
    for (const with_ of [late, failing]) {
      const { data } = await listServices(ctx(), with_, { limit: 20, offset: 0 });
      expect(data.map(({ slug, status }) => `${slug} ${status}`)).toEqual(['a unknown', 'b unknown', 'c unknown']);
    }
  });

  it('needs the permission to read APIs.', async () => {
    const refused = listServices(ctx(new Set()), deps, { limit: 20, offset: 0 });
    await expect(refused).rejects.toMatchObject({
      code: 'forbidden',
      message: 'This needs the permission apis:read, which the role viewer does not have',
    });
  });
});

describe('the health of what the deployment depends on', () => {
  const dependency = (name: string, required: boolean, check: () => Promise<boolean>) => ({ name, required, check });

  it('is unhealthy when something is down without which requests fail, degraded when something else is.', async () => {
    const up = dependency('database', true, async () => true);
    const down = async (required: boolean) =>
      createDependencyHealth({
        dependencies: [up, dependency('cache', required, () => Promise.reject(new Error('away')))],
        ...{ clock: () => NOW, wait: never },
      })();
    expect(await down(true)).toEqual({
      status: 'unhealthy',
      services: [
        { name: 'database', required: true, status: 'healthy' },
        { name: 'cache', required: true, status: 'unhealthy' },
      ],
      checked_at: '2026-03-02T00:00:00Z',
    });
    expect((await down(false)).status).toBe('degraded');
  });

  it('waits for nobody too long, and asks again only after some seconds.', async () => {
    let asked = 0;
    let now = NOW;
    const hanging = dependency('database', true, () => {
      asked += 1;
      return never();
    });
    const health = createDependencyHealth({ dependencies: [hanging], clock: () => now, wait: async () => {} });
    expect((await health()).status).toBe('unhealthy');
    await health();
    expect(asked).toBe(1);
    now = new Date(NOW.getTime() + 5_000);
    await health();
    expect(asked).toBe(2);
  });
});
