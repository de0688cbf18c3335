import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { newKey } from '../../../identity/api-keys-fixture.ts';
import { get, post, put } from '../../../identity/company.ts';
import { type Answer, call, type Person, signUp } from '../../../support/api.ts';
import { rowCounts } from '../../../support/database.ts';
import { newReceiver } from '../../../support/lab/client.ts';
import { detailsOf, newApi, PATH, type Put, putOf, type Shown } from '../fixture.ts';

const ORDER = { type: 'object', properties: { id: { type: 'integer' } } };

const DOCUMENT = {
  openapi: '3.1.0',
  info: { title: 'Order Service', description: 'All orders' },
  servers: [{ url: 'https://example.com/base/' }],
  paths: {
    '/orders/{id}': {
      get: {
        operationId: 'getOrder',
        responses: { '200': { content: { 'application/json': { schema: { $ref: '#/components/schemas/Order' } } } } },
      },
      delete: { operationId: 'dropOrder', security: [{ oauth: ['orders:drop'] }] },
    },
  },
  components: { schemas: { Order: ORDER } },
};

const ENDPOINTS = [
  {
    ...{ id: 'getOrder', methods: ['GET'], path: '/orders/{id}' },
    mock: [{ status: 200, content_type: 'application/json', schema: ORDER }],
  },
  { id: 'dropOrder', methods: ['DELETE'], path: '/orders/{id}', scopes: ['orders:drop'] },
];

const importNew = (person: Person, body: object) => post(person, `${PATH}/import`, body);
const outcome = ({ body }: Answer) => body as Put & { warnings: object[] };
const messageOf = ({ body }: Answer) => (body as { message: string }).message;

describe('an OpenAPI document', () => {
  it('makes an API with its endpoints, upstream and texts, as its first revision.', async () => {
    const person = await signUp();
    const answer = await post(person, `${PATH}/import?note=first`, { document: DOCUMENT });
    expect(answer).toMatchObject({ status: 201, body: { result: 'created', dry_run: false } });
    expect(outcome(answer).warnings).toMatchObject([
      { path: '/servers/0/url', message: expect.stringMatching('^gets no calls before example.com') },
    ]);
    const { data } = outcome(answer);
    expect(data).toMatchObject({ slug: 'order-service', name: 'Order Service', revision: 1 });
    expect(data.definition).toEqual({
      ...{ slug: 'order-service', name: 'Order Service', description: 'All orders' },
      ...{ upstreams: [{ url: 'https://example.com/base' }], endpoints: ENDPOINTS },
    });
    expect(await get(person, `${PATH}/${data.id}/revisions`)).toMatchObject({ body: { data: [{ note: 'first' }] } });
    const trail = await get(person, `/api/v1/audit-logs?action=api.create&target_id=${data.id}`);
    expect(trail).toMatchObject({ status: 200, body: { data: [{ action: 'api.create' }] } });
  });

  it('may be a text, be named otherwise, and tell first what it would make.', async () => {
    const person = await signUp();
    const before = await rowCounts();
    const body = {
      document: JSON.stringify(DOCUMENT),
      slug: 'mine',
      name: 'Mine',
      visibility: 'public',
      dry_run: true,
    };
    const answer = await importNew(person, { ...body, upstreams: [{ url: 'https://example.org' }] });
    expect(answer).toMatchObject({ status: 200, body: { result: 'created', dry_run: true, data: { id: null } } });
    expect(outcome(answer).data.definition).toMatchObject({
      slug: 'mine',
      upstreams: [{ url: 'https://example.org' }],
    });
    expect(await rowCounts()).toEqual(before);
  });

  it('never replaces an API that there is.', async () => {
    const person = await signUp();
    await newApi(person, { slug: 'order-service' });
    const taken = await importNew(person, { document: DOCUMENT });
    expect(taken).toMatchObject({ status: 409, body: { error: 'conflict' } });
    expect(messageOf(taken)).toMatch(/^The slug order-service is taken; POST \S+\/order-service\/import/);
  });

  it('is refused by the places in it that cannot be imported, and nothing is written.', async () => {
    const person = await signUp();
    const before = await rowCounts();
    const bad = {
      ...{ ...DOCUMENT, servers: [{ url: 'https://169.254.169.254/' }] },
      paths: { '/a/{x}{y}': { get: { operationId: 'a' } }, '/b': { get: {}, put: { operationId: 'x'.repeat(70) } } },
    };
    const answer = await importNew(person, { document: bad });
    expect(answer).toMatchObject({ status: 400, body: { error: 'validation_failed' } });
    expect(detailsOf(answer)).toEqual([
      { path: '/servers/0/url', message: 'must name a host, not an IP address' },
      { path: '/paths/~1a~1{x}{y}', message: '{x}{y} has parameters with nothing between them' },
    ]);
    expect(await rowCounts()).toEqual(before);
  });

  it('is refused where something is missing that only the caller can say.', async () => {
    const person = await signUp();
    const refused = async (body: object) => detailsOf(await importNew(person, body))?.[0]?.path;
    expect(await refused({})).toBe('document');
    expect(await refused({ document: DOCUMENT, url: 'https://example.com/' })).toBe('document');
    expect(await refused({ document: { ...DOCUMENT, servers: [] } })).toBe('upstreams');
    expect(await refused({ document: { ...DOCUMENT, info: {} } })).toBe('name');
    expect(await refused({ document: { ...DOCUMENT, info: { title: '??' } } })).toBe('slug');
  });
});

describe('a document at an address', () => {
  it('is fetched without credentials, and relative servers are meant from there.', async () => {
    const person = await signUp();
    const document = { ...DOCUMENT, servers: [{ url: 'https://example.com/base' }] };
    const receiver = await newReceiver([{ body: JSON.stringify(document) }]);
    const answer = await importNew(person, { url: receiver.url });
    expect(answer).toMatchObject({ status: 201, body: { data: { definition: { endpoints: ENDPOINTS } } } });
    const [received] = await receiver.received();
    expect(received?.headers['authorization']).toBeUndefined();
  });

  it.each([
    ['an error', { status: 404 }, 'The address answered with status 404'],
    ['a redirect', { status: 302, headers: { Location: '/' } }, 'status 302; redirects are not followed'],
    ['more than there may be', { body: 'x'.repeat(4 * 1024 * 1024 + 1) }, 'sent more than 4 MB'],
    ['nothing', { hangUp: true }, 'could not be reached'],
  ])('that answers with %s is told.', async (_, step, message) => {
    const person = await signUp();
    const { url } = await newReceiver([step]);
    const answer = await importNew(person, { url });
    expect(answer).toMatchObject({ status: 400, body: { error: 'bad_request' } });
    expect(messageOf(answer)).toContain(message);
  });

  it.each(['http://169.254.169.254/latest', 'file:///etc/passwd', 'https://localhost.internal/'])(
    'is not fetched where nothing may be sent to it: %s',
    async (url) => {
      const person = await signUp();
      const answer = await importNew(person, { url });
      expect(answer).toMatchObject({ status: 400, body: { error: 'bad_request' } });
      expect(messageOf(answer)).toContain('The document could not be fetched: The address must');
    },
  );
});

describe('a document for an API that there is', () => {
  it('replaces its endpoints, and leaves the rest as it is, secrets included.', async () => {
    const person = await signUp();
    const credentials = { inject: [{ in: 'header', name: 'X-Up', secret: 'hidden' }] };
    const old = [{ id: 'getOrder', path: '/old', cost: 5, credentials }, { path: '/gone' }];
    const { id, definition } = await newApi(person, { credentials, endpoints: old, timeout_ms: 900 });
    const answer = await post(person, `${PATH}/${id}/import?note=again`, { document: DOCUMENT });
    expect(answer).toMatchObject({ status: 200, body: { result: 'replaced', data: { revision: 2 } } });
    const [first, ...others] = ENDPOINTS;
    const masked = { inject: [{ in: 'header', name: 'X-Up', secret: '***' }] };
    const endpoints = [{ ...first, cost: 5, credentials: masked }, ...others];
    expect(outcome(answer).data.definition).toEqual({ ...definition, endpoints });
    const again = await post(person, `${PATH}/${id}/import`, { document: DOCUMENT });
    expect(again).toMatchObject({ status: 200, body: { result: 'unchanged', changes: [] } });
  });

  it('tells first what would change, and is refused where the revision is another.', async () => {
    const person = await signUp();
    const { id } = await newApi(person);
    const dry = await post(person, `${PATH}/${id}/import`, { document: DOCUMENT, dry_run: true });
    expect(dry).toMatchObject({ status: 200, body: { result: 'replaced', dry_run: true } });
    expect(putOf(dry).changes).toEqual([{ op: 'add', path: '/endpoints', after: ENDPOINTS }]);
    expect(await get(person, `${PATH}/${id}`)).toMatchObject({ body: { data: { revision: 1 } } });
    expect((await post(person, `${PATH}/${id}/import?revision=7`, { document: DOCUMENT })).status).toBe(409);
  });

  it('loses no change that is made meanwhile: of two at once one is made, and the other is made on it or refused.', async () => {
    const person = await signUp();
    const { id, definition } = await newApi(person);
    const answers = await Promise.all([
      post(person, `${PATH}/${id}/import`, { document: DOCUMENT }),
      put(person, `${PATH}/${id}`, { ...definition, timeout_ms: 700 }),
    ]);
    const [imported, changed] = answers.map(({ status }) => status);
    expect(changed).toBe(200);
    const { body } = await get(person, `${PATH}/${id}`);
    const now = (body as { data: Shown }).data;
    // Refused when the change came between, else one stands on the other.
    expect([200, 409]).toContain(imported);
    expect(now.revision).toBe(imported === 200 ? 3 : 2);
    if (now.definition['endpoints']) expect(now.definition['timeout_ms']).toBe(imported === 200 ? 700 : undefined);
  });
});

describe('the OpenAPI document of an API', () => {
  it('is given as JSON and as YAML, and makes the same endpoints when it is imported.', async () => {
    const person = await signUp();
    const made = outcome(await importNew(person, { document: DOCUMENT }));
    const json = await get(person, `${PATH}/order-service/openapi.json`);
    expect(json.status).toBe(200);
    expect(json.body).toMatchObject({
      ...{ openapi: '3.1.0', info: { title: 'Order Service', version: '1' } },
      servers: [
        { url: `https://weir.test/g/personal-${person.id}/order-service` },
        { url: 'https://weir.test/api/v1/order-service' },
      ],
    });
    const yaml = await get(person, `${PATH}/${made.data.id}/openapi.yaml`);
    expect(yaml.headers.get('content-type')).toBe('application/yaml');
    expect(parse(yaml.body as string)).toEqual(json.body);
    const again = await post(person, `${PATH}/${made.data.id}/import`, { document: yaml.body });
    expect(again).toMatchObject({ status: 200, body: { result: 'unchanged' } });
    expect((await get(person, `${PATH}/order-service/openapi.json?version=v9`)).status).toBe(404);
  });
});

describe('a scope of an organization’s own', () => {
  it('is given on by a key to no key if it has not got it itself.', async () => {
    const person = await signUp();
    const permissions = ['keys:read', 'keys:write', 'orders:read'];
    const { key } = await newKey(person, { key_type: 'restricted', permissions });
    const made = (scope: string) => {
      const body = { name: 'Other', environment: 'live', key_type: 'restricted', permissions: [scope] };
      return call('POST', '/api/v1/api-keys', { headers: { 'X-API-Key': key }, body });
    };
    expect((await made('orders:read')).status).toBe(201);
    const answer = await made('orders:refund');
    expect(answer).toMatchObject({ status: 403, body: { error: 'forbidden' } });
    expect(messageOf(answer)).toContain('orders:refund');
  });
});
