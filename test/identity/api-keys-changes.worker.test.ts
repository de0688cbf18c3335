import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { apiKeys } from '../../src/identity/api-keys/table.ts';
import { DAY, later, rfc3339 } from '../../src/kernel/clock.ts';
import { sha256Hex } from '../../src/kernel/crypto.ts';
import { call, expectOk, type Person, signUp } from '../support/api.ts';
import { database, rowCounts } from '../support/database.ts';
import { type NewKey, newKey } from './api-keys-fixture.ts';

const NEXT_YEAR = rfc3339(later(new Date(), 365 * DAY));

const post = (person: Person, path: string, body?: unknown) => call('POST', path, { token: person.token, body });
const get = (person: Person, path: string) => call('GET', path, { token: person.token });
const remove = (person: Person, path: string) => call('DELETE', path, { token: person.token });

describe('revoking and rotating', () => {
  it('answer 400 for a key that is revoked already.', async () => {
    const person = await signUp();
    const { id } = await newKey(person);
    await expectOk(200, remove(person, `/api/v1/api-keys/${id}`));
    for (const answer of [
      await remove(person, `/api/v1/api-keys/${id}`),
      await post(person, `/api/v1/api-keys/${id}/rotate`),
    ]) {
      expect(answer).toMatchObject({
        status: 400,
        body: { error: 'bad_request', message: 'API key is already revoked' },
      });
    }
  });

  it('happen once when several ask at once.', async () => {
    const person = await signUp();
    for (const attempt of [
      (id: string) => post(person, `/api/v1/api-keys/${id}/rotate`),
      (id: string) => remove(person, `/api/v1/api-keys/${id}`),
    ]) {
      const { id } = await newKey(person);
      const before = (await expectOk<{ total: number }>(200, get(person, '/api/v1/api-keys?include_revoked=true')))
        .total;
      const answers = await Promise.all([attempt(id), attempt(id), attempt(id), attempt(id)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400]);
      for (const { status, body } of answers) {
        if (status === 400) expect(body).toMatchObject({ error: 'bad_request', message: 'API key is already revoked' });
      }
      const { total } = await expectOk<{ total: number }>(200, get(person, '/api/v1/api-keys?include_revoked=true'));
      expect(total - before).toBeLessThanOrEqual(1);
    }
  });

  it('keep the type, permissions and limits of the key, and its expiry unless another is given.', async () => {
    const person = await signUp();
    const traits = {
      ...{ environment: 'test', key_type: 'restricted', permissions: ['events:read'], rate_limit_override: 7 },
      ...{ expires_at: NEXT_YEAR, ip_allowlist: ['10.0.0.0/8'], endpoints: ['/a/**'], methods: ['GET'] },
    };
    const { id } = await newKey(person, traits);
    const kept = await expectOk<{ data: NewKey }>(200, post(person, `/api/v1/api-keys/${id}/rotate`));
    expect(kept.data.key).toMatch(/^sk_test_/);
    expect((await get(person, `/api/v1/api-keys/${kept.data.id}`)).body).toMatchObject({ data: traits });
    const path = `/api/v1/api-keys/${kept.data.id}/rotate`;
    const open = await expectOk<{ data: NewKey }>(200, post(person, path, { expires_at: null }));
    expect((await get(person, `/api/v1/api-keys/${open.data.id}`)).body).toMatchObject({ data: { expires_at: null } });
  });

  it('ask for a new expiry when the old one has passed.', async () => {
    const person = await signUp();
    const { id } = await newKey(person, { expires_at: NEXT_YEAR });
    await database()
      .query.update(apiKeys)
      .set({ expiresAt: new Date(0) })
      .where(eq(apiKeys.id, id));
    const path = `/api/v1/api-keys/${id}/rotate`;
    expect(await post(person, path)).toMatchObject({ status: 400, body: { details: [{ path: 'expires_at' }] } });
    expect((await get(person, `/api/v1/api-keys/${id}`)).body).toMatchObject({ data: { is_revoked: false } });
    expect((await post(person, path, { expires_at: NEXT_YEAR })).status).toBe(200);
  });
});

describe('the database', () => {
  it('holds the hash of a key and nowhere the key itself.', async () => {
    const person = await signUp();
    const { id, key } = await newKey(person);
    const [row] = await database().query.select().from(apiKeys).where(eq(apiKeys.id, id));
    expect(row?.hash).toBe(sha256Hex(key));
    const rotated = await post(person, `/api/v1/api-keys/${id}/rotate`);
    expect(rotated.status).toBe(200);
    const dump = await dumpEverything();
    expect(dump).toContain(sha256Hex(key));
    for (const secret of [key, (rotated.body as { data: NewKey }).data.key]) {
      expect(dump).not.toContain(secret.slice(15));
    }
  });
});

async function dumpEverything(): Promise<string> {
  const tables = Object.keys(await rowCounts());
  const dumps = await Promise.all(
    tables.map((name) => database().query.execute(`select json_agg(t) as rows from "${name}" t`)),
  );
  return JSON.stringify(dumps);
}
