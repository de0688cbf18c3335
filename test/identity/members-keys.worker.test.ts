import { describe, expect, it } from 'vitest';
import { call, expectOk, type Person, signUp } from '../support/api.ts';
import { newKey } from './api-keys-fixture.ts';
import { newStaff, post, put, remove, rolesIn, trailOf } from './company.ts';

type Staff = Awaited<ReturnType<typeof newStaff>>;

/** Calls with a new key of the company, made by its owner. */
async function keyOf({ company, people }: Staff, keyType: string, permissions: string[]) {
  const { id, key } = await newKey(people.owner, { key_type: keyType, permissions }, company.id);
  const headers = { 'X-API-Key': key };
  return { id, call: (method: string, path: string, body?: unknown) => call(method, path, { headers, body }) };
}

const addressesOf = (body: unknown) => (body as { data: { email: string }[] }).data.map(({ email }) => email);

describe('a key and the members of its organization', () => {
  it('with members:read lists them with masked addresses, its maker’s too', async () => {
    const staff = await newStaff();
    const key = await keyOf(staff, 'standard', ['members:read']);
    const answer = await key.call('GET', staff.company.membersPath);
    expect(answer.status).toBe(200);
    expect(addressesOf(answer.body)).toEqual(['p***@e***.com', 'p***@e***.com', 'p***@e***.com', 'p***@e***.com']);
    const body = { user_id: (await signUp()).id, role: 'viewer' };
    expect((await key.call('POST', staff.company.membersPath, body)).status).toBe(403);
    expect((await key.call('DELETE', `${staff.company.membersPath}/${staff.people.viewer.id}`)).status).toBe(403);
    // Its maker may leave, a key may not leave for its maker.
    expect((await key.call('DELETE', `${staff.company.membersPath}/${staff.people.owner.id}`)).status).toBe(403);
  });

  it('of an admin adds and removes members and sees their addresses, but changes no role', async () => {
    const staff = await newStaff();
    const { company, people } = staff;
    const someone = await signUp();
    const key = await keyOf(staff, 'admin', ['admin']);
    const everyone = Object.values(people).map(({ email }) => email);
    expect(addressesOf((await key.call('GET', company.membersPath)).body)).toEqual(everyone);
    const made = await key.call('POST', company.membersPath, { user_id: someone.id, role: 'admin' });
    expect(made).toMatchObject({ status: 201, body: { data: { email: someone.email, role: 'admin' } } });
    const path = `${company.membersPath}/${someone.id}`;
    expect((await key.call('PUT', path, { role: 'viewer' })).status).toBe(403);
    expect((await key.call('DELETE', path)).status).toBe(204);
    expect((await key.call('DELETE', `${company.membersPath}/${people.owner.id}`)).status).toBe(400);
    const trail = (await trailOf(company.id)).filter(({ actor }) => actor === `key:${key.id}`);
    expect(trail.map(({ action }) => action)).toEqual(['member.add', 'member.remove']);
  });

  it('gives away no role that may do more than the key', async () => {
    const staff = await newStaff();
    const { company } = staff;
    const someone = await signUp();
    const narrow = await keyOf(staff, 'restricted', ['members:write']);
    const reading = await keyOf(staff, 'restricted', ['read', 'members:write']);
    const add = (key: typeof narrow, role: string) =>
      key.call('POST', company.membersPath, { user_id: someone.id, role }).then(({ status }) => status);
    expect(await add(narrow, 'viewer')).toBe(403);
    expect(await add(reading, 'admin')).toBe(403);
    expect(await add(reading, 'viewer')).toBe(201);
  });

  it('finds nothing of another organization, and of its own no more once it is deleted', async () => {
    const [staff, others] = [await newStaff(), await newStaff()];
    const key = await keyOf(staff, 'admin', ['admin']);
    expect(await key.call('GET', others.company.membersPath)).toMatchObject({
      status: 404,
      body: { message: 'Organization not found' },
    });
    await expectOk(204, remove(staff.people.owner, staff.company.path));
    expect((await key.call('GET', staff.company.membersPath)).status).toBe(401);
  });
});

describe('a key and its organization', () => {
  it('of an admin updates it, and neither deletes nor transfers it', async () => {
    const staff = await newStaff();
    const { company, people } = staff;
    const key = await keyOf(staff, 'admin', ['admin']);
    expect((await key.call('GET', company.path)).body).toMatchObject({ data: { my_role: null } });
    expect((await key.call('PUT', company.path, { name: 'By key' })).body).toMatchObject({ data: { name: 'By key' } });
    expect((await key.call('POST', `${company.path}/transfer`, { new_owner_id: people.admin.id })).status).toBe(403);
    expect((await key.call('DELETE', company.path)).status).toBe(403);
    expect(await rolesIn(company.id)).toMatchObject({ [people.owner.id]: 'owner' });
  });

  it('with read only reads it', async () => {
    const staff = await newStaff();
    const key = await keyOf(staff, 'standard', ['read']);
    expect((await key.call('GET', staff.company.path)).status).toBe(200);
    expect((await key.call('PUT', staff.company.path, { name: 'By key' })).status).toBe(403);
  });

  it('goes on working when its maker is removed: it belongs to the organization', async () => {
    const staff = await newStaff();
    const { company, people } = staff;
    const { key } = await newKey(people.admin, { permissions: ['read'] }, company.id);
    const read = () => call('GET', company.path, { headers: { 'X-API-Key': key } });
    expect((await read()).status).toBe(200);
    await expectOk(204, remove(people.owner, `${company.membersPath}/${people.admin.id}`));
    expect((await read()).status).toBe(200);
  });

  it('and a credential of a person who is demoted meanwhile: only the person loses what the role gave', async () => {
    const staff = await newStaff();
    const { company, people } = staff;
    const key = await keyOf(staff, 'admin', ['admin']);
    const give: Person = people.member;
    await expectOk(200, post(people.owner, `${company.path}/transfer`, { new_owner_id: give.id }));
    await expectOk(200, put(give, `${company.membersPath}/${people.owner.id}`, { role: 'viewer' }));
    expect((await put(people.owner, company.path, { name: 'Mine' })).status).toBe(403);
    expect((await key.call('PUT', company.path, { name: 'Ours' })).status).toBe(200);
  });
});
