import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { type Answer, call, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';
import { expectOwner, meet, newCompany, newMember, newStaff, post, put, remove, rolesIn, statuses } from './company.ts';

const transfer = (from: Parameters<typeof post>[0], path: string, to: { id: string }) =>
  post(from, `${path}/transfer`, { new_owner_id: to.id });

const messageOf = (answer: Answer | undefined) => (answer?.body as { message?: string } | undefined)?.message;

describe('at the same moment', () => {
  it('a member is added once', async () => {
    const [owner, jane] = [await signUp(), await signUp()];
    const company = await newCompany(owner);
    const add = () => post(owner, company.membersPath, { user_id: jane.id, role: 'member' });
    const answers = await meet(company.id, [add, add, add]);
    expect(statuses(answers).sort()).toEqual([201, 409, 409]);
    expect(messageOf(answers.find(({ status }) => status === 409))).toBe('User is already a member');
    expect(await rolesIn(company.id)).toEqual({ [owner.id]: 'owner', [jane.id]: 'member' });
  });

  it('ownership goes to one of two', async () => {
    const { company, people } = await newStaff();
    const { owner, admin, member } = people;
    const answers = await meet(company.id, [
      () => transfer(owner, company.path, admin),
      () => transfer(owner, company.path, member),
    ]);
    expect(statuses(answers).sort()).toEqual([200, 403]);
    await expectOwner(company.id, answers[0]?.status === 200 ? admin : member);
    expect((await rolesIn(company.id))[owner.id]).toBe('admin');
  });

  it('ownership goes to one person once', async () => {
    const { company, people } = await newStaff();
    const give = () => transfer(people.owner, company.path, people.member);
    expect(statuses(await meet(company.id, [give, give])).sort()).toEqual([200, 403]);
    await expectOwner(company.id, people.member);
  });

  it('ownership does not go to someone who is being removed', async () => {
    for (const remover of ['owner', 'admin', 'member'] as const) {
      const { company, people } = await newStaff();
      const { owner, member } = people;
      const [given, removed] = await meet(company.id, [
        () => transfer(owner, company.path, member),
        () => remove(people[remover], `${company.membersPath}/${member.id}`),
      ]);
      const outcome = { given: [given?.status, messageOf(given)], removed: [removed?.status, messageOf(removed)] };
      if (given?.status === 200) {
        expect(outcome).toMatchObject({ removed: [400, 'Cannot remove the owner'] });
        await expectOwner(company.id, member);
      } else {
        expect(outcome).toEqual({ given: [404, 'Member not found'], removed: [204, undefined] });
        await expectOwner(company.id, owner);
      }
    }
  });

  it('an organization is deleted once', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const end = () => remove(owner, company.path);
    expect(statuses(await meet(company.id, [end, end, end])).sort()).toEqual([204, 404, 404]);
  });

  it('an organization is given away or deleted', async () => {
    const { company, people } = await newStaff();
    const { owner, member } = people;
    const [given, deleted] = await meet(company.id, [
      () => transfer(owner, company.path, member),
      () => remove(owner, company.path),
    ]);
    expect([
      [200, 403],
      [404, 204],
    ]).toContainEqual([given?.status, deleted?.status]);
    if (given?.status === 200) await expectOwner(company.id, member);
    else expect(await rolesIn(company.id)).toEqual({});
  });

  it('a member’s role changes or the member goes', async () => {
    const { company, people } = await newStaff();
    const path = `${company.membersPath}/${people.viewer.id}`;
    const [changed, removed] = await meet(company.id, [
      () => put(people.owner, path, { role: 'admin' }),
      () => remove(people.admin, path),
    ]);
    expect(removed?.status).toBe(204);
    expect([200, 404]).toContain(changed?.status);
    expect(await rolesIn(company.id)).not.toHaveProperty(people.viewer.id);
  });

  it('someone who is removed twice is removed once', async () => {
    const { company, people } = await newStaff();
    const path = `${company.membersPath}/${people.viewer.id}`;
    const answers = await meet(company.id, [() => remove(people.owner, path), () => remove(people.admin, path)]);
    expect(statuses(answers).sort()).toEqual([204, 404]);
  });

  it('two admins who remove each other do not both succeed', async () => {
    const { company, people } = await newStaff();
    const other = await newMember(people.owner, company, 'admin');
    const answers = await meet(company.id, [
      () => remove(people.admin, `${company.membersPath}/${other.id}`),
      () => remove(other, `${company.membersPath}/${people.admin.id}`),
    ]);
    expect(statuses(answers).sort()).toEqual([204, 404]);
    await expectOwner(company.id, people.owner);
  });

  it('an admin who has just been demoted adds nobody', async () => {
    const { company, people } = await newStaff();
    const someone = await signUp();
    const add = () => post(people.admin, company.membersPath, { user_id: someone.id, role: 'viewer' });
    const demotion = sql`update members set role = 'viewer'
      where organization_id = ${company.id} and user_id = ${people.admin.id}`;
    expect(statuses(await meet(company.id, [add], demotion))).toEqual([403]);
    expect(await rolesIn(company.id)).not.toHaveProperty(someone.id);
  });

  it('what would belong to an organization that is being deleted finds no organization', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const make = () =>
      post(owner, '/api/v1/triggers', {
        ...{ name: 'T', chain_id: 31337, registry: 'identity' },
        organization_id: company.id,
      });
    const [answer] = await meet(company.id, [make], sql`delete from organizations where id = ${company.id}`);
    expect(answer).toMatchObject({ status: 404, body: { error: 'not_found', message: 'Organization not found' } });
  });

  it('many changes of every kind leave exactly one owner', async () => {
    const { company, people } = await newStaff();
    const everyone = Object.values(people);
    for (let round = 0; round < 3; round += 1) {
      const attempts = everyone.flatMap((from) =>
        everyone.flatMap((to) => [
          () => transfer(from, company.path, to),
          () => remove(from, `${company.membersPath}/${to.id}`),
          () => put(from, `${company.membersPath}/${to.id}`, { role: 'admin' }),
          () => post(from, company.membersPath, { user_id: to.id, role: 'member' }),
        ]),
      );
      const answers = await Promise.all(attempts.map((attempt) => attempt()));
      expect(statuses(answers).filter((status) => status >= 500)).toEqual([]);
      const roles = Object.values(await rolesIn(company.id));
      expect(roles.filter((role) => role === 'owner')).toHaveLength(1);
    }
  });
});

describe('the database itself', () => {
  it('refuses a second owner', async () => {
    const { company, people } = await newStaff();
    const coup = database().query.execute(
      sql`update members set role = 'owner' where organization_id = ${company.id} and user_id = ${people.admin.id}`,
    );
    await expect(coup).rejects.toMatchObject({ cause: { constraint: 'members_owner_key' } });
    await expectOwner(company.id, people.owner);
  });
});

describe('with an Idempotency-Key', () => {
  it('a member is added once, and both requests are answered 201', async () => {
    const [owner, jane] = [await signUp(), await signUp()];
    const company = await newCompany(owner);
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    const body = { user_id: jane.id, role: 'member' };
    const add = () => call('POST', company.membersPath, { token: owner.token, body, headers });
    const answers = await Promise.all([add(), add()]);
    expect(statuses(answers)).toEqual([201, 201]);
    expect(answers[0]?.body).toEqual(answers[1]?.body);
    expect(await rolesIn(company.id)).toEqual({ [owner.id]: 'owner', [jane.id]: 'member' });
  });

  it('a deletion that comes again is answered 204 again', async () => {
    const owner = await signUp();
    const company = await newCompany(owner);
    const headers = { 'Idempotency-Key': crypto.randomUUID() };
    const end = () => call('DELETE', company.path, { token: owner.token, headers });
    expect(statuses([await end(), await end()])).toEqual([204, 204]);
  });
});
