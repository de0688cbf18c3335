import { describe, expect, it } from 'vitest';
import { call, expectOk, newAction, newCondition, newTrigger, type Person, signUp } from '../support/api.ts';
import { rowCounts } from '../support/database.ts';
import {
  changesNotedFor,
  edgeOf,
  expectOwner,
  get,
  newCompany,
  newMember,
  newStaff,
  post,
  put,
  remove,
  rolesIn,
  trailOf,
} from './company.ts';

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const newSlug = () => `my-company-${crypto.randomUUID().slice(0, 8)}`;

describe('organizations', () => {
  it('are created, listed and shown as the document shows', async () => {
    const { token } = await signUp();
    const slug = newSlug();
    const body = { name: 'My Company', slug, description: 'Optional description' };
    const made = await call('POST', '/api/v1/organizations', { token, body });
    expect(made.status).toBe(201);
    const organization = {
      ...body,
      id: expect.any(String),
      is_personal: false,
      created_at: expect.stringMatching(TIMESTAMP),
      updated_at: expect.stringMatching(TIMESTAMP),
    };
    expect(made.body).toEqual({ data: organization });
    const { id } = (made.body as { data: { id: string } }).data;
    expect(await call('GET', `/api/v1/organizations/${id}`, { token })).toMatchObject({
      status: 200,
      body: { data: { organization, my_role: 'owner' } },
    });
    expect((await call('GET', '/api/v1/organizations?limit=1&offset=1', { token })).body).toEqual({
      data: [{ organization, my_role: 'owner' }],
      pagination: { total: 2, limit: 1, offset: 1, has_more: false },
    });
  });

  it('have slugs that are unique, also when several ask for one at once', async () => {
    const { token } = await signUp();
    const slug = newSlug();
    const make = () => call('POST', '/api/v1/organizations', { token, body: { name: 'A', slug } });
    const answers = await Promise.all([make(), make(), make()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({
      error: 'conflict',
      message: 'Organization slug already exists',
    });
  });

  it.each(['', 'UPPER', 'under_score', 'a b', 'ä', 'x'.repeat(51)])('refuse the slug "%s"', async (slug) => {
    const { token } = await signUp();
    const answer = await call('POST', '/api/v1/organizations', { token, body: { name: 'A', slug } });
    expect(answer).toMatchObject({ status: 400, body: { details: [{ path: 'slug' }] } });
  });
});

describe('updating an organization', () => {
  it('answers with the organization as it is now', async () => {
    const owner = await signUp();
    const slug = newSlug();
    const company = await newCompany(owner, { slug });
    const body = { name: 'Updated Company Name', description: 'New description' };
    const answer = await put(owner, company.path, body);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      data: {
        ...body,
        ...{ id: company.id, slug, is_personal: false },
        created_at: expect.stringMatching(TIMESTAMP),
        updated_at: expect.stringMatching(TIMESTAMP),
      },
    });
    expect((await get(owner, company.path)).body).toMatchObject({ data: { organization: body } });
  });

  it('changes only what is sent, also when different fields change at once', async () => {
    const owner = await signUp();
    const company = await newCompany(owner, { description: 'before' });
    const patches = [{ name: 'After' }, { description: null }, {}];
    const answers = await Promise.all(patches.map((patch) => put(owner, company.path, patch)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await get(owner, company.path)).body).toMatchObject({
      data: { organization: { name: 'After', description: null } },
    });
  });

  it('is possible for a personal organization', async () => {
    const owner = await signUp();
    const answer = await put(owner, `/api/v1/organizations/${owner.personalOrganizationId}`, { name: 'Mine' });
    expect(answer).toMatchObject({ status: 200, body: { data: { name: 'Mine', is_personal: true } } });
  });

  it.each<[object, string]>([
    [{ name: '' }, 'name'],
    [{ name: 'x'.repeat(101) }, 'name'],
    [{ name: null }, 'name'],
    [{ description: 'x'.repeat(501) }, 'description'],
    [{ slug: 'other' }, 'slug'],
    [{ is_personal: true }, 'is_personal'],
    [{ id: crypto.randomUUID() }, 'id'],
  ])('refuses %j', async (body, path) => {
    const owner = await signUp();
    const company = await newCompany(owner);
    expect(await put(owner, company.path, body)).toMatchObject({ status: 400, body: { details: [{ path }] } });
  });
});

describe('deleting an organization', () => {
  it('answers 204 and takes everything with it but the audit trail', async () => {
    const [owner, jane] = [await signUp(), await signUp()];
    const before = await rowCounts();
    const company = await newCompany(owner);
    await expectOk(201, post(owner, company.membersPath, { user_id: jane.id, role: 'member' }));
    const trigger = await newTrigger(jane, { organization_id: company.id });
    await newCondition(jane, trigger);
    await newAction(jane, trigger, { method: 'POST', url: 'https://example.com/' });
    const noted = await changesNotedFor(trigger);

    expect(await remove(owner, company.path)).toMatchObject({ status: 204, body: undefined });

    const { audit_logs: _, audit_heads: __, trigger_changes: ___, organization_edges: ____, ...kept } = before;
    expect(await rowCounts()).toMatchObject(kept);
    expect(await changesNotedFor(trigger)).toBe(noted + 1);
    for (const person of [owner, jane]) {
      for (const path of [company.path, company.membersPath, `/api/v1/triggers/${trigger}`]) {
        expect((await get(person, path)).status).toBe(404);
      }
    }
    expect((await trailOf(company.id)).map(({ action }) => action)).toEqual([
      'organization.create',
      'member.add',
      'trigger.create',
      'condition.create',
      'action.create',
      'organization.delete',
    ]);
  });

  it('frees the slug', async () => {
    const owner = await signUp();
    const slug = newSlug();
    const company = await newCompany(owner, { slug });
    await expectOk(204, remove(owner, company.path));
    const again = await newCompany(await signUp(), { slug });
    expect(again.id).not.toBe(company.id);
  });

  it('is refused for a personal organization', async () => {
    const owner = await signUp();
    const answer = await remove(owner, `/api/v1/organizations/${owner.personalOrganizationId}`);
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'bad_request', message: 'Cannot delete personal organization' },
    });
    expect(await rolesIn(owner.personalOrganizationId)).toEqual({ [owner.id]: 'owner' });
  });
});

describe('transferring an organization', () => {
  it('makes the member owner and the owner admin', async () => {
    const { company, people } = await newStaff();
    const { owner, member } = people;
    const shown = (await get(owner, company.path)).body as { data: { organization: object } };
    const answer = await post(owner, `${company.path}/transfer`, { new_owner_id: member.id });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      data: { ...shown.data.organization, updated_at: expect.stringMatching(TIMESTAMP) },
    });
    expect(await rolesIn(company.id)).toMatchObject({ [owner.id]: 'admin', [member.id]: 'owner' });
    expect((await remove(owner, company.path)).status).toBe(403);
    expect((await put(member, `${company.membersPath}/${owner.id}`, { role: 'viewer' })).status).toBe(200);
    expect((await remove(member, company.path)).status).toBe(204);
  });

  it('can be undone by the new owner', async () => {
    const { company, people } = await newStaff();
    const transfer = (from: Person, to: Person) => post(from, `${company.path}/transfer`, { new_owner_id: to.id });
    await expectOk(200, transfer(people.owner, people.admin));
    await expectOk(200, transfer(people.admin, people.owner));
    await expectOwner(company.id, people.owner);
  });

  it('to oneself is refused', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const answer = await post(owner, `${company.path}/transfer`, { new_owner_id: owner.id });
    expect(answer).toMatchObject({ status: 400, body: { message: 'Cannot transfer to yourself' } });
  });

  it('of a personal organization is refused', async () => {
    const [owner, other] = [await signUp(), await signUp()];
    for (const person of [owner, other]) {
      const path = `/api/v1/organizations/${owner.personalOrganizationId}/transfer`;
      const answer = await post(owner, path, { new_owner_id: person.id });
      expect(answer).toMatchObject({ status: 400, body: { message: 'Cannot transfer personal organization' } });
    }
  });

  it('goes to members only', async () => {
    const [owner, stranger] = [await signUp(), await signUp()];
    const company = await newCompany(owner);
    for (const id of [stranger.id, crypto.randomUUID()]) {
      const answer = await post(owner, `${company.path}/transfer`, { new_owner_id: id });
      expect(answer).toMatchObject({ status: 404, body: { error: 'not_found', message: 'Member not found' } });
    }
    await expectOwner(company.id, owner);
  });
});

describe('who may do what with an organization', () => {
  it.each([
    ['owner', { read: 200, update: 200, transfer: 404, delete: 204 }],
    ['admin', { read: 200, update: 200, transfer: 403, delete: 403 }],
    ['member', { read: 200, update: 403, transfer: 403, delete: 403 }],
    ['viewer', { read: 200, update: 403, transfer: 403, delete: 403 }],
  ] as const)('is for the role %s: %j', async (role, expected) => {
    const { company, people } = await newStaff();
    const person = people[role];
    const nobody = { new_owner_id: crypto.randomUUID() };
    expect({
      read: (await get(person, company.path)).status,
      update: (await put(person, company.path, { name: 'New' })).status,
      transfer: (await post(person, `${company.path}/transfer`, nobody)).status,
      delete: (await remove(person, company.path)).status,
    }).toEqual(expected);
  });

  it('is nothing for a stranger: it does not exist', async () => {
    const { company, people } = await newStaff();
    const stranger = await signUp();
    const before = await rowCounts();
    for (const path of [company.path, `/api/v1/organizations/${crypto.randomUUID()}`]) {
      const answers = [
        await get(stranger, path),
        await put(stranger, path, { name: 'Mine now' }),
        await post(stranger, `${path}/transfer`, { new_owner_id: stranger.id }),
        await remove(stranger, path),
      ];
      for (const answer of answers) {
        expect(answer).toMatchObject({ status: 404, body: { error: 'not_found', message: 'Organization not found' } });
      }
    }
    expect(await rowCounts()).toEqual(before);
    await expectOwner(company.id, people.owner);
  });
});

describe('the audit trail of an organization', () => {
  it('tells what was and what is', async () => {
    const owner = await signUp();
    const slug = newSlug();
    const company = await newCompany(owner, { name: 'One', slug });
    const heir = await newMember(owner, company, 'member');
    await expectOk(200, put(owner, company.path, { name: 'Two' }));
    await expectOk(200, post(owner, `${company.path}/transfer`, { new_owner_id: heir.id }));
    await expectOk(204, remove(heir, company.path));
    const target = { type: 'organization', id: company.id };
    const rows = (await trailOf(company.id)).filter(({ action }) => action.startsWith('organization.'));
    expect(rows).toMatchObject([
      { action: 'organization.create', target, before: null, after: { name: 'One', slug, description: null } },
      {
        ...{ action: 'organization.update', actor: `user:${owner.id}`, target },
        ...{ before: { name: 'One', description: null }, after: { name: 'Two', description: null } },
      },
      { action: 'organization.transfer', target, before: { owner_id: owner.id }, after: { owner_id: heir.id } },
      { action: 'organization.delete', actor: `user:${heir.id}`, target, before: { name: 'Two', slug }, after: null },
    ]);
  });
});

describe('what the edge knows of an organization', () => {
  it('is brought up to date by every write, its deletion included, and by no refusal', async () => {
    const [owner, jane] = [await signUp(), await signUp()];
    const company = await newCompany(owner);
    const membership = `${company.membersPath}/${jane.id}`;
    const edges = [await edgeOf(company.id)];
    for (const write of [
      () => put(owner, company.path, { name: 'Two' }),
      () => post(owner, company.membersPath, { user_id: jane.id, role: 'member' }),
      () => post(owner, company.membersPath, { user_id: jane.id, role: 'member' }),
      () => put(owner, membership, { role: 'admin' }),
      () => post(owner, `${company.path}/transfer`, { new_owner_id: jane.id }),
      () => remove(owner, company.path),
      () => remove(owner, `${company.membersPath}/${owner.id}`),
      () => remove(jane, company.path),
    ]) {
      await write();
      edges.push(await edgeOf(company.id));
    }
    const live = (version: number) => ({ version, acked: version, deleted: false });
    expect(edges).toEqual([1, 2, 3, 3, 4, 5, 5, 6].map(live).concat({ version: 7, acked: 7, deleted: true }));
  });
});
