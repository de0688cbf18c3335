import { describe, expect, it } from 'vitest';
import { type CheckDeps, checkDefinition } from '../../../src/gateway/registry/check.ts';
import { apiDefinition } from '../../../src/gateway/registry/definition.ts';
import { withEndpointIds } from '../../../src/gateway/registry/endpoint-ids.ts';
import { checkTransform } from '../../../src/gateway/transform/check.ts';
import { AppError } from '../../../src/kernel/errors.ts';
import { parseAllowList } from '../../../src/outbound/allow-list.ts';
import { urlFault } from '../../../src/outbound/guard.ts';

const POLICY = { allow: parseAllowList('localhost'), ownHosts: ['weir.test'], dohUrl: 'https://dns.example/' };

const DEPS: CheckDeps = {
  urlFault: (url) => urlFault(url, POLICY),
  reservedSlugs: new Set(['triggers']),
  checkPolicy: checkTransform,
};

const SMALL = { slug: 'orders', name: 'Orders', upstreams: [{ url: 'https://example.com' }] };
const A = { url: 'https://a.example.com' };

/** What is said of a definition: of its shape, or of its parts together. */
function faultsOf(fields: object): string[] {
  const parsed = apiDefinition.strict().safeParse({ ...SMALL, ...fields });
  if (!parsed.success) {
    return parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  }
  try {
    checkDefinition(withEndpointIds(parsed.data), DEPS);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.code).toBe('validation_failed');
    return (error.details ?? []).map(({ path, message }) => `${path}: ${message}`);
  }
}

const pool = (name: string, ...upstreams: object[]) => ({ name, upstreams });
const two = { upstreams: undefined, pools: [pool('a', A), pool('b', A)] };

const GOOD: [what: string, fields: object][] = [
  ['nothing but an upstream', {}],
  ['an upstream that is drained', { upstreams: [A, { url: 'https://b.example.com', weight: 0 }] }],
  ['a permission and a scope of its own', { scopes: ['apis:read', 'orders:refund'] }],
  ['an upstream on a host that the operator allows', { upstreams: [{ url: 'http://localhost:9000/base/' }] }],
  [
    'a secret of all that a field holds, and a check of a path with a query',
    {
      credentials: { inject: [{ in: 'header', name: 'X-Key', secret: 'a b\t~!"{' }] },
      health_check: { path: '/health/a%20b/?deep=../x&next=//y;z' },
    },
  ],
  [
    'two pools and a canary',
    {
      ...two,
      split: [
        { pool: 'a', weight: 99 },
        { pool: 'b', weight: 0 },
      ],
    },
  ],
  ['one path for all methods and for one', { endpoints: [{ path: '/a' }, { path: '/a', methods: ['GET'] }] }],
  [
    'one path in two versions',
    {
      versions: [{ name: 'v1', successor: 'v2' }, { name: 'v2' }],
      endpoints: [
        { path: '/a', versions: ['v1'] },
        { path: '/a', versions: ['v2'] },
      ],
    },
  ],
  [
    'one path by predicates, and by priority',
    {
      endpoints: [
        { path: '/{a}', when: [{ in: 'header', name: 'x', equals: '1' }] },
        { path: '/{b}', when: [{ in: 'header', name: 'x', equals: '2' }] },
        { path: '/{c}', priority: 1 },
      ],
    },
  ],
  ['every kind of segment', { endpoints: [{ path: '/a/{b}/{c}.json/{rest*}' }] }],
  ['an API that is succeeded by another', { successor: 'https://example.com/v2' }],
  [
    'a template for a secret',
    { credentials: { inject: [{ in: 'header', name: 'A', template: 'B {{secret}}', secret: 's' }] } },
  ],
];

const BAD: [fields: object, fault: string][] = [
  [{ slug: 'triggers' }, 'slug: is the name of a resource of our own'],
  [{ slug: '0192f0c1-a2b3-7c4d-8e9f-a0b1c2d3e4f5' }, 'slug: must not look like an id'],
  ...['ab', 'Orders', '-orders', 'orders-', 'or_ders', 'a'.repeat(64)].map((slug): [object, string] => [
    { slug },
    'slug: ',
  ]),
  [{ upstreams: undefined }, 'upstreams: is needed unless there are pools, and must be left out then'],
  [{ pools: two.pools }, 'upstreams: is needed unless there are pools, and must be left out then'],
  [{ upstreams: [] }, 'upstreams: '],
  [{ upstreams: Array.from({ length: 51 }, () => A) }, 'upstreams: '],
  [{ upstreams: [A, { url: 'https://a.example.com/' }] }, 'upstreams.1.url: is in the pool already'],
  [{ upstreams: [{ ...A, backup: true }] }, 'upstreams: must have one that is no backup'],
  [{ upstreams: [{ url: 'http://example.com' }] }, 'upstreams.0.url: must use https'],
  [{ upstreams: [{ url: 'https://127.0.0.1' }] }, 'upstreams.0.url: must name a host, not an IP address'],
  [{ upstreams: [{ url: 'https://2130706433' }] }, 'upstreams.0.url: must name a host, not an IP address'],
  [{ upstreams: [{ url: 'https://api.weir.test' }] }, 'upstreams.0.url: must not be an address of this service'],
  [{ upstreams: [{ url: 'https://me:pw@example.com' }] }, 'upstreams.0.url: must not contain a user name or password'],
  [{ upstreams: [{ url: 'https://example.com/?a' }] }, 'upstreams.0.url: must not have a query'],
  [{ upstreams: [{ url: 'https://example.com/#a' }] }, 'upstreams.0.url: must not have a fragment'],
  [{ upstreams: [{ ...A, weight: -1 }] }, 'upstreams.0.weight: '],
  [{ upstreams: [{ ...A, weight: 0 }] }, 'upstreams: must have a weight above 0'],
  [
    {
      upstreams: [
        { ...A, weight: 0 },
        { url: 'https://b.example.com', backup: true },
      ],
    },
    'upstreams: must have a weight',
  ],
  [{ upstreams: [{ ...A, extra: 1 }] }, 'upstreams.0: '],
  [{ ...two, pools: [pool('a', A), pool('a', A)] }, 'pools.1.name: is the name of another pool'],
  [{ ...two, pools: [pool('a', { url: 'https://10.0.0.1' })] }, 'pools.0.upstreams.0.url: must name a host'],
  ...['/../x', '/a/%2e%2E/x', '/.', '//evil.test/x', '/\\evil', '/a%2f..', '/a;x', '/%zz', '/%00?a=b'].map(
    (path): [fields: object, message: string] => [
      { health_check: { path } },
      'health_check.path: must not have dot segments, empty segments, path parameters, or slashes in disguise',
    ],
  ),
  ...['a\r\nx-evil: 1', 'a\nb', 'clé', 'a\u007f'].map((secret): [fields: object, message: string] => [
    { credentials: { inject: [{ in: 'header', name: 'X-Key', secret }] } },
    'credentials.inject.0.secret: must be visible ASCII characters, blanks and tabs',
  ]),
  [{ health_check: { path: 'up' } }, 'health_check.path: must be a path of visible ASCII characters'],
  [
    { health_check: { path: '/', interval_ms: 5_000, timeout_ms: 6_000 } },
    'health_check.timeout_ms: must not be longer',
  ],
  [{ split: [{ pool: 'b', weight: 1 }] }, 'split.0.pool: must be the name of a pool'],
  [
    {
      ...two,
      split: [
        { pool: 'a', weight: 1 },
        { pool: 'a', weight: 1 },
      ],
    },
    'split.1.pool: is named twice',
  ],
  [{ split: [{ pool: 'default', weight: 0 }] }, 'split: must have a weight above 0'],
  [{ versions: [{ name: 'v1' }, { name: 'v1' }] }, 'versions.1.name: is the name of another version'],
  [{ versions: [{ name: 'v 1' }] }, 'versions.0.name: '],
  [{ versions: [{ name: 'v1', successor: 'v1' }] }, 'versions.0.successor: must be the name of another version'],
  [
    { versions: [{ name: 'v1', split: [{ pool: 'x', weight: 1 }] }] },
    'versions.0.split.0.pool: must be the name of a pool',
  ],
  [{ versions: Array.from({ length: 21 }, (_, n) => ({ name: `v${n}` })) }, 'versions: '],
  [{ versioning: {} }, 'versioning: is only for an API with versions'],
  [{ versions: [{ name: 'v1' }], versioning: { default: 'v2' } }, 'versioning.default: must be the name of a version'],
  [{ versions: [{ name: 'v1' }], versioning: { by: ['path', 'path'] } }, 'versioning.by: must not name a place twice'],
  [
    { deprecated_at: '2026-02-01T00:00:00Z', sunset_at: '2026-01-01T00:00:00Z' },
    'sunset_at: must not be before deprecated_at',
  ],
  [{ successor: 'v2' }, 'successor: must be the name of another version, or an address'],
  [{ endpoints: [{ path: 'orders' }] }, 'endpoints.0.path: '],
  [{ endpoints: [{ path: '/a//b' }] }, 'endpoints.0.path: '],
  [{ endpoints: [{ path: '/a/../b' }] }, 'endpoints.0.path: '],
  [{ endpoints: [{ path: '/a%2Fb' }] }, 'endpoints.0.path: '],
  [{ endpoints: [{ path: '/{rest*}/b' }] }, 'endpoints.0.path: '],
  [{ endpoints: [{ path: '/{a}/{a}' }] }, 'endpoints.0.path: '],
  [{ endpoints: [{ path: '/a', methods: ['TRACE'] }] }, 'endpoints.0.methods.0: '],
  [{ endpoints: [{ path: '/a', methods: ['GET', 'GET'] }] }, 'endpoints.0.methods: must not name a method twice'],
  [{ endpoints: [{ path: '/a', versions: ['v1'] }] }, 'endpoints.0.versions.0: must be the name of a version'],
  [
    {
      endpoints: [
        { path: '/a', id: 'x' },
        { path: '/b', id: 'x' },
      ],
    },
    'endpoints.1.id: is the id of another endpoint',
  ],
  [{ endpoints: [{ path: '/{a}' }, { path: '/{b}' }] }, 'endpoints.1: takes the same requests as the endpoint any-a'],
  [
    {
      endpoints: [
        { path: '/a', methods: ['GET', 'PUT'] },
        { path: '/a/', methods: ['PUT', 'POST'] },
      ],
    },
    'endpoints.1: takes the same requests as the endpoint get-put-a',
  ],
  [
    {
      endpoints: [
        {
          path: '/a',
          when: [
            { in: 'query', name: 'x', exists: true },
            { in: 'host', prefix: 'a.' },
          ],
        },
        {
          path: '/a',
          when: [
            { in: 'host', prefix: 'a.' },
            { in: 'query', exists: true, name: 'x' },
          ],
        },
      ],
    },
    'endpoints.1: takes the same requests as the endpoint any-a',
  ],
  [{ endpoints: [{ path: '/a', when: [{ in: 'host' }] }] }, 'endpoints.0.when.0: must have exactly one of'],
  [{ endpoints: [{ path: '/a', when: [{ in: 'query', exists: true }] }] }, 'endpoints.0.when.0.name: is needed'],
  [{ endpoints: [{ path: '/a', when: Array(9).fill({ in: 'host', equals: 'a' }) }] }, 'endpoints.0.when: '],
  [{ endpoints: [{ path: '/a', extra: 1 }] }, 'endpoints.0: '],
  [{ endpoints: Array.from({ length: 1_001 }, (_, n) => ({ path: `/${n}` })) }, 'endpoints: '],
  [{ endpoints: [{ path: '/a', request: { path: '{{wrong}}' } }] }, 'endpoints.0.request.path: '],
  [{ request: { headers: [{ do: 'set', name: 'A' }] } }, 'request.headers.0.value: is needed'],
  [{ request: { headers: [{ do: 'set', name: 'A\r\nB', value: 'x' }] } }, 'request.headers.0.name: '],
  [{ cost: 0 }, 'cost: '],
  [{ timeout_ms: 120_001 }, 'timeout_ms: '],
  [{ scopes: ['keys:fly'] }, 'scopes.0: must be a permission, or a scope such as orders:refund'],
  [{ scopes: ['Orders:refund'] }, 'scopes.0: '],
  [{ cache: { mode: 'ttl' } }, 'cache.ttl_seconds: is needed for the mode ttl, and for no other'],
  [{ cache: { mode: 'origin', ttl_seconds: 5 } }, 'cache.ttl_seconds: is needed for the mode ttl, and for no other'],
  [
    {
      response: {
        status: [
          { from: 404, to: 200 },
          { from: 404, to: 204 },
        ],
      },
    },
    'response.status.1.from: is mapped twice',
  ],
  [
    { credentials: { inject: [{ in: 'header', name: 'A', template: 'x', secret: 's' }] } },
    'credentials.inject.0.template: ',
  ],
  [
    { credentials: { inject: ['A', 'a'].map((name) => ({ in: 'header', name, secret: 's' })) } },
    'credentials.inject.1.name: is injected twice',
  ],
  [{ cors: { origins: ['*', 'https://example.com'] } }, 'cors.origins: must have "*" alone'],
  [{ cors: { origins: ['*'], credentials: true } }, 'cors.credentials: must not go with the origin "*"'],
  [{ cors: { origins: ['https://example.com:443'] } }, 'cors.origins.0: must be an origin as browsers send it'],
  [{ mock: [{ example: JSON.parse('['.repeat(40) + ']'.repeat(40)) }] }, 'mock.0.example: must be at most 16 levels'],
  [{ name: 'a\u0000b' }, 'name: '],
  [{ extra: 1 }, ': '],
];

describe('a definition', () => {
  it.each(GOOD)('may have %s.', (_, fields) => {
    expect(faultsOf(fields)).toEqual([]);
  });

  it.each(BAD)('is refused by the name of the field: %j', (fields, fault) => {
    expect(faultsOf(fields)).toContainEqual(expect.stringContaining(fault));
  });

  it('is told all its faults at once, fifty of them.', () => {
    const endpoints = Array.from({ length: 60 }, (_, n) => ({ path: `${n}` }));
    expect(faultsOf({ slug: 'triggers', endpoints })).toHaveLength(50);
  });
});
