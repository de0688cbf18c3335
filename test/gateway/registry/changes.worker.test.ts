import { and, eq, sql } from 'drizzle-orm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { EdgeSnapshot } from '../../../src/access/edge.ts';
import { readGateway } from '../../../src/gateway/registry/index.ts';
import { upstreamHosts } from '../../../src/gateway/registry/table.ts';
import { OrganizationQuota } from '../../../src/worker.ts';
import {
  edgeOf,
  get,
  meet,
  newCompany,
  newStaff,
  post,
  put,
  remove,
  statuses,
  trailOf,
} from '../../identity/company.ts';
import { expectOk, type Person, signUp } from '../../support/api.ts';
import { database } from '../../support/database.ts';
import { API, dataOf, detailsOf, newApi, PATH, type Shown } from './fixture.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const noneListed = () => false;

const compiledOf = (organizationId: string) => readGateway(database().query, organizationId, noneListed);

async function revisionsOf(person: Person, id: string): Promise<number[]> {
  const { data } = await expectOk<{ data: { revision: number }[] }>(200, get(person, `${PATH}/${id}/revisions`));
  return data.map(({ revision }) => revision);
}

describe('at the same moment', () => {
  it('one of three APIs gets a slug.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const make = () => post(owner, PATH, { ...API, organization_id: id });
    expect(statuses(await meet(id, [make, make, make])).sort()).toEqual([201, 409, 409]);
    expect(await compiledOf(id)).toHaveLength(1);
  });

  it('one document sent twice makes one API.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const send = () => put(owner, `${PATH}/orders?organization_id=${id}`, API);
    const answers = await meet(id, [send, send]);
    expect(statuses(answers).sort()).toEqual([200, 201]);
    expect(answers.map(({ body }) => (body as { result: string }).result).sort()).toEqual(['created', 'unchanged']);
    expect((await trailOf(id)).filter(({ action }) => action.startsWith('api.'))).toHaveLength(1);
  });

  it('changes to different parts are all kept, each as a revision.', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const { id } = await newApi(owner, { organization_id: company.id });
    const add = (path: string) => () => post(owner, `${PATH}/${id}/endpoints`, { path });
    const version = () => post(owner, `${PATH}/${id}/versions`, { name: 'v1' });
    const answers = await meet(company.id, [add('/a'), add('/b'), version]);
    expect(statuses(answers)).toEqual([201, 201, 201]);
    const { definition, revision } = dataOf<Shown>(await get(owner, `${PATH}/${id}`));
    expect(definition.endpoints?.map(({ path }) => path).sort()).toEqual(['/a', '/b']);
    expect([definition.versions, revision]).toEqual([[{ name: 'v1' }], 4]);
    expect(await revisionsOf(owner, id)).toEqual([4, 3, 2, 1]);
  });

  it('one of two documents that name the revision they were written for goes through.', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const { id } = await newApi(owner, { organization_id: company.id });
    const send = (retries: number) => () => put(owner, `${PATH}/${id}?revision=1`, { ...API, retries });
    expect(statuses(await meet(company.id, [send(2), send(3)])).sort()).toEqual([200, 409]);
    expect(await revisionsOf(owner, id)).toEqual([2, 1]);
  });

  it('a rollback and a change come one after the other.', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const { id } = await newApi(owner, { organization_id: company.id });
    await expectOk(200, put(owner, `${PATH}/${id}`, { ...API, retries: 3 }));
    const back = () => post(owner, `${PATH}/${id}/rollback`, { revision: 1 });
    const add = () => post(owner, `${PATH}/${id}/endpoints`, { path: '/a' });
    expect(statuses(await meet(company.id, [back, add]))).toEqual([200, 201]);
    expect(await revisionsOf(owner, id)).toEqual([4, 3, 2, 1]);
    // The endpoint went in before, and is gone again, or after.
    const { definition } = dataOf<Shown>(await get(owner, `${PATH}/${id}`));
    const third = dataOf<Shown>(await get(owner, `${PATH}/${id}/revisions/3`));
    expect(definition['retries']).toBeUndefined();
    expect((definition.endpoints ?? []).length + (third.definition.endpoints ?? []).length).toBe(1);
  });

  it('one of two deletes it, and a change of it comes before or not at all.', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const { id } = await newApi(owner, { organization_id: company.id });
    const gone = () => remove(owner, `${PATH}/${id}`);
    const purge = () => post(owner, `${PATH}/${id}/purge`, { all: true });
    const [one = 0, other = 0, purged = 0] = statuses(await meet(company.id, [gone, gone, purge]));
    expect([one, other].sort()).toEqual([204, 404]);
    expect([204, 404]).toContain(purged);
    expect(await compiledOf(company.id)).toEqual([]);
  });

  it('somebody who loses their role changes nothing.', async () => {
    const { company, people } = await newStaff();
    const { id } = await newApi(people.owner, { organization_id: company.id });
    const demote = sql`update members set role = 'viewer' where user_id = ${people.member.id}`;
    const answers = await meet(
      company.id,
      [
        () => post(people.member, PATH, { ...API, slug: 'late', organization_id: company.id }),
        () => put(people.member, `${PATH}/${id}`, { ...API, retries: 5 }),
        () => remove(people.member, `${PATH}/${id}`),
        () => post(people.member, `${PATH}/${id}/endpoints`, { path: '/a' }),
      ],
      demote,
    );
    expect(statuses(answers)).toEqual([403, 403, 403, 403]);
    expect(await revisionsOf(people.owner, id)).toEqual([1]);
  });
});

describe('revisions', () => {
  it('are listed, shown, compared, and made the present one again.', async () => {
    const person = await signUp();
    const { id } = await newApi(person);
    await expectOk(200, put(person, `${PATH}/${id}`, { ...API, retries: 3 }));
    await expectOk(201, post(person, `${PATH}/${id}/endpoints`, { path: '/a' }));
    const first = await get(person, `${PATH}/${id}/revisions/1`);
    const actor = `user:${person.id}`;
    expect(first.body).toMatchObject({ data: { revision: 1, note: null, actor, definition: API } });
    const diff = await get(person, `${PATH}/${id}/diff?from=1&to=2`);
    expect(diff.body).toEqual({ data: { from: 1, to: 2, changes: [{ op: 'add', path: '/retries', after: 3 }] } });
    const present = await get(person, `${PATH}/${id}/diff?from=2`);
    expect(dataOf<object>(present)).toMatchObject({ from: 2, to: 3, changes: [{ op: 'add', path: '/endpoints' }] });
    const back = await post(person, `${PATH}/${id}/rollback`, { revision: 1 });
    expect(back).toMatchObject({
      status: 200,
      body: { data: { revision: 4, note: 'Back to revision 1', definition: API } },
    });
    expect((await get(person, `${PATH}/${id}`)).body).toMatchObject({ data: { revision: 4, definition: API } });
    expect(await revisionsOf(person, id)).toEqual([4, 3, 2, 1]);
    expect((await get(person, `${PATH}/${id}/revisions?limit=1&offset=1`)).body).toMatchObject({
      data: [{ revision: 3 }],
      pagination: { total: 4, has_more: true },
    });
    const missing = [
      await get(person, `${PATH}/${id}/revisions/5`),
      await get(person, `${PATH}/${id}/revisions/x`),
      await get(person, `${PATH}/${id}/diff?from=1&to=5`),
      await post(person, `${PATH}/${id}/rollback`, { revision: 5 }),
    ];
    expect(statuses(missing)).toEqual([404, 404, 404, 404]);
  });

  it('are made the present one only after it was tried what that would change.', async () => {
    const person = await signUp();
    const { id } = await newApi(person);
    await expectOk(200, put(person, `${PATH}/${id}`, { ...API, retries: 3 }));
    const changes = [{ op: 'remove', path: '/retries', before: 3 }];
    const would = await post(person, `${PATH}/${id}/rollback?dry_run=true`, { revision: 1 });
    expect(would).toMatchObject({
      status: 200,
      body: { data: { revision: 3, created_at: null, definition: API }, dry_run: true, changes },
    });
    expect(await revisionsOf(person, id)).toEqual([2, 1]);
    expect((await post(person, `${PATH}/${id}/rollback?dry_run=true`, { revision: 9 })).status).toBe(404);
    const done = await post(person, `${PATH}/${id}/rollback?dry_run=false`, { revision: 1 });
    expect(done.body).toMatchObject({ data: { revision: 3, created_at: expect.any(String) }, dry_run: false, changes });
    expect(await revisionsOf(person, id)).toEqual([3, 2, 1]);
  });

  it('are compared only where it is said which.', async () => {
    const person = await signUp();
    await newApi(person);
    const message = 'is needed: the number of the revision to compare with `to`, or without `to` with the present one';
    for (const query of ['', '?to=1', '?from=first']) {
      expect(detailsOf(await get(person, `${PATH}/orders/diff${query}`))).toEqual([{ path: 'from', message }]);
    }
  });

  it('are the newest hundred.', async () => {
    const person = await signUp();
    const { id } = await newApi(person);
    await database().query.execute(sql`update apis set revision = 100 where id = ${id}`);
    await expectOk(200, put(person, `${PATH}/${id}`, { ...API, retries: 3 }));
    expect(await revisionsOf(person, id)).toEqual([101]);
  });

  it('cannot take back a slug that is another’s by now.', async () => {
    const person = await signUp();
    const { id } = await newApi(person);
    await expectOk(200, put(person, `${PATH}/${id}`, { ...API, slug: 'renamed' }));
    await newApi(person);
    expect(await post(person, `${PATH}/${id}/rollback`, { revision: 1 })).toMatchObject({ status: 409 });
  });

  it('of other APIs are not there.', async () => {
    const [person, stranger] = [await signUp(), await signUp()];
    const { id } = await newApi(person);
    for (const path of ['revisions', 'revisions/1', 'diff?from=1', 'changelog', 'versions', 'endpoints']) {
      expect((await get(stranger, `${PATH}/${id}/${path}`)).status).toBe(404);
    }
    expect((await post(stranger, `${PATH}/${id}/rollback`, { revision: 1 })).status).toBe(404);
  });
});

describe('a purge', () => {
  it('counts up what it names, is no revision, and is refused for what is not there.', async () => {
    const person = await signUp();
    const { id, organization_id } = await newApi(person, {
      cache: { mode: 'origin', tags: ['news'] },
      endpoints: [{ id: 'a', path: '/a' }],
    });
    const send = (body: object) => post(person, `${PATH}/${id}/purge`, body);
    const purged = async () => (await compiledOf(organization_id))[0]?.purged;
    expect(statuses([await send({ endpoints: ['a'] }), await send({ endpoints: ['a'], tags: ['news'] })])).toEqual([
      204, 204,
    ]);
    expect(await purged()).toEqual({ all: 0, endpoints: { a: 2 }, tags: { news: 1 } });
    expect((await send({ all: true })).status).toBe(204);
    expect(await purged()).toEqual({ all: 1, endpoints: {}, tags: {} });
    expect(detailsOf(await send({}))?.map(({ path }) => path)).toEqual(['all']);
    expect(detailsOf(await send({ endpoints: ['a', 'b'] }))?.map(({ path }) => path)).toEqual(['endpoints.1']);
    expect(detailsOf(await send({ tags: ['olds'] }))?.map(({ path }) => path)).toEqual(['tags.0']);
    expect(await revisionsOf(person, id)).toEqual([1]);
    await expectOk(200, put(person, `${PATH}/${id}`, { ...API, retries: 0 }));
    await expectOk(200, post(person, `${PATH}/${id}/rollback`, { revision: 1 }));
    expect(await purged()).toEqual({ all: 1, endpoints: {}, tags: {} });
  });
});

describe('every change', () => {
  it('leaves one entry in the trail without secrets, and none when it is refused or changes nothing.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const credentials = { inject: [{ in: 'header', name: 'X-Key', secret: 'open sesame' }] };
    const made = await newApi(owner, { organization_id: id, credentials });
    const path = `${PATH}/${made.id}`;
    await expectOk(200, put(owner, path, made.definition));
    await expectOk(409, post(owner, PATH, { ...API, organization_id: id }));
    await expectOk(201, post(owner, `${path}/versions`, { name: 'v1' }));
    await expectOk(200, put(owner, `${path}/versions/v1`, { retries: 0 }));
    await expectOk(204, remove(owner, path));
    const target = { type: 'api', id: made.id };
    const rows = (await trailOf(id)).filter(({ action }) => action.startsWith('api'));
    expect(rows).toMatchObject([
      { action: 'api.create', target, before: null, after: made },
      { action: 'api_version.create', target, before: null, after: { name: 'v1' } },
      { action: 'api_version.update', target, before: { name: 'v1' }, after: { name: 'v1', retries: 0 } },
      { action: 'api.delete', target, after: null },
    ]);
    expect(JSON.stringify(rows)).not.toContain('sesame');
  });

  it('is told to the organization’s object before it is answered, all APIs in the order they were made.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const publish = vi.spyOn(OrganizationQuota.prototype, 'publish');
    const told = () => {
      const snapshots = publish.mock.calls.map(([snapshot]) => snapshot as EdgeSnapshot);
      const parts = snapshots.flatMap(({ gateway }) => (gateway?.parts ? [gateway.parts] : [])).at(-1) ?? [];
      return parts.slice(1).map((text) => JSON.parse(text) as { slug: string; revision: number });
    };
    const { id: apiId } = await newApi(owner, { organization_id: id });
    expect(told()).toMatchObject([{ slug: 'orders', revision: 1 }]);
    await newApi(owner, { organization_id: id, slug: 'more' });
    await expectOk(200, put(owner, `${PATH}/${apiId}`, { ...API, retries: 2 }));
    expect(told()).toMatchObject([
      { slug: 'orders', revision: 2, policy: { retries: 2 } },
      { slug: 'more', revision: 1 },
    ]);
    await expectOk(204, remove(owner, `${PATH}/${apiId}`));
    expect(told().map(({ slug }) => slug)).toEqual(['more']);
    const { version, acked } = (await edgeOf(id)) ?? {};
    expect(acked).toBe(version);
  });

  it('is saved and answered with 503 when the object cannot be told, and the same document makes up for it.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const path = `${PATH}/orders?organization_id=${id}`;
    vi.spyOn(OrganizationQuota.prototype, 'publish').mockRejectedValueOnce(new Error('no such machine'));
    expect(await put(owner, path, API)).toMatchObject({ status: 503, body: { error: 'service_unavailable' } });
    expect(await put(owner, path, API)).toMatchObject({ status: 200, body: { result: 'unchanged' } });
    const { version, acked } = (await edgeOf(id)) ?? {};
    expect(acked).toBe(version);
  });
});

describe('what is published', () => {
  it('has upstreams proven whose hosts the organization has shown, or the operator vouches for.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const hosts = ['proven.example.com', 'asked.example.com', 'listed.example.com', 'other.example.com'];
    await newApi(owner, { organization_id: id, upstreams: hosts.map((host) => ({ url: `https://${host}/base` })) });
    const isProven = and(eq(upstreamHosts.organizationId, id), eq(upstreamHosts.host, 'proven.example.com'));
    await database().query.update(upstreamHosts).set({ provenAt: new Date() }).where(isProven);
    const isListed = ({ hostname }: URL) => hostname === 'listed.example.com';
    const [api] = await readGateway(database().query, id, isListed);
    expect(api?.pools[0]?.upstreams.map(({ proven }) => proven)).toEqual([true, false, true, false]);
  });

  it('is gone with the organization.', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const { id } = await newApi(owner, { organization_id: company.id });
    expect((await remove(owner, company.path)).status).toBe(204);
    expect(await compiledOf(company.id)).toEqual([]);
    expect((await get(owner, `${PATH}/${id}`)).status).toBe(404);
  });

  it('is at most a hundred APIs.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const { id: apiId } = await newApi(owner, { organization_id: id });
    await database().query.execute(sql`
      insert into apis select gen_random_uuid(), organization_id, 'copy-' || n, name, description, visibility, status,
        definition, revision, compiled_bytes, limits, purged, created_at, updated_at
      from apis, generate_series(1, 98) n where id = ${apiId}`);
    const make = (slug: string) => () => post(owner, PATH, { ...API, slug, organization_id: id });
    const answers = await meet(id, [make('one'), make('two')]);
    expect(statuses(answers).sort()).toEqual([201, 400]);
    expect(answers.find(({ status }) => status === 400)).toMatchObject({
      body: { error: 'bad_request', message: 'An organization has at most 100 APIs; delete some first' },
    });
    expect((await put(owner, `${PATH}/${apiId}`, { ...API, retries: 2 })).status).toBe(200);
  });
});
