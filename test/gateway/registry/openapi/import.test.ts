import { describe, expect, it } from 'vitest';
import { parseDocument } from '../../../../src/gateway/registry/openapi/document.ts';
import { mergedEndpoints, readDocument } from '../../../../src/gateway/registry/openapi/import.ts';
import { AppError } from '../../../../src/kernel/errors.ts';

const documentOf = (fields: object) => ({ openapi: '3.1.0', info: { title: 'Shop' }, ...fields });

/** A document with one operation. */
const withGet = (operation: object, fields: object = {}) =>
  documentOf({ paths: { '/orders/{id}': { get: operation } }, ...fields });

const read = (document: Parameters<typeof parseDocument>[0], location?: string) =>
  readDocument(parseDocument(document), location);

const endpointOf = (document: object) => read({ ...document }).sources[0]?.endpoint;

function faultsOf(document: Parameters<typeof parseDocument>[0]): string[] {
  try {
    read(document);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.details?.map(({ path, message }) => `${path} ${message}`) ?? [error.message];
  }
}

const warningsOf = (document: object) =>
  read({ ...document }).warnings.map(({ path, message }) => `${path} ${message}`);

const ofJson = (schema: unknown, more: object = {}) => ({
  responses: { '200': { description: 'ok', content: { 'application/json': { schema, ...more } } } },
});

describe('an operation', () => {
  it('becomes an endpoint with its id, method, path and description.', () => {
    const operation = { operationId: 'getOrder', summary: 'One order', deprecated: true, 'x-weir-cost': 3 };
    expect(endpointOf(withGet(operation))).toEqual({
      ...{ id: 'getOrder', methods: ['GET'], path: '/orders/{id}', description: 'One order' },
      ...{ deprecated: true, cost: 3 },
    });
  });

  it('is named by what of its operationId is a name here.', () => {
    expect(endpointOf(withGet({ operationId: '/orders/get one' }))?.id).toBe('orders-get-one');
    expect(endpointOf(withGet({ operationId: '***' }))?.id).toBeUndefined();
  });

  it('may have parameters of any name, which are spelled as names here.', () => {
    const { sources } = read(documentOf({ paths: { '/a/{order.id}/{2nd}': { put: {} } } }));
    expect(sources[0]?.endpoint.path).toBe('/a/{order_id}/{_2nd}');
  });

  it('asks for the scopes of its security requirement that a key can hold.', () => {
    const own = (security: unknown) => endpointOf(withGet({ security }))?.scopes;
    expect(own([{ oauth: ['orders:read', 'write:orders'] }])).toEqual(['orders:read', 'write:orders']);
    expect(own([{ a: ['orders:read'] }, { b: ['orders:read'] }])).toEqual(['orders:read']);
    expect(own([])).toBeUndefined();
    expect(endpointOf(withGet({}, { security: [{ a: ['orders:read'] }] }))?.scopes).toEqual(['orders:read']);
  });

  it('says which scopes were left out.', () => {
    expect(warningsOf(withGet({ security: [{ a: ['https://x/y', 'keys:fly'] }] }))).toEqual([
      '/paths/~1orders~1{id}/get/security asks for the scope https://x/y, which is none that a key can hold; it was left out',
      '/paths/~1orders~1{id}/get/security asks for the scope keys:fly, which is none that a key can hold; it was left out',
    ]);
    expect(warningsOf(withGet({ security: [{ a: ['o:r'] }, {}] }))).toEqual([
      '/paths/~1orders~1{id}/get/security has alternatives with different scopes, of which none was taken over',
    ]);
  });

  it('answers test keys with its examples, and with data of its schemas.', () => {
    const responses = {
      '200': {
        content: {
          'application/json': {
            schema: { $ref: '#/components/schemas/Order' },
            examples: {
              one: { value: { id: 1 } },
              two: { $ref: '#/components/examples/Two' },
              far: { externalValue: 'x' },
            },
          },
        },
      },
      '204': { description: 'nothing' },
      '4XX': { $ref: '#/components/responses/Bad' },
      default: { description: 'else' },
    };
    const components = {
      schemas: { Order: { type: 'object', properties: { id: { type: 'integer' } }, title: 'Order' } },
      examples: { Two: { value: { id: 2 } } },
      responses: { Bad: { content: { 'text/plain': { example: 'bad' } } } },
    };
    const order = { type: 'object', properties: { id: { type: 'integer' } } };
    const json = { status: 200, content_type: 'application/json' };
    expect(endpointOf(withGet({ responses }, { components }))?.mock).toEqual([
      { ...json, name: 'one', example: { id: 1 }, schema: order },
      { ...json, name: 'two', example: { id: 2 } },
      { status: 204 },
      { status: 400, content_type: 'text/plain', example: 'bad' },
    ]);
  });
});

describe('a schema', () => {
  const schemaOf = (schema: unknown, schemas: object = {}) =>
    endpointOf(withGet(ofJson(schema), { components: { schemas } }))?.mock?.[0]?.schema;

  it('is cut where it refers to itself.', () => {
    const Node = {
      type: 'object',
      properties: {
        name: { type: 'string' },
        parent: { $ref: '#/components/schemas/Node' },
        children: { type: 'array', items: { $ref: '#/components/schemas/Node' } },
        kind: { oneOf: [{ $ref: '#/components/schemas/Node' }, { type: 'string' }] },
      },
    };
    expect(schemaOf({ $ref: '#/components/schemas/Node' }, { Node })).toEqual({
      type: 'object',
      properties: {
        name: { type: 'string' },
        children: { type: 'array', minItems: 0, maxItems: 0 },
        kind: { oneOf: [{ type: 'string' }] },
      },
    });
    expect(schemaOf({ $ref: '#/components/schemas/A' }, { A: { $ref: '#/components/schemas/A' } })).toBeUndefined();
  });

  it('keeps what stands beside a reference, and what OpenAPI 3.0 says of null.', () => {
    const schemas = { Name: { type: 'string', maxLength: 5 } };
    expect(
      schemaOf({ $ref: '#/components/schemas/Name', maxLength: 3, nullable: true, type: 'string' }, schemas),
    ).toEqual({
      ...{ type: ['string', 'null'], maxLength: 3 },
    });
  });

  it('is cut where it grows by references to references.', () => {
    const twice = (name: string) => ({
      type: 'object',
      properties: { a: { $ref: `#/components/schemas/${name}` }, b: { $ref: `#/components/schemas/${name}` } },
    });
    const names = Array.from({ length: 40 }, (_, index) => `S${index}`);
    const schemas = Object.fromEntries(names.map((name, index) => [name, twice(names[index + 1] ?? 'End')]));
    const document = withGet(ofJson({ $ref: '#/components/schemas/S0' }), {
      components: { schemas: { ...schemas, End: {} } },
    });
    expect(warningsOf(document)).toEqual([
      expect.stringContaining('is large or deep; parts of it were left out of the mock answer'),
    ]);
    expect(JSON.stringify(endpointOf(document)).length).toBeLessThan(33_000);
  });

  it('is cut where it is deeper than what is stored, and keeps no member that changes what objects are.', () => {
    let deep: object = { type: 'string' };
    for (let level = 0; level < 10_000; level += 1) deep = { type: 'array', items: deep };
    expect(JSON.stringify(schemaOf(deep)).length).toBeLessThan(1_000);
    const odd = JSON.parse('{"properties":{"__proto__":{"type":"string"},"a":{"type":"string"}}}') as object;
    expect(schemaOf(odd)).toEqual({ properties: { a: { type: 'string' } } });
  });
});

describe('a document', () => {
  const paths = { '/orders': { get: { operationId: 'list' } } };

  it('may be JSON or YAML.', () => {
    const yaml =
      'openapi: 3.0.3\ninfo: { title: Shop }\npaths:\n  /orders:\n    get:\n      responses:\n        200: { description: ok }\n';
    expect(read(yaml).sources.map(({ endpoint }) => endpoint)).toEqual([
      { methods: ['GET'], path: '/orders', mock: [{ status: 200 }] },
    ]);
    expect(read(`\n ${JSON.stringify(documentOf({ paths }))}`).name).toBe('Shop');
  });

  it('names as upstream the first server at an https address.', () => {
    const of = (servers: unknown, location?: string) => read(documentOf({ paths, servers }), location).upstream;
    const servers = [
      { url: 'http://a.example' },
      {
        url: 'https://{region}.example.com/{base}/',
        variables: { region: { default: 'eu' }, base: { default: 'v1' } },
      },
    ];
    expect(of(servers)).toEqual({ url: 'https://eu.example.com/v1', pointer: '/servers/1/url' });
    expect(of([{ url: '/api' }])).toBeUndefined();
    expect(of([{ url: '/api/' }], 'https://example.com/docs/openapi.json')?.url).toBe('https://example.com/api');
    expect(of('none')).toBeUndefined();
  });

  it.each<[what: string, document: Record<string, unknown> | string, fault: string]>([
    ['Swagger 2.0', { swagger: '2.0' }, '/swagger Swagger 2.0 is not read; convert the document to OpenAPI 3 first'],
    ['another version', { openapi: '4.0.0' }, '/openapi must be 3.0 or 3.1'],
    ['no object', '[]', 'The document must be an object'],
    ['no paths', documentOf({}), '/paths must be an object of paths'],
    [
      'no operations',
      documentOf({ paths: {} }),
      '/paths must have operations: an API without endpoints forwards everything',
    ],
    [
      'a reference to another document',
      withGet(ofJson({ $ref: 'https://169.254.169.254/schema.json' })),
      '/paths/~1orders~1{id}/get/responses/200/content/application~1json/schema/$ref refers to another document; only references inside of this one are followed',
    ],
    [
      'a reference to what every object has',
      withGet({ responses: { '200': { $ref: '#/constructor' } } }),
      '/paths/~1orders~1{id}/get/responses/200/$ref refers to nothing in this document',
    ],
    [
      'references in a circle',
      withGet({ responses: { '200': { $ref: '#/paths/~1orders~1{id}/get/responses/200' } } }),
      '/paths/~1orders~1{id}/get/responses/200/$ref leads to more than 8 references, one after another',
    ],
    [
      'a field of another kind',
      withGet({ operationId: 7 }),
      '/paths/~1orders~1{id}/get/operationId Invalid input: expected string, received number',
    ],
    [
      'an operationId that is there twice',
      documentOf({ paths: { '/a': { get: { operationId: 'x' } }, '/b': { get: { operationId: 'x' } } } }),
      '/paths/~1b/get has the id x, as has another operation',
    ],
    [
      'YAML that stands for more than it is',
      'a: &a [x, x]\nb: &b [*a, *a]\nopenapi: 3.1.0',
      'The document is not YAML that can be read: it must not have aliases',
    ],
    ['YAML that nests too deep', '['.repeat(100_000), 'The document is not YAML that can be read'],
    ['large YAML', `a: ${'x'.repeat(1_100_000)}`, 'A document of more than 1 MB must be JSON'],
  ])('is refused for %s.', (_, document, fault) => {
    expect(faultsOf(document)).toEqual([expect.stringContaining(fault)]);
  });

  it('of ten megabytes is read within its bounds.', () => {
    const operation = ofJson({ type: 'string', enum: ['x'.repeat(10_000)] });
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`/p${n}`, { get: operation }]));
    const { sources, warnings } = read(JSON.stringify(documentOf({ paths: many })));
    expect(sources.length).toBe(1_000);
    expect(JSON.stringify(sources).length).toBeLessThan(800_000);
    expect(warnings).toEqual([expect.objectContaining({ message: expect.stringContaining('more than 600 KB') })]);
  });
});

describe('an import into endpoints that there are', () => {
  it('changes nothing that the document says nothing of, and forgets what it no longer says.', () => {
    const { sources } = read(withGet({ operationId: 'getOrder' }));
    const kept = { cost: 4, timeout_ms: 500, cache: { mode: 'ttl' as const, ttl_seconds: 3 } };
    const before = [
      { id: 'getOrder', methods: ['GET' as const], path: '/old', deprecated: true, description: 'old', ...kept },
      { id: 'gone', path: '/gone' },
    ];
    expect(mergedEndpoints(sources, before)).toEqual([
      { id: 'getOrder', methods: ['GET'], path: '/orders/{id}', ...kept },
    ]);
  });

  it('knows an endpoint without an operationId by its method and path.', () => {
    const { sources } = read(withGet({}));
    const before = [{ id: 'mine', methods: ['GET' as const], path: '/orders/{order}', cost: 2 }];
    expect(mergedEndpoints(sources, before)).toEqual([{ id: 'mine', methods: ['GET'], path: '/orders/{id}', cost: 2 }]);
  });
});
