import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileApi } from '../../../src/gateway/registry/compile.ts';
import { type ApiDefinition, apiDefinition } from '../../../src/gateway/registry/definition.ts';
import { changesBetween } from '../../../src/gateway/registry/diff.ts';
import { withEndpointIds } from '../../../src/gateway/registry/endpoint-ids.ts';
import { maskSecrets, sealSecrets } from '../../../src/gateway/registry/secrets.ts';
import { open, randomBytes } from '../../../src/kernel/crypto.ts';

const FACTS = {
  ...{ id: 'api-1', organizationId: 'organization-1', revision: 3, purged: { all: 0, endpoints: {}, tags: {} } },
  isProven: (url: URL) => url.hostname === 'proven.example.com',
};

const SMALL = { slug: 'orders', name: 'Orders', upstreams: [{ url: 'https://proven.example.com/v1/' }] };

const RING = { current: 'a', keys: new Map([['a', randomBytes(32)]]) };

const compiled = (fields: object = {}) =>
  compileApi(withEndpointIds(apiDefinition.parse({ ...SMALL, ...fields })), FACTS);

describe('a definition with nothing but upstreams', () => {
  it('is compiled with every default.', () => {
    expect(compiled()).toEqual({
      ...{ id: 'api-1', organizationId: 'organization-1', revision: 3, slug: 'orders', name: 'Orders' },
      ...{ purged: { all: 0, endpoints: {}, tags: {} }, visibility: 'keyed' },
      lifecycle: { status: 'active', deprecatedAt: null, sunsetAt: null, documentationUrl: null, successor: null },
      versioning: { by: ['path', 'header', 'accept'], default: null },
      ...{ versions: [], endpoints: [], cors: null, addressLimit: { units: 60, window: 'minute' } },
      websocket: { idleMs: 300_000, maxMessageBytes: 1_048_576, maxConnections: 1_000 },
      pools: [
        {
          name: 'default',
          upstreams: [
            {
              ...{ id: 'default https://proven.example.com/v1', url: 'https://proven.example.com/v1' },
              ...{ weight: 1, backup: false, proven: true },
            },
          ],
          balancing: { algorithm: 'round_robin', hashOn: { kind: 'key' } },
          healthCheck: null,
          breaker: {
            ...{ windowMs: 10_000, minimumCalls: 20, errorRate: 0.5, slowCallMs: 10_000, slowCallRate: 1 },
            ...{ openMs: 10_000, probes: 3 },
          },
          ejection: { consecutiveFailures: 5, forMs: 30_000, slowStartMs: 30_000 },
        },
      ],
      policy: {
        ...{ cost: 1, scopes: [], split: [{ pool: 'default', weight: 1 }], timeoutMs: 30_000, retries: 1 },
        maxRequestBytes: null,
        cache: {
          ...{ mode: 'off', ttlSeconds: 0, staleWhileRevalidateSeconds: 0, staleIfErrorSeconds: 0, varyHeaders: [] },
          ...{ queryParameters: null, tags: [], perCaller: null, maxBytes: 8_388_608 },
        },
        request: { headers: [], query: [], path: null, body: null },
        response: { headers: [], body: null, status: [], mask: [] },
        ...{ credentials: { passOn: [], inject: [] }, mock: [] },
      },
    });
  });
});

describe('a compiled definition', () => {
  it('has in versions and endpoints only what they say themselves, whole where it has parts.', () => {
    const { versions, endpoints } = compiled({
      versions: [{ name: 'v1', timeout_ms: 500 }],
      endpoints: [
        { path: '/orders', methods: ['GET'], cache: { mode: 'ttl', ttl_seconds: 60, vary_headers: ['X-A'] } },
      ],
    });
    expect(versions[0]?.policy).toEqual({ timeoutMs: 500 });
    expect(Object.keys(endpoints[0]?.policy ?? {})).toEqual(['cache']);
    expect(endpoints[0]).toMatchObject({
      ...{ id: 'get-orders', versions: null, when: [], priority: 0 },
      policy: { cache: { ttlSeconds: 60, varyHeaders: ['x-a'], perCaller: null } },
    });
  });

  it('takes the first version for requests that name none, unless it says otherwise.', () => {
    const versions = [{ name: 'v1' }, { name: 'v2' }];
    expect(compiled({ versions }).versioning).toMatchObject({ default: 'v1', takesFirst: true });
    const chosen = { by: ['path', 'header', 'accept'], default: 'v2' };
    expect(compiled({ versions, versioning: { default: 'v2' } }).versioning).toEqual(chosen);
    expect(compiled({ versions, versioning: { default: null } }).versioning.default).toBeNull();
  });

  it('follows weights that differ, and gives pools what the API says for all of them.', () => {
    const url = 'https://a.example.com';
    const pools = [
      { name: 'a', upstreams: [{ url, weight: 9 }, { url: 'https://b.example.com' }] },
      { name: 'b', upstreams: [{ url }], ejection: { consecutive_failures: 2 } },
    ];
    const api = compiled({ upstreams: undefined, pools, ejection: { consecutive_failures: 7 } });
    expect(api.pools.map(({ balancing }) => balancing.algorithm)).toEqual(['weighted', 'round_robin']);
    expect(api.pools.map(({ ejection }) => ejection.consecutiveFailures)).toEqual([7, 2]);
    expect(api.policy.split).toEqual([{ pool: 'a', weight: 1 }]);
    expect(api.pools.flatMap(({ upstreams }) => upstreams.map(({ proven }) => proven))).toEqual([false, false, false]);
  });

  it('compares host names and header names in lower case.', () => {
    const when = [
      { in: 'host', equals: 'API.example.com' },
      { in: 'header', name: 'X-Tier', one_of: ['Gold'] },
      { in: 'query', name: 'Debug', exists: false },
    ];
    expect(compiled({ endpoints: [{ path: '/', when }] }).endpoints[0]?.when).toEqual([
      { in: 'host', name: '', test: { equals: 'api.example.com' } },
      { in: 'header', name: 'x-tier', test: { oneOf: ['Gold'] } },
      { in: 'query', name: 'Debug', test: { exists: false } },
    ]);
  });

  it('names endpoints by method and path, each once, and leaves the names that were given.', () => {
    const endpoints = [
      ...[{ path: '/a/{id}' }, { path: '/a/{id}', methods: ['GET'] }, { path: '/a-id', id: 'any-a-id' }],
      ...[{ path: '/a.{id}' }, { path: '/' }],
    ];
    const ids = compiled({ endpoints }).endpoints.map(({ id }) => id);
    expect(ids).toEqual(['any-a-id-2', 'get-a-id', 'any-a-id', 'any-a-id-3', 'any']);
  });
});

const secret = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => text !== '***' && text.isWellFormed());

const policy = fc.record(
  {
    cost: fc.integer({ min: 1, max: 9 }),
    retries: fc.integer({ min: 0, max: 5 }),
    credentials: fc.record({
      inject: fc.uniqueArray(
        fc.record({ in: fc.constantFrom('header', 'query'), name: fc.constantFrom('a', 'b', 'c'), secret }),
        { selector: (entry) => `${entry.in} ${entry.name}`, maxLength: 3 },
      ),
    }),
  },
  { requiredKeys: [] },
);

const NAMES = ['a', 'b', 'c', 'd', 'e'];

const definition: fc.Arbitrary<ApiDefinition> = fc
  .record({
    policy,
    versions: fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), policy), { selector: ([name]) => name }),
    endpoints: fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), policy), { selector: ([name]) => name }),
  })
  .map((parts) =>
    apiDefinition.parse({
      ...SMALL,
      ...parts.policy,
      versions: parts.versions.map(([name, fields]) => ({ ...fields, name })),
      endpoints: parts.endpoints.map(([name, fields]) => ({ ...fields, id: name, path: `/${name}` })),
    }),
  );

describe('any definition', () => {
  it('that is shown and sent back is what it was, with the secrets that were stored.', async () => {
    await fc.assert(
      fc.asyncProperty(definition, async (sent) => {
        const stored = await sealSecrets(RING, 'api-1', sent, undefined);
        const shown = maskSecrets(stored);
        expect(JSON.stringify(shown)).toBe(JSON.stringify(maskSecrets(sent)));
        const again = await sealSecrets(RING, 'api-1', apiDefinition.parse(JSON.parse(JSON.stringify(shown))), stored);
        expect(again).toEqual(stored);
        expect(compileApi(again, FACTS)).toEqual(compileApi(stored, FACTS));
        // Sent again with the secrets themselves it is the same too.
        expect(await sealSecrets(RING, 'api-1', sent, stored)).toEqual(stored);
      }),
      { numRuns: 50 },
    );
  });

  it('differs from itself in nothing, and from another in what they do not share.', () => {
    fc.assert(
      fc.property(definition, definition, (one, other) => {
        expect(changesBetween(one, structuredClone(one))).toEqual([]);
        const same = JSON.stringify(one) === JSON.stringify(other);
        expect(changesBetween(one, other).length === 0).toBe(same);
        expect(changesBetween(one, other).length).toBe(changesBetween(other, one).length);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a secret', () => {
  it('is sealed for its API alone.', async () => {
    const credentials = { inject: [{ in: 'header', name: 'X-Key', secret: 'open sesame' }] };
    const stored = await sealSecrets(RING, 'api-1', apiDefinition.parse({ ...SMALL, credentials }), undefined);
    const sealed = stored.credentials?.inject?.[0]?.secret ?? '';
    expect(sealed).not.toContain('open sesame');
    expect(await open(RING, sealed, 'api:api-1:credential')).toBe('open sesame');
    await expect(open(RING, sealed, 'api:api-2:credential')).rejects.toThrow();
  });

  it('is masked in differences, also where it has changed.', async () => {
    const withSecret = (text: string) => {
      const credentials = { inject: [{ in: 'header', name: 'X-Key', secret: text }] };
      return sealSecrets(RING, 'api-1', apiDefinition.parse({ ...SMALL, credentials }), undefined);
    };
    const [one, other] = [await withSecret('one'), await withSecret('other')];
    const path = '/credentials/inject/X-Key/secret';
    expect(changesBetween(one, other)).toEqual([{ op: 'replace', path, before: '***', after: '***' }]);
    expect(changesBetween(undefined, one).find((change) => change.path === '/credentials')).toEqual({
      ...{ op: 'add', path: '/credentials' },
      after: { inject: [{ in: 'header', name: 'X-Key', secret: '***' }] },
    });
  });
});

describe('a difference', () => {
  const of = (before: object, after: object) =>
    changesBetween(apiDefinition.parse({ ...SMALL, ...before }), apiDefinition.parse({ ...SMALL, ...after }));

  it('of one endpoint more is one, wherever it stands.', () => {
    const endpoints = [
      { id: 'a', path: '/a' },
      { id: 'b', path: '/b' },
    ];
    const more = { id: 'c', path: '/c' };
    expect(of({ endpoints }, { endpoints: [more, ...endpoints] })).toEqual([
      { op: 'add', path: '/endpoints/c', after: more },
    ]);
  });

  it('names members by what they are called, and tells another order.', () => {
    const pools = (...names: string[]) => ({
      upstreams: undefined,
      pools: names.map((name) => ({ name, upstreams: [{ url: 'https://a.example.com/x' }] })),
    });
    expect(of(pools('a', 'b'), pools('b', 'a'))).toEqual([
      { op: 'reorder', path: '/pools', before: ['a', 'b'], after: ['b', 'a'] },
    ]);
    expect(of({}, { upstreams: [{ ...SMALL.upstreams[0], weight: 3 }] })).toEqual([
      { op: 'add', path: '/upstreams/https:~1~1proven.example.com~1v1~1/weight', after: 3 },
    ]);
  });

  it('tells what was removed and replaced, with what was there.', () => {
    expect(of({ description: 'old', retries: 2 }, { retries: 3 })).toEqual([
      { op: 'remove', path: '/description', before: 'old' },
      { op: 'replace', path: '/retries', before: 2, after: 3 },
    ]);
  });
});
