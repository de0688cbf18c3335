import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { users } from '../../src/identity/users/table.ts';
import { call, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';

const make = (person: Person) => {
  const slug = `o-${crypto.randomUUID()}`;
  return call('POST', '/api/v1/organizations', { token: person.token, body: { name: 'A', slug } });
};

const idOf = ({ body }: Awaited<ReturnType<typeof make>>) => (body as { data: { id: string } }).data.id;

const TOO_MANY = { status: 400, body: { error: 'bad_request' } };

describe('a person', () => {
  it('owns ten organizations beside the personal one, exactly, however many are asked for at once.', async () => {
    const person = await signUp();
    const answers = await Promise.all(Array.from({ length: 14 }, () => make(person)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10);
    const [made] = answers.filter(({ status }) => status === 201);
    if (!made) throw new Error('none was made');
    expect(await make(person)).toMatchObject(TOO_MANY);
    await call('DELETE', `/api/v1/organizations/${idOf(made)}`, { token: person.token });
    expect((await make(person)).status).toBe(201);
  });

  it('makes at most twenty a day, whatever becomes of them.', async () => {
    const person = await signUp();
    const today = new Date().toISOString().slice(0, 10);
    const counted = { organizationsMade: 20, organizationsMadeOn: today };
    await database().query.update(users).set(counted).where(eq(users.id, person.id));
    expect(await make(person)).toMatchObject(TOO_MANY);
    await database().query.update(users).set({ organizationsMadeOn: '2026-01-01' }).where(eq(users.id, person.id));
    expect((await make(person)).status).toBe(201);
  });

  it('is not handed more than that.', async () => {
    const [giver, taker] = [await signUp(), await signUp()];
    await Promise.all(Array.from({ length: 10 }, () => make(taker)));
    const path = `/api/v1/organizations/${idOf(await make(giver))}`;
    const body = { user_id: taker.id, role: 'member' };
    expect((await call('POST', `${path}/members`, { token: giver.token, body })).status).toBe(201);
    const handing = { token: giver.token, body: { new_owner_id: taker.id } };
    expect(await call('POST', `${path}/transfer`, handing)).toMatchObject(TOO_MANY);
  });
});
