import { sql } from 'drizzle-orm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { EdgeLimit, EdgeSnapshot } from '../../src/access/edge.ts';
import { insertLimit } from '../../src/quota/rate-limits/store.ts';
import { OrganizationQuota } from '../../src/worker.ts';
import {
  edgeOf,
  get,
  meet,
  newCompany,
  newMember,
  newStaff,
  post,
  put,
  remove,
  statuses,
  trailOf,
} from '../identity/company.ts';
import { expectOk, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import { LIMIT, namesIn, newLimit, PATH } from './rate-limits-fixture.ts';

/** The limits that the organization's object is told of from now on. */
function published() {
  const publish = vi.spyOn(OrganizationQuota.prototype, 'publish');
  return (): EdgeLimit[] | undefined => (publish.mock.lastCall?.[0] as EdgeSnapshot | undefined)?.limits;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('at the same moment', () => {
  it('one of two limits gets a name.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const make = () => post(owner, PATH, { ...LIMIT, organization_id: id });
    expect(statuses(await meet(id, [make, make, make])).sort()).toEqual([201, 409, 409]);
    expect(await namesIn(id)).toEqual([LIMIT.name]);
  });

  it('one of two is the hundredth, and no one the hundred and first.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    await fill(id, 99);
    const make = (name: string) => () => post(owner, PATH, { ...LIMIT, organization_id: id, name });
    const answers = await meet(id, [make('a'), make('b')]);
    expect(statuses(answers).sort()).toEqual([201, 400]);
    expect(answers.find(({ status }) => status === 400)).toMatchObject({
      body: { error: 'bad_request', message: 'An organization has at most 100 limits; delete some first' },
    });
    expect(await namesIn(id)).toHaveLength(100);
  });

  it('changes to different fields are all kept.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const path = `${PATH}/${(await newLimit(owner, { organization_id: id })).id}`;
    const patches = [{ limit: 7 }, { window: 'day' }, { name: 'other' }];
    const answers = await meet(
      id,
      patches.map((patch) => () => put(owner, path, patch)),
    );
    expect(statuses(answers)).toEqual([200, 200, 200]);
    expect((await get(owner, path)).body).toMatchObject({ data: { limit: 7, window: 'day', name: 'other' } });
  });

  it('one of two deletes it.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const path = `${PATH}/${(await newLimit(owner, { organization_id: id })).id}`;
    const gone = () => remove(owner, path);
    expect(statuses(await meet(id, [gone, gone])).sort()).toEqual([204, 404]);
    expect((await trailOf(id)).filter(({ action }) => action === 'rate_limit.delete')).toHaveLength(1);
  });

  it('somebody who loses their role makes and changes none.', async () => {
    const { company, people } = await newStaff();
    const made = await newLimit(people.owner, { organization_id: company.id });
    const demote = sql`update members set role = 'member' where user_id = ${people.admin.id}`;
    const answers = await meet(
      company.id,
      [
        () => post(people.admin, PATH, { ...LIMIT, name: 'late', organization_id: company.id }),
        () => put(people.admin, `${PATH}/${made.id}`, { limit: 1_000 }),
        () => remove(people.admin, `${PATH}/${made.id}`),
      ],
      demote,
    );
    expect(statuses(answers)).toEqual([403, 403, 403]);
    expect((await get(people.owner, `${PATH}/${made.id}`)).body).toEqual({ data: made });
    expect(await namesIn(company.id)).toEqual([LIMIT.name]);
  });
});

/** Limits without the API. */
async function fill(organizationId: string, count: number) {
  const now = new Date();
  await database().transaction(async (tx) => {
    for (let index = 0; index < count; index += 1) {
      await insertLimit(tx, {
        ...{ id: `limit_${crypto.randomUUID().replaceAll('-', '')}`, organizationId, name: `limit ${index}` },
        ...{ scope: 'organization', target: null, limit: 1_000, window: 'hour', algorithm: 'fixed_window' },
        ...{ burst: null, createdAt: now, updatedAt: now },
      });
    }
  });
}

describe('every change of a limit', () => {
  it('leaves one entry in the trail, and none when it is refused.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const made = await newLimit(owner, { organization_id: id });
    const path = `${PATH}/${made.id}`;
    const { data: changed } = await expectOk<{ data: object }>(200, put(owner, path, { limit: 7 }));
    await expectOk(409, post(owner, PATH, { ...LIMIT, organization_id: id }));
    await expectOk(400, put(owner, path, { burst: 7 }));
    await expectOk(204, remove(owner, path));
    const actor = `user:${owner.id}`;
    const target = { type: 'rate_limit', id: made.id };
    expect((await trailOf(id)).filter(({ action }) => action.startsWith('rate_limit.'))).toMatchObject([
      { action: 'rate_limit.create', actor, target, before: null, after: made },
      { action: 'rate_limit.update', actor, target, before: made, after: changed },
      { action: 'rate_limit.delete', actor, target, before: changed, after: null },
    ]);
  });

  it('is told to the organization’s object before it is answered, with all limits in the order they were made.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const told = published();
    const first = await newLimit(owner, { organization_id: id, scope: 'endpoint', target: 'GET /a/**' });
    const edge = { target: null, algorithm: 'fixed_window', burst: null };
    const firstEdge = { ...edge, id: first.id, ...LIMIT, scope: 'endpoint', target: 'GET /a/**' };
    expect(told()).toEqual([firstEdge]);
    const second = await newLimit(owner, { organization_id: id, name: 'reads' });
    expect(told()).toEqual([firstEdge, { ...edge, id: second.id, ...LIMIT, name: 'reads' }]);
    await expectOk(200, put(owner, `${PATH}/${second.id}`, { limit: 7 }));
    expect(told()?.[1]).toMatchObject({ id: second.id, limit: 7 });
    await expectOk(204, remove(owner, `${PATH}/${first.id}`));
    expect(told()?.map((limit) => limit.id)).toEqual([second.id]);
    const { version, acked } = (await edgeOf(id)) ?? {};
    expect(acked).toBe(version);
  });

  it('counts the organization’s version up by one, and a refused one does not.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    const version = async () => (await edgeOf(id))?.version ?? 0;
    const start = await version();
    const made = await newLimit(owner, { organization_id: id });
    await expectOk(409, post(owner, PATH, { ...LIMIT, organization_id: id }));
    await expectOk(200, put(owner, `${PATH}/${made.id}`, { limit: 7 }));
    await expectOk(204, remove(owner, `${PATH}/${made.id}`));
    expect(await version()).toBe(start + 3);
  });

  it('is saved and answered with 503 when the object cannot be told.', async () => {
    const owner = await signUp();
    const { id } = await newCompany(owner);
    vi.spyOn(OrganizationQuota.prototype, 'publish').mockRejectedValue(new Error('no such machine'));
    const answer = await post(owner, PATH, { ...LIMIT, organization_id: id });
    expect(answer).toMatchObject({ status: 503, body: { error: 'service_unavailable' } });
    expect(await namesIn(id)).toEqual([LIMIT.name]);
    const { version = 0, acked = 0 } = (await edgeOf(id)) ?? {};
    expect(acked).toBe(version - 1);
  });
});

describe('a limit in force', () => {
  it('refuses what is too much once it has been answered, names itself, and can be mended and deleted.', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const limit = { name: 'member lists', limit: 1, window: 'day', algorithm: 'sliding_window' };
    const list = () => get(owner, company.membersPath);
    const { id } = await newLimit(owner, {
      ...{ ...limit, organization_id: company.id },
      ...{ scope: 'endpoint', target: 'GET /api/v1/organizations/*/members' },
    });
    expect((await list()).status).toBe(200);
    const refused = await list();
    expect(refused).toMatchObject({ status: 429, body: { error: { code: 'RATE_LIMITED', limit: 1, window: 86_400 } } });
    expect(JSON.stringify(refused.body)).toContain(limit.name);
    expect((await get(owner, company.path)).status).toBe(200);
    await expectOk(200, put(owner, `${PATH}/${id}`, { limit: 2 }));
    expect(statuses([await list(), await list()])).toEqual([200, 429]);
    await expectOk(204, remove(owner, `${PATH}/${id}`));
    expect((await list()).status).toBe(200);
  });

  it('of the whole organization does not keep anyone from mending it.', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const fields = { organization_id: company.id, limit: 1, window: 'day', algorithm: 'sliding_window' };
    const { id } = await newLimit(owner, fields);
    expect(statuses([await get(owner, company.path), await get(owner, company.path)])).toEqual([200, 429]);
    await expectOk(200, put(owner, `${PATH}/${id}`, { limit: 1_000 }));
    expect((await get(owner, company.path)).status).toBe(200);
  });
});

describe('an organization that is deleted', () => {
  it('takes its limits along.', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    await newMember(owner, company, 'viewer');
    const { id } = await newLimit(owner, { organization_id: company.id });
    expect((await remove(owner, company.path)).status).toBe(204);
    expect(await namesIn(company.id)).toEqual([]);
    expect((await get(owner, `${PATH}/${id}`)).status).toBe(404);
  });
});
