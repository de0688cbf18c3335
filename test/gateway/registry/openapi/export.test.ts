import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HTTP_METHODS } from '../../../../src/access/path-pattern.ts';
import { type ApiDefinition, apiDefinition } from '../../../../src/gateway/registry/definition.ts';
import { exportDocument } from '../../../../src/gateway/registry/openapi/export.ts';
import { readDocument } from '../../../../src/gateway/registry/openapi/import.ts';
import { AppError } from '../../../../src/kernel/errors.ts';

const NOW = Date.UTC(2026, 2, 2);

const FACTS = { revision: 4, addresses: ['https://weir.test/g/acme/orders'], version: undefined, now: NOW };

const API: ApiDefinition = {
  ...{ slug: 'orders', name: 'Orders', upstreams: [{ url: 'https://secret.example.com' }] },
  credentials: { inject: [{ in: 'header', name: 'X-Up', secret: '***' }] },
  versions: [{ name: 'v1' }, { name: 'v2' }, { name: 'v0', status: 'retired' }],
  endpoints: [
    { id: 'get', methods: ['GET'], path: '/orders/{id}', scopes: ['orders:read'], cost: 2, deprecated: true },
    { id: 'other', methods: ['GET'], path: '/orders/{order}', versions: ['v2'], timeout_ms: 500 },
    { id: 'files', path: '/files/{rest*}' },
  ],
};

describe('the OpenAPI document of an API', () => {
  it('says what callers see, and nothing of what stands behind it.', () => {
    const document = exportDocument(API, FACTS);
    expect(document).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'Orders', version: '4' },
      servers: [
        {
          url: 'https://weir.test/g/acme/orders/{version}',
          variables: { version: { enum: ['v1', 'v2'], default: 'v1' } },
        },
      ],
      security: [{ apiKey: [] }, { bearer: [] }],
      components: { securitySchemes: { apiKey: { in: 'header', name: 'X-API-Key' }, bearer: { scheme: 'bearer' } } },
    });
    expect(document['paths']).toMatchObject({
      '/orders/{id}': {
        get: {
          ...{ operationId: 'get', deprecated: true, 'x-weir-cost': 2, 'x-weir-scopes': ['orders:read'] },
          parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
          security: [{ apiKey: ['orders:read'] }, { bearer: ['orders:read'] }],
          'x-weir-alternatives': [{ id: 'other', versions: ['v2'] }],
        },
      },
      '/files/{rest}': { get: { operationId: 'files-get' }, patch: { operationId: 'files-patch' } },
    });
    const text = JSON.stringify(document);
    for (const word of ['secret', 'X-Up', 'timeout', '500']) expect(text).not.toContain(word);
  });

  it('may be of one version.', () => {
    const document = exportDocument({ ...API, endpoints: API.endpoints?.slice(1) }, { ...FACTS, version: 'v1' });
    expect(document['servers']).toEqual([{ url: 'https://weir.test/g/acme/orders/v1' }]);
    expect(Object.keys(document['paths'] as object)).toEqual(['/files/{rest}']);
    expect(() => exportDocument(API, { ...FACTS, version: 'v9' })).toThrow(AppError);
  });

  it('names no version that is past its sunset, and tells what is in force.', () => {
    const [v1, ...others] = API.versions ?? [];
    const gone = { name: 'v1', ...v1, sunset_at: new Date(NOW).toISOString() };
    const api = { ...API, versions: [gone, ...others], versioning: { by: ['header' as const] } };
    const before = JSON.stringify(exportDocument(api, { ...FACTS, now: NOW - 1 }));
    expect(before).toContain('"enum":["v1","v2"]');
    expect(JSON.stringify(exportDocument(api, FACTS))).toContain('"enum":["v2"]');
    expect(exportDocument(api, { ...FACTS, version: 'v1' })['info']).toMatchObject({ 'x-weir-status': 'retired' });
    const ended = { ...API, deprecated_at: '2026-01-01T00:00:00Z' };
    expect(exportDocument(ended, FACTS)['info']).toMatchObject({ 'x-weir-status': 'deprecated' });
    expect(exportDocument(ended, { ...FACTS, version: 'v2' })['info']).toMatchObject({
      'x-weir-status': 'deprecated',
    });
  });

  it('tells the field that chooses a version, where that is no part of the address.', () => {
    const document = exportDocument({ ...API, versioning: { by: ['header'], default: null } }, FACTS);
    expect(document['servers']).toEqual([{ url: 'https://weir.test/g/acme/orders' }]);
    expect(JSON.stringify(document['paths'])).toContain(
      '{"name":"X-API-Version","in":"header","required":true,"schema":{"type":"string","enum":["v1","v2"]}}',
    );
  });

  it('says of a public API that it takes no key, but where scopes are asked for.', () => {
    const document = exportDocument({ ...API, visibility: 'public' }, FACTS);
    expect(document['security']).toEqual([{}, { apiKey: [] }, { bearer: [] }]);
  });
});

const PATHS = ['/a', '/a/', '/a/{id}', '/a/{name}', '/a/{id}.json', '/b/{rest*}', '/b/{rest}', '/caf%C3%A9'];

const schema = fc.constantFrom(
  { type: 'string', format: 'email' },
  { type: 'object', properties: { id: { type: 'integer', minimum: 1 } }, required: ['id'] },
  { type: 'array', items: { type: 'object', properties: { a: { enum: [1, null] } } } },
);

const json = fc
  .jsonValue({ maxDepth: 3, noUnicodeString: false })
  .filter((value) => !JSON.stringify(value).includes('\\u0000'));

/** The mock answers that OpenAPI has words for: of a status and type either named examples or one, and one schema. */
const mocks = fc
  .uniqueArray(
    fc.record({
      status: fc.constantFrom(200, 201, 404),
      content_type: fc.constantFrom('application/json', 'text/plain'),
      body: fc.oneof(
        fc.record({ schema }),
        fc.record({ example: json }),
        fc.record({ example: json, schema }),
        fc.record({
          names: fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 3 }),
          example: json,
        }),
      ),
    }),
    { maxLength: 4, selector: ({ status, content_type }) => `${status} ${content_type}` },
  )
  .map((answers) =>
    answers.flatMap(({ body, ...answer }) => {
      if (!('names' in body)) return [{ ...answer, ...body }];
      return body.names.map((name) => ({ ...answer, name, example: body.example }));
    }),
  );

const endpoint = fc.record(
  {
    methods: fc.oneof(
      fc.constantFrom(...HTTP_METHODS).map((method) => [method]),
      fc.uniqueArray(fc.constantFrom(...HTTP_METHODS), { minLength: 2, maxLength: 4 }),
    ),
    path: fc.constantFrom(...PATHS),
    versions: fc.constantFrom(['v1'], ['v2'], ['v1', 'v2']),
    when: fc.constantFrom([{ in: 'header', name: 'X-Beta', equals: '1' }], [{ in: 'query', name: 'q', exists: true }]),
    priority: fc.integer({ min: -5, max: 5 }),
    description: fc.constantFrom('One.', 'Two\nlines'),
    deprecated: fc.constant(true),
    cost: fc.integer({ min: 1, max: 1_000 }),
    scopes: fc.constantFrom([], ['orders:read'], ['apis:read', 'orders:refund']),
    mock: mocks,
  },
  { requiredKeys: ['path'] },
);

const sorted = (endpoints: readonly object[]) =>
  endpoints
    .map((one) => JSON.parse(JSON.stringify(one)) as Record<string, unknown>)
    .map(({ methods, mock, ...rest }) => ({
      ...rest,
      ...(Array.isArray(methods) && methods.length > 0 && { methods: [...methods].sort() }),
      ...(Array.isArray(mock) && mock.length > 0 && { mock: mock.map((one) => JSON.stringify(sortKeys(one))).sort() }),
    }))
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
    .map(sortKeys);

const sortKeys = (value: unknown): unknown => {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sortKeys);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, sortKeys(item)]));
};

describe('an exported document that is imported', () => {
  it('gives the same endpoints.', () => {
    fc.assert(
      fc.property(fc.array(endpoint, { minLength: 1, maxLength: 8 }), (made) => {
        const endpoints = made.map((one, index) => ({ ...one, id: `e${index}` }));
        const api = apiDefinition.parse({ ...API, endpoints });
        const text = JSON.stringify(exportDocument(api, FACTS));
        const { sources } = readDocument(JSON.parse(text) as Record<string, unknown>, undefined);
        expect(sorted(sources.map(({ endpoint: read }) => read))).toEqual(sorted(api.endpoints ?? []));
      }),
      { numRuns: 500 },
    );
  });
});
