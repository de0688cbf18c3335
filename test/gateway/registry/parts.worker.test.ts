import { describe, expect, it } from 'vitest';
import { get, post, put, remove, statuses } from '../../identity/company.ts';
import { expectOk, signUp } from '../../support/api.ts';
import { dataOf, detailsOf, newApi, PATH } from './fixture.ts';

const VERSIONS = `${PATH}/orders/versions`;
const ENDPOINTS = `${PATH}/orders/endpoints`;

describe('a version', () => {
  it('is added, shown, replaced and deleted, and each change makes a revision.', async () => {
    const person = await signUp();
    await newApi(person);
    expect((await get(person, VERSIONS)).body).toEqual({ data: [] });
    const v1 = { name: 'v1', status: 'deprecated', changelog: [{ date: '2026-01-02', text: 'Old' }], retries: 0 };
    const made = await post(person, VERSIONS, v1);
    expect(made).toMatchObject({ status: 201, body: { data: v1 } });
    const { deprecated_at } = dataOf<{ deprecated_at: string }>(made);
    expect(Math.abs(Date.parse(deprecated_at) - Date.now())).toBeLessThan(60_000);
    expect((await get(person, `${VERSIONS}/v1`)).body).toEqual({ data: { ...v1, deprecated_at } });
    expect(await put(person, `${VERSIONS}/v1`, { status: 'retired' })).toMatchObject({ status: 200 });
    expect((await get(person, VERSIONS)).body).toEqual({ data: [{ name: 'v1', status: 'retired' }] });
    expect((await remove(person, `${VERSIONS}/v1`)).status).toBe(204);
    expect((await get(person, `${PATH}/orders`)).body).toMatchObject({ data: { revision: 4 } });
    const { data } = (await get(person, `${PATH}/orders/revisions`)).body as { data: { note: string }[] };
    expect(data.map(({ note }) => note)).toEqual([
      'version v1 deleted',
      'version v1 replaced',
      'version v1 added',
      null,
    ]);
  });

  it('is refused twice, under another name, and where there is none.', async () => {
    const person = await signUp();
    await newApi(person, { versions: [{ name: 'v1' }] });
    expect(await post(person, VERSIONS, { name: 'v1' })).toMatchObject({ status: 409, body: { error: 'conflict' } });
    const other = await put(person, `${VERSIONS}/v1`, { name: 'v2' });
    expect(detailsOf(other)).toEqual([{ path: 'name', message: 'must be the name in the address' }]);
    const wrong = await post(person, VERSIONS, { name: 'v2', successor: 'v9', split: [{ pool: 'x', weight: 1 }] });
    expect(detailsOf(wrong)?.map(({ path }) => path)).toEqual(['successor', 'split.0.pool']);
    const missing = [
      await get(person, `${VERSIONS}/v2`),
      await put(person, `${VERSIONS}/v2`, {}),
      await remove(person, `${VERSIONS}/v2`),
      await get(person, `${PATH}/nothing/versions`),
    ];
    expect(statuses(missing)).toEqual([404, 404, 404, 404]);
  });

  it('cannot be deleted while something names it.', async () => {
    const person = await signUp();
    const versions = [{ name: 'v1', successor: 'v2' }, { name: 'v2' }, { name: 'v3' }];
    await newApi(person, { versions, versioning: { default: 'v3' }, endpoints: [{ path: '/a', versions: ['v1'] }] });
    const messages = [];
    for (const name of ['v1', 'v2', 'v3']) {
      const answer = await remove(person, `${VERSIONS}/${name}`);
      expect(answer.status).toBe(409);
      messages.push((answer.body as { message: string }).message);
    }
    expect(messages).toEqual(
      ['the endpoint any-a', 'the version v1', 'versioning.default'].map(
        (who) => `The version is still named by ${who}`,
      ),
    );
  });

  it('is one of twenty at most.', async () => {
    const person = await signUp();
    await newApi(person, { versions: Array.from({ length: 20 }, (_, n) => ({ name: `v${n}` })) });
    expect(await post(person, VERSIONS, { name: 'more' })).toMatchObject({
      status: 400,
      body: { error: 'bad_request', message: 'An API has at most 20 versions' },
    });
  });
});

describe('an endpoint', () => {
  it('is added, named, shown, replaced under its id, and deleted.', async () => {
    const person = await signUp();
    await newApi(person);
    const sent = { path: '/orders/{id}', methods: ['GET'], cost: 5, cache: { mode: 'ttl', ttl_seconds: 9 } };
    const made = await post(person, ENDPOINTS, sent);
    expect(made).toMatchObject({ status: 201, body: { data: { ...sent, id: 'get-orders-id' } } });
    const path = `${ENDPOINTS}/get-orders-id`;
    expect((await get(person, path)).body).toEqual(made.body);
    const replaced = await put(person, path, { path: '/orders/{order}' });
    expect(replaced.body).toEqual({ data: { id: 'get-orders-id', path: '/orders/{order}' } });
    expect((await get(person, ENDPOINTS)).body).toEqual({ data: [dataOf(replaced)] });
    expect((await remove(person, path)).status).toBe(204);
    expect((await get(person, ENDPOINTS)).body).toEqual({ data: [] });
    expect(statuses([await get(person, path), await put(person, path, sent), await remove(person, path)])).toEqual([
      404, 404, 404,
    ]);
  });

  it('is refused by the names of its own fields, and when it cannot be told from another.', async () => {
    const person = await signUp();
    await newApi(person, { endpoints: [{ id: 'a', path: '/a' }] });
    const wrong = await post(person, ENDPOINTS, { path: 'b', versions: ['v1'] });
    expect(detailsOf(wrong)?.map(({ path }) => path)).toEqual(['versions.0', 'path']);
    const twin = await post(person, ENDPOINTS, { path: '/a' });
    expect(detailsOf(twin)).toEqual([{ path: 'path', message: 'takes the same requests as the endpoint a' }]);
    expect((await post(person, ENDPOINTS, { id: 'a', path: '/b' })).status).toBe(409);
    const other = await put(person, `${ENDPOINTS}/a`, { id: 'b', path: '/b' });
    expect(detailsOf(other)).toEqual([{ path: 'id', message: 'must be the id in the address' }]);
    expect((await get(person, `${PATH}/orders`)).body).toMatchObject({ data: { revision: 1 } });
  });

  it('keeps its secret and those of the others when it is sent back as it was shown.', async () => {
    const person = await signUp();
    const credentials = (secret: string) => ({ inject: [{ in: 'query', name: 'key', secret }] });
    const endpoint = { id: 'a', path: '/a', credentials: credentials('one') };
    await newApi(person, { credentials: credentials('two'), endpoints: [endpoint] });
    const shown = dataOf<object>(await get(person, `${ENDPOINTS}/a`));
    expect(shown).toEqual({ ...endpoint, credentials: credentials('***') });
    expect((await put(person, `${ENDPOINTS}/a`, { ...shown, retries: 0 })).status).toBe(200);
    const masked = await post(person, ENDPOINTS, { path: '/b', credentials: credentials('***') });
    expect(detailsOf(masked)?.map(({ path }) => path)).toEqual(['credentials.inject.0.secret']);
  });
});

describe('the changelog', () => {
  it('has what the API and its versions tell, the newest first.', async () => {
    const person = await signUp();
    const entry = (date: string) => ({ date, text: `On ${date}` });
    await newApi(person, {
      changelog: [entry('2026-02-01')],
      versions: [
        { name: 'v1', changelog: [entry('2025-01-01'), entry('2026-03-01')] },
        { name: 'v2', changelog: [entry('2026-02-01')] },
      ],
    });
    const { data } = await expectOk<{ data: { date: string; version: string | null }[] }>(
      200,
      get(person, `${PATH}/orders/changelog`),
    );
    expect(data.map(({ date, version }) => [date, version])).toEqual([
      ['2026-03-01', 'v1'],
      ['2026-02-01', null],
      ['2026-02-01', 'v2'],
      ['2025-01-01', 'v1'],
    ]);
  });
});
