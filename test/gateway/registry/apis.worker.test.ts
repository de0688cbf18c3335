import { describe, expect, it } from 'vitest';
import { newKey } from '../../identity/api-keys-fixture.ts';
import { get, newCompany, newStaff, post, put, remove, statuses } from '../../identity/company.ts';
import { call, expectOk, signUp } from '../../support/api.ts';
import { rowCounts } from '../../support/database.ts';
import { API, dataOf, detailsOf, newApi, PATH, type Put, putOf, putYaml } from './fixture.ts';

describe('an API that is registered', () => {
  it('is shown with its definition as it was written, in the personal organization by default.', async () => {
    const person = await signUp();
    const answer = await post(person, `${PATH}?note=first`, { ...API, description: 'd', endpoints: [{ path: '/a' }] });
    expect(answer.status).toBe(201);
    const summary = {
      ...{ id: expect.stringMatching(/^[0-9a-f-]{36}$/), organization_id: person.personalOrganizationId },
      ...{ slug: 'orders', name: 'Orders', description: 'd', visibility: 'keyed', status: 'active', revision: 1 },
      ...{ created_at: expect.stringMatching(/Z$/), updated_at: expect.stringMatching(/Z$/) },
    };
    const definition = { ...API, description: 'd', endpoints: [{ id: 'any-a', path: '/a' }] };
    expect(answer.body).toMatchObject({ data: { ...summary, definition } });
    const shown = { data: dataOf(answer) };
    expect((await get(person, `${PATH}/${dataOf(answer).id}`)).body).toEqual(shown);
    expect((await get(person, `${PATH}/orders`)).body).toEqual(shown);
    const page = { total: 1, limit: 20, offset: 0, has_more: false };
    expect((await get(person, PATH)).body).toEqual({ data: [summary], pagination: page });
  });

  it('is found by its slug in the organization that is named, and by its id in none but its own.', async () => {
    const person = await signUp();
    const company = await newCompany(person);
    const { id } = await newApi(person, { organization_id: company.id });
    expect((await get(person, `${PATH}/orders`)).status).toBe(404);
    expect((await get(person, `${PATH}/orders?organization_id=${company.id}`)).status).toBe(200);
    expect((await get(person, `${PATH}/${id}?organization_id=${person.personalOrganizationId}`)).status).toBe(404);
    await newApi(person);
  });

  it('is listed with the newest first, by status, visibility and part of its name.', async () => {
    const person = await signUp();
    await newApi(person, { slug: 'one', visibility: 'public' });
    await newApi(person, { slug: 'two', status: 'deprecated', name: 'Second 100%' });
    await newApi(person, { slug: 'three' });
    const slugs = async (query: string) =>
      dataOf<{ slug: string }[]>(await get(person, `${PATH}?${query}`)).map(({ slug }) => slug);
    expect(await slugs('limit=2')).toEqual(['three', 'two']);
    expect(await slugs('limit=2&offset=2')).toEqual(['one']);
    expect(await slugs('status=deprecated')).toEqual(['two']);
    expect(await slugs('visibility=public')).toEqual(['one']);
    expect(await slugs('search=SECOND')).toEqual(['two']);
    expect(await slugs('search=0%25')).toEqual(['two']);
    expect(await slugs('search=%25')).toEqual(['two']);
    expect(await slugs('search=hre')).toEqual(['three']);
    expect((await get(person, `${PATH}?status=new`)).status).toBe(400);
  });

  it('is shown and listed as what it is by now, and keeps what was written of it.', async () => {
    const person = await signUp();
    const sunset_at = '2026-01-01T00:00:00Z';
    await newApi(person, { slug: 'one', sunset_at });
    await newApi(person, {
      slug: 'two',
      status: 'deprecated',
      deprecated_at: sunset_at,
      sunset_at: '2126-01-01T00:00:00Z',
    });
    await newApi(person, { slug: 'three' });
    const listed = async (query: string) => (await get(person, `${PATH}?${query}`)).body;
    const of = (slug: string, status: string) => expect.objectContaining({ slug, status });
    const pagination = { total: 1, limit: 20, offset: 0, has_more: false };
    expect(await listed('status=retired')).toEqual({ data: [of('one', 'retired')], pagination });
    expect(await listed('status=deprecated')).toEqual({ data: [of('two', 'deprecated')], pagination });
    expect(await listed('status=active')).toEqual({ data: [of('three', 'active')], pagination });
    const shown = (await get(person, `${PATH}/one`)).body as { data: { status: string; definition: object } };
    expect(shown.data.status).toBe('retired');
    expect(shown.data.definition).not.toHaveProperty('status');
    const again = await put(person, `${PATH}/one`, shown.data.definition);
    expect(again).toMatchObject({ status: 200, body: { result: 'unchanged', data: { status: 'retired' } } });
  });

  it('that is called deprecated without a date is so since then, however often it is said.', async () => {
    const person = await signUp();
    const sent = { ...API, status: 'deprecated' };
    const first = putOf(await put(person, `${PATH}/orders`, sent));
    expect(first.data.definition['deprecated_at']).toMatch(/Z$/);
    expect(putOf(await put(person, `${PATH}/orders`, sent))).toMatchObject({ result: 'unchanged', changes: [] });
    const changed = putOf(await put(person, `${PATH}/orders`, { ...sent, retries: 3 }));
    expect(changed.changes.map(({ path }) => path)).toEqual(['/retries']);
    expect(putOf(await put(person, `${PATH}/orders`, API)).data.definition).not.toHaveProperty('deprecated_at');
  });

  it('is refused with the names of the fields that are wrong, and nothing is written.', async () => {
    const person = await signUp();
    const before = await rowCounts();
    const upstreams = [{ url: 'https://169.254.169.254/' }];
    const answer = await post(person, PATH, { ...API, slug: 'triggers', upstreams, endpoints: [{ path: 'x' }] });
    expect(answer).toMatchObject({ status: 400, body: { error: 'validation_failed' } });
    expect(detailsOf(answer)).toEqual([
      { path: 'slug', message: 'is the name of a resource of our own' },
      { path: 'upstreams.0.url', message: 'must name a host, not an IP address' },
      { path: 'endpoints.0.path', message: 'A path begins with a slash' },
    ]);
    expect(await rowCounts()).toEqual(before);
  });

  it('keeps its slug from a second one in its organization, and from none in another.', async () => {
    const person = await signUp();
    await newApi(person);
    const again = await post(person, PATH, API);
    expect(again).toMatchObject({ status: 409, body: { error: 'conflict' } });
    await newApi(person, { organization_id: (await newCompany(person)).id });
  });

  it('is gone with its revisions when it is deleted, and its slug is free.', async () => {
    const person = await signUp();
    const { id } = await newApi(person);
    expect((await remove(person, `${PATH}/orders`)).status).toBe(204);
    expect(statuses([await get(person, `${PATH}/${id}`), await remove(person, `${PATH}/${id}`)])).toEqual([404, 404]);
    expect((await get(person, `${PATH}/${id}/revisions`)).status).toBe(404);
    expect((await newApi(person)).revision).toBe(1);
  });

  it('is at most 1 MB once it is compiled.', async () => {
    const person = await signUp();
    const request = { query: [{ do: 'set', name: 'a', value: 'x'.repeat(4_000) }] };
    const endpoints = (count: number) => Array.from({ length: count }, (_, n) => ({ path: `/${n}`, request }));
    await newApi(person, { endpoints: endpoints(240) });
    const answer = await post(person, PATH, { ...API, slug: 'larger', endpoints: endpoints(254) });
    expect(answer).toMatchObject({ status: 400, body: { error: 'bad_request' } });
  });
});

describe('one document', () => {
  it('creates what is not there, replaces what is, and changes nothing when it is sent again.', async () => {
    const person = await signUp();
    const { slug: _, ...document } = API;
    const created = await put(person, `${PATH}/orders`, document);
    expect(created).toMatchObject({ status: 201, body: { result: 'created', dry_run: false, data: { revision: 1 } } });
    const again = await put(person, `${PATH}/orders`, API);
    expect(again).toMatchObject({ status: 200, body: { result: 'unchanged', changes: [], data: { revision: 1 } } });
    const replaced = await put(person, `${PATH}/orders?note=faster`, { ...document, timeout_ms: 500 });
    expect(replaced).toMatchObject({ status: 200, body: { result: 'replaced', data: { revision: 2 } } });
    expect(putOf(replaced).changes).toEqual([{ op: 'add', path: '/timeout_ms', after: 500 }]);
    const { data } = (await get(person, `${PATH}/orders/revisions`)).body as { data: object[] };
    expect(data).toMatchObject([{ revision: 2, note: 'faster', actor: `user:${person.id}` }, { revision: 1 }]);
  });

  it('may be YAML, which is the same as the JSON it stands for.', async () => {
    const person = await signUp();
    const yaml = [
      '# our orders',
      'name: Orders',
      'upstreams:',
      '  - url: https://example.com/base',
      '    weight: 2',
      'endpoints:',
      '  - { path: "/orders/{id}", methods: [GET, PUT] }',
      'description: |',
      '  two',
      '  lines',
    ].join('\n');
    const made = await putYaml(person, `${PATH}/orders`, yaml);
    expect(made.status).toBe(201);
    const { definition } = putOf(made).data;
    expect(definition).toMatchObject({ upstreams: [{ weight: 2 }], endpoints: [{ id: 'get-put-orders-id' }] });
    expect(definition['description']).toBe('two\nlines\n');
    expect((await put(person, `${PATH}/orders`, definition)).body).toMatchObject({ result: 'unchanged' });
    const headers = { Accept: 'application/yaml' };
    const back = await call('GET', `${PATH}/orders`, { token: person.token, headers });
    expect(back.headers.get('Content-Type')).toBe('application/yaml');
    expect(back.headers.get('Vary')).toContain('Accept');
    expect((await putYaml(person, `${PATH}/orders`, String(back.body))).body).toMatchObject({ result: 'unchanged' });
    expect((await get(person, `${PATH}/orders`)).headers.get('Content-Type')).toBe('application/json');
    expect((await putYaml(person, `${PATH}/orders`, yaml)).body).toMatchObject({ result: 'unchanged' });
  });

  it.each([
    ['an alias', 'name: &a Orders\nslug: *a', 'it must not have aliases'],
    ['a bomb of aliases', `a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]`, 'it must not have aliases'],
    ['a key twice', 'name: a\nname: b', 'Map keys must be unique'],
    ['a tag of its own', 'name: !!js/function "a"', 'Unresolved tag'],
    ['two documents', 'name: a\n---\nname: b', 'Source contains multiple documents'],
    ['a fault', 'name: [a', 'Flow sequence in block collection'],
    ['more depth than a stack has', '['.repeat(50_000), 'The body is not YAML that can be read'],
  ])('is refused when its YAML has %s.', async (_, yaml, message) => {
    const person = await signUp();
    const answer = await putYaml(person, `${PATH}/orders`, yaml);
    expect(answer).toMatchObject({ status: 400, body: { error: 'bad_request' } });
    expect((answer.body as { message: string }).message).toContain(message);
  });

  it('is refused in YAML like in JSON, and taken in no third language, nor in YAML elsewhere.', async () => {
    const person = await signUp();
    const wrong = await putYaml(person, `${PATH}/orders`, 'name: 7\nupstreams: []\nextra: 1');
    expect(wrong.status).toBe(400);
    expect(
      detailsOf(wrong)
        ?.map(({ path }) => path)
        .sort(),
    ).toEqual(['extra', 'name', 'upstreams']);
    expect((await putYaml(person, `${PATH}/orders`, '- a')).status).toBe(400);
    const headers = { 'Content-Type': 'text/plain' };
    const text = await call('PUT', `${PATH}/orders`, { token: person.token, body: JSON.stringify(API), headers });
    expect(text).toMatchObject({ status: 415, body: { error: 'unsupported_media_type' } });
    const yaml = { 'Content-Type': 'application/yaml' };
    const made = await call('POST', PATH, { token: person.token, body: 'name: a', headers: yaml });
    expect(made).toMatchObject({ status: 400, body: { error: 'bad_request' } });
  });

  it('tells in a dry run what it would change, and writes nothing.', async () => {
    const person = await signUp();
    const before = await rowCounts();
    const would = await put(person, `${PATH}/orders?dry_run=true`, API);
    expect(would).toMatchObject({
      status: 200,
      body: { result: 'created', dry_run: true, data: { id: null, created_at: null, revision: 1 } },
    });
    expect(putOf(would).changes.map(({ op, path }) => [op, path])).toEqual([
      ['add', '/slug'],
      ['add', '/name'],
      ['add', '/upstreams'],
    ]);
    expect(await rowCounts()).toEqual(before);
    await newApi(person);
    const changed = { ...API, upstreams: [{ url: 'https://other.example.com' }] };
    const { changes, data } = await expectOk<Put>(200, put(person, `${PATH}/orders?dry_run=true`, changed));
    expect(changes).toEqual([
      { op: 'remove', path: '/upstreams/https:~1~1example.com~1base', before: API.upstreams[0] },
      { op: 'add', path: '/upstreams/https:~1~1other.example.com', after: changed.upstreams[0] },
    ]);
    expect(data.revision).toBe(2);
    expect((await get(person, `${PATH}/orders`)).body).toMatchObject({ data: { revision: 1, definition: API } });
    expect((await put(person, `${PATH}/orders?dry_run=yes`, API)).status).toBe(400);
  });

  it('goes through only at the revision that its sender has seen, if they say which.', async () => {
    const person = await signUp();
    const at = (revision: number, fields = {}) =>
      put(person, `${PATH}/orders?revision=${revision}`, { ...API, ...fields });
    expect(statuses([await at(1), await at(0)])).toEqual([409, 201]);
    expect(statuses([await at(0), await at(1, { retries: 2 }), await at(1, { retries: 3 })])).toEqual([409, 200, 409]);
  });

  it('may give another slug to an API that it names by its id, and cannot make one by an id.', async () => {
    const person = await signUp();
    const { id } = await newApi(person);
    await newApi(person, { slug: 'taken' });
    expect((await put(person, `${PATH}/${id}`, { ...API, slug: 'renamed' })).body).toMatchObject({
      result: 'replaced',
    });
    expect((await get(person, `${PATH}/renamed`)).body).toMatchObject({ data: { id, revision: 2 } });
    expect((await put(person, `${PATH}/${id}`, { ...API, slug: 'taken' })).status).toBe(409);
    expect((await put(person, `${PATH}/${crypto.randomUUID()}`, API)).status).toBe(404);
    const other = await put(person, `${PATH}/renamed`, API);
    expect(detailsOf(other)).toEqual([{ path: 'slug', message: 'must be the slug in the address' }]);
  });
});

describe('a secret', () => {
  const inject = (secret: string, fields = {}) => ({ inject: [{ in: 'header', name: 'X-Key', secret, ...fields }] });

  it('is never shown, and stays when its mask is sent back.', async () => {
    const person = await signUp();
    const { definition } = await newApi(person, { credentials: inject('open sesame') });
    expect(definition['credentials']).toEqual(inject('***'));
    const path = `${PATH}/orders`;
    expect((await put(person, path, definition)).body).toMatchObject({ result: 'unchanged' });
    expect((await put(person, path, { ...definition, credentials: inject('open sesame') })).body).toMatchObject({
      result: 'unchanged',
    });
    const changed = await put(person, path, { ...definition, credentials: inject('another') });
    expect(putOf(changed).changes).toMatchObject([{ op: 'replace', before: '***', after: '***' }]);
    const kept = await put(person, path, { ...definition, retries: 4 });
    expect(putOf(kept).data.definition['credentials']).toEqual(inject('***'));
    const shown = [changed, kept, await get(person, `${path}/revisions/1`), await get(person, `${path}/diff?from=1`)];
    expect(JSON.stringify(shown.map(({ body }) => body))).not.toMatch(/sesame|another|[\w-]+\.[A-Za-z0-9+/]{40}/);
  });

  it('must be given again for another place, and where it would be sent to another upstream.', async () => {
    const person = await signUp();
    const { definition } = await newApi(person, { credentials: inject('open sesame') });
    const refused = async (fields: object) =>
      detailsOf(await put(person, `${PATH}/orders`, { ...definition, ...fields }));
    const path = 'credentials.inject.0.secret';
    const notStored = 'is the mask of a secret, but no such secret is stored; give the secret itself';
    expect(await refused({ credentials: inject('***', { name: 'X-Other' }) })).toEqual([{ path, message: notStored }]);
    const message = 'must be given again, because it would be sent to an upstream that was not sent it before';
    const upstreams = [...API.upstreams, { url: 'https://mine.example.net' }];
    expect(await refused({ upstreams })).toEqual([{ path, message }]);
    expect(await refused({ upstreams: [{ url: 'https://example.com:8443/base' }] })).toEqual([{ path, message }]);
    expect(await refused({ upstreams: [{ url: 'https://example.com/other' }] })).toEqual([{ path, message }]);
    expect(await refused({ upstreams: [{ url: 'https://example.com./base/' }] })).toBeUndefined();
  });
});

describe('who may', () => {
  it('read is a viewer, and change is a member.', async () => {
    const { company, people } = await newStaff();
    const fields = { ...API, organization_id: company.id };
    expect((await post(people.viewer, PATH, fields)).status).toBe(403);
    const { id } = await newApi(people.member, { organization_id: company.id });
    expect((await get(people.viewer, `${PATH}/${id}`)).status).toBe(200);
    const by = [
      await put(people.viewer, `${PATH}/${id}`, API),
      await put(people.viewer, `${PATH}/${id}?dry_run=true`, API),
      await remove(people.viewer, `${PATH}/${id}`),
      await post(people.viewer, `${PATH}/${id}/purge`, { all: true }),
    ];
    expect(statuses(by)).toEqual([403, 403, 403, 403]);
  });

  it('a key for trying things out may read and not change.', async () => {
    const person = await signUp();
    const { id } = await newApi(person);
    const { key } = await newKey(person, { environment: 'test', permissions: ['read', 'write'] });
    const headers = { 'X-API-Key': key };
    expect((await call('GET', `${PATH}/${id}`, { headers })).status).toBe(200);
    expect((await call('DELETE', `${PATH}/${id}`, { headers })).status).toBe(403);
  });

  it('a stranger finds nothing, by id or by slug, whatever they send.', async () => {
    const [person, stranger] = [await signUp(), await signUp()];
    const { id, organization_id } = await newApi(person);
    const paths = [`${PATH}/${id}`, `${PATH}/orders?organization_id=${organization_id}`, `${PATH}/orders`];
    for (const path of paths) {
      expect((await get(stranger, path)).status).toBe(404);
      expect((await remove(stranger, path)).status).toBe(404);
    }
    expect((await put(stranger, `${PATH}/${id}`, API)).status).toBe(404);
    expect((await put(stranger, `${PATH}/orders?organization_id=${organization_id}`, API)).status).toBe(404);
    expect((await put(stranger, `${PATH}/orders`, API)).body).toMatchObject({
      data: { organization_id: stranger.personalOrganizationId },
    });
    expect((await get(person, `${PATH}/${id}`)).body).toMatchObject({ data: { revision: 1 } });
  });
});
