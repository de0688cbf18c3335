import { describe, expect, it } from 'vitest';
import { call, expectOk, type Person, signUp } from '../support/api.ts';
import { rowCounts } from '../support/database.ts';
import { get, newCompany, newMember, newStaff, post, put, remove, rolesIn, trailOf } from './company.ts';

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

interface MemberBody {
  id: number;
  user_id: string;
  email: string;
}

const membersOf = async (person: Person, path: string) =>
  (await expectOk<{ data: MemberBody[] }>(200, get(person, path))).data;

const masked = (email: string) => `${email[0]}***@e***.com`;

describe('adding a member', () => {
  it('answers as the document shows', async () => {
    const [owner, jane] = [await signUp(), await signUp()];
    const company = await newCompany(owner);
    const answer = await post(owner, company.membersPath, { user_id: jane.id, role: 'member' });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      data: {
        id: expect.any(Number),
        user_id: jane.id,
        username: jane.username,
        email: jane.email,
        role: 'member',
        created_at: expect.stringMatching(TIMESTAMP),
      },
    });
    expect((await get(jane, company.path)).body).toMatchObject({ data: { my_role: 'member' } });
  });

  it.each(['viewer', 'member', 'admin'] as const)('takes the role %s, also from an admin', async (role) => {
    const { company, people } = await newStaff();
    const someone = await signUp();
    const answer = await post(people.admin, company.membersPath, { user_id: someone.id.toUpperCase(), role });
    expect(answer).toMatchObject({ status: 201, body: { data: { user_id: someone.id, role } } });
  });

  it('as owner is refused', async () => {
    const [owner, jane] = [await signUp(), await signUp()];
    const company = await newCompany(owner);
    const answer = await post(owner, company.membersPath, { user_id: jane.id, role: 'owner' });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'validation_failed', details: [{ path: 'role', message: 'Cannot add as owner' }] },
    });
    expect(await rolesIn(company.id)).toEqual({ [owner.id]: 'owner' });
  });

  it('needs a user that exists', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const answer = await post(owner, company.membersPath, { user_id: crypto.randomUUID(), role: 'member' });
    expect(answer).toMatchObject({ status: 404, body: { error: 'not_found', message: 'User not found' } });
  });

  it('happens once', async () => {
    const { company, people } = await newStaff();
    for (const who of [people.member, people.owner]) {
      const answer = await post(people.admin, company.membersPath, { user_id: who.id, role: 'viewer' });
      expect(answer).toMatchObject({ status: 409, body: { error: 'conflict', message: 'User is already a member' } });
    }
    expect(await rolesIn(company.id)).toMatchObject({ [people.member.id]: 'member', [people.owner.id]: 'owner' });
  });

  it('is not possible in a personal organization', async () => {
    const [owner, jane] = [await signUp(), await signUp()];
    const path = `/api/v1/organizations/${owner.personalOrganizationId}/members`;
    const answer = await post(owner, path, { user_id: jane.id, role: 'viewer' });
    expect(answer).toMatchObject({ status: 400, body: { error: 'bad_request' } });
    expect(await rolesIn(owner.personalOrganizationId)).toEqual({ [owner.id]: 'owner' });
  });
});

describe('the list of members', () => {
  it('has every member in the order in which they joined, a page at a time', async () => {
    const { company, people } = await newStaff();
    const { owner, admin, member, viewer } = people;
    const all = await get(owner, company.membersPath);
    expect(all.status).toBe(200);
    expect(all.body).toEqual({
      data: [owner, admin, member, viewer].map((person, index) => ({
        id: expect.any(Number),
        user_id: person.id,
        username: person.username,
        email: person.email,
        role: ['owner', 'admin', 'member', 'viewer'][index],
        created_at: expect.stringMatching(TIMESTAMP),
      })),
      pagination: { total: 4, limit: 20, offset: 0, has_more: false },
    });
    expect((await get(owner, `${company.membersPath}?limit=2&offset=1`)).body).toMatchObject({
      data: [{ user_id: admin.id }, { user_id: member.id }],
      pagination: { total: 4, limit: 2, offset: 1, has_more: true },
    });
  });

  it('shows addresses in full to the owner and admins, and one’s own to everyone', async () => {
    const { company, people } = await newStaff();
    const everyone = Object.values(people);
    for (const reader of [people.owner, people.admin]) {
      expect((await membersOf(reader, company.membersPath)).map(({ email }) => email)).toEqual(
        everyone.map(({ email }) => email),
      );
    }
    for (const reader of [people.member, people.viewer]) {
      expect((await membersOf(reader, company.membersPath)).map(({ email }) => email)).toEqual(
        everyone.map(({ email, id }) => (id === reader.id ? email : masked(email))),
      );
    }
  });

  it('of a personal organization has its owner', async () => {
    const owner = await signUp();
    const path = `/api/v1/organizations/${owner.personalOrganizationId}/members`;
    expect(await membersOf(owner, path)).toMatchObject([{ user_id: owner.id, email: owner.email, role: 'owner' }]);
  });

  it.each(['limit=0', 'limit=101', 'offset=-1', 'limit=x'])('refuses %s', async (query) => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const answer = await get(owner, `${company.membersPath}?${query}`);
    expect(answer).toMatchObject({ status: 400, body: { details: [{ path: query.split('=')[0] }] } });
  });
});

describe('a member’s role', () => {
  it('is changed by the owner', async () => {
    const { company, people } = await newStaff();
    const answer = await put(people.owner, `${company.membersPath}/${people.viewer.id}`, { role: 'admin' });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      data: {
        id: expect.any(Number),
        user_id: people.viewer.id,
        username: people.viewer.username,
        email: people.viewer.email,
        role: 'admin',
        created_at: expect.stringMatching(TIMESTAMP),
      },
    });
  });

  it('does not become owner', async () => {
    const { company, people } = await newStaff();
    const answer = await put(people.owner, `${company.membersPath}/${people.admin.id}`, { role: 'owner' });
    expect(answer).toMatchObject({
      status: 400,
      body: { details: [{ path: 'role', message: 'Cannot change role to owner' }] },
    });
  });

  it('stays the owner’s when it is the owner’s', async () => {
    const { company, people } = await newStaff();
    for (const role of ['admin', 'viewer']) {
      const answer = await put(people.owner, `${company.membersPath}/${people.owner.id}`, { role });
      expect(answer).toMatchObject({ status: 400, body: { error: 'bad_request' } });
    }
    expect(await rolesIn(company.id)).toMatchObject({ [people.owner.id]: 'owner' });
  });

  it('is not found of someone who is no member', async () => {
    const { company, people } = await newStaff();
    const stranger = await signUp();
    for (const id of [stranger.id, crypto.randomUUID()]) {
      const answer = await put(people.owner, `${company.membersPath}/${id}`, { role: 'admin' });
      expect(answer).toMatchObject({ status: 404, body: { error: 'not_found', message: 'Member not found' } });
    }
    expect((await put(people.owner, `${company.membersPath}/not-a-uuid`, { role: 'admin' })).status).toBe(404);
  });

  it('counts from the very next request', async () => {
    const { company, people } = await newStaff();
    const { owner, admin } = people;
    const add = async () => {
      const someone = await signUp();
      return (await post(admin, company.membersPath, { user_id: someone.id, role: 'viewer' })).status;
    };
    expect(await add()).toBe(201);
    await expectOk(200, put(owner, `${company.membersPath}/${admin.id}`, { role: 'viewer' }));
    expect(await add()).toBe(403);
    expect((await membersOf(admin, company.membersPath))[0]?.email).toBe(masked(owner.email));
    await expectOk(200, put(owner, `${company.membersPath}/${admin.id}`, { role: 'admin' }));
    expect(await add()).toBe(201);
  });
});

describe('removing a member', () => {
  it('answers 204 and takes effect on the very next request', async () => {
    const { company, people } = await newStaff();
    const answer = await remove(people.admin, `${company.membersPath}/${people.member.id}`);
    expect(answer).toMatchObject({ status: 204, body: undefined });
    for (const path of [company.path, company.membersPath]) {
      expect(await get(people.member, path)).toMatchObject({
        status: 404,
        body: { error: 'not_found', message: 'Organization not found' },
      });
    }
    expect(await remove(people.admin, `${company.membersPath}/${people.member.id}`)).toMatchObject({
      status: 404,
      body: { message: 'Member not found' },
    });
  });

  it('is open to everyone but the owner for themselves', async () => {
    const { company, people } = await newStaff();
    for (const leaver of [people.viewer, people.member, people.admin]) {
      expect((await remove(leaver, `${company.membersPath}/${leaver.id}`)).status).toBe(204);
    }
    expect(await rolesIn(company.id)).toEqual({ [people.owner.id]: 'owner' });
  });

  it('lets an admin remove another admin', async () => {
    const { company, people } = await newStaff();
    const other = await newMember(people.owner, company, 'admin');
    expect((await remove(people.admin, `${company.membersPath}/${other.id}`)).status).toBe(204);
  });

  it('never removes the owner', async () => {
    const { company, people } = await newStaff();
    const { owner, admin } = people;
    for (const person of [owner, admin]) {
      expect(await remove(person, `${company.membersPath}/${owner.id}`)).toMatchObject({
        status: 400,
        body: { error: 'bad_request', message: 'Cannot remove the owner' },
      });
    }
    const personal = `/api/v1/organizations/${owner.personalOrganizationId}/members/${owner.id}`;
    expect((await remove(owner, personal)).status).toBe(400);
    expect((await rolesIn(company.id))[owner.id]).toBe('owner');
  });
});

describe('who may do what with members', () => {
  const ATTEMPTS = {
    list: (person: Person, path: string) => get(person, path),
    add: async (person: Person, path: string) => post(person, path, { user_id: (await signUp()).id, role: 'viewer' }),
    change: (person: Person, path: string, other: Person) => put(person, `${path}/${other.id}`, { role: 'viewer' }),
    remove: (person: Person, path: string, other: Person) => remove(person, `${path}/${other.id}`),
  };

  it.each([
    ['owner', { list: 200, add: 201, change: 200, remove: 204 }],
    ['admin', { list: 200, add: 201, change: 403, remove: 204 }],
    ['member', { list: 200, add: 403, change: 403, remove: 403 }],
    ['viewer', { list: 200, add: 403, change: 403, remove: 403 }],
  ] as const)('is for the role %s: %j', async (role, expected) => {
    const { company, people } = await newStaff();
    const other = await newMember(people.owner, company, 'member');
    const found: Record<string, number> = {};
    for (const [name, attempt] of Object.entries(ATTEMPTS)) {
      found[name] = (await attempt(people[role], company.membersPath, other)).status;
    }
    expect(found).toEqual(expected);
  });

  it('is nothing for a stranger: the organization does not exist', async () => {
    const { company, people } = await newStaff();
    const stranger = await signUp();
    const before = await rowCounts();
    const unknown = `/api/v1/organizations/${crypto.randomUUID()}/members`;
    const body = { user_id: people.viewer.id, role: 'viewer' };
    for (const path of [company.membersPath, unknown]) {
      const answers = [
        await get(stranger, path),
        await post(stranger, path, body),
        await put(stranger, `${path}/${people.viewer.id}`, { role: 'admin' }),
        await remove(stranger, `${path}/${people.viewer.id}`),
        await remove(stranger, `${path}/${stranger.id}`),
      ];
      for (const answer of answers) {
        expect(answer).toMatchObject({
          status: 404,
          body: { error: 'not_found', message: 'Organization not found' },
        });
      }
    }
    expect(await rowCounts()).toEqual(before);
  });

  it('is nothing without a credential', async () => {
    const { company, people } = await newStaff();
    for (const [method, path] of [
      ['GET', company.membersPath],
      ['POST', company.membersPath],
      ['PUT', `${company.membersPath}/${people.viewer.id}`],
      ['DELETE', `${company.membersPath}/${people.viewer.id}`],
    ] as const) {
      expect((await call(method, path)).status).toBe(401);
    }
  });
});

describe('the audit trail', () => {
  it('tells who changed which member from what to what, and no addresses', async () => {
    const [owner, jane] = [await signUp(), await signUp()];
    const company = await newCompany(owner);
    const made = await expectOk<{ data: MemberBody }>(
      201,
      post(owner, company.membersPath, { user_id: jane.id, role: 'member' }),
    );
    await expectOk(200, put(owner, `${company.membersPath}/${jane.id}`, { role: 'admin' }));
    await expectOk(204, remove(jane, `${company.membersPath}/${jane.id}`));
    const target = { type: 'member', id: String(made.data.id) };
    const person = { user_id: jane.id, username: jane.username };
    const trail = (await trailOf(company.id)).filter(({ action }) => action.startsWith('member.'));
    expect(trail).toMatchObject([
      { action: 'member.add', actor: `user:${owner.id}`, target, before: null, after: { ...person, role: 'member' } },
      {
        ...{ action: 'member.update', actor: `user:${owner.id}`, target },
        ...{ before: { ...person, role: 'member' }, after: { ...person, role: 'admin' } },
      },
      { action: 'member.remove', actor: `user:${jane.id}`, target, before: { ...person, role: 'admin' }, after: null },
    ]);
    expect(JSON.stringify(trail)).not.toContain('@');
  });

  it('has no row of a refusal', async () => {
    const { company, people } = await newStaff();
    const before = await trailOf(company.id);
    await post(people.viewer, company.membersPath, { user_id: people.viewer.id, role: 'admin' });
    await post(people.owner, company.membersPath, { user_id: people.viewer.id, role: 'admin' });
    await put(people.owner, `${company.membersPath}/${people.owner.id}`, { role: 'admin' });
    await remove(people.owner, `${company.membersPath}/${people.owner.id}`);
    expect(await trailOf(company.id)).toEqual(before);
  });
});
