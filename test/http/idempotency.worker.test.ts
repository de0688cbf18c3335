import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { type Answer, call, newTrigger, type Person, signUp } from '../support/api.ts';
import { database, rowCounts } from '../support/database.ts';

const newKey = () => crypto.randomUUID();

const create = (person: Person, key: string, fields: object = {}): Promise<Answer> =>
  call('POST', '/api/v1/triggers', {
    token: person.token,
    body: { name: 'T', chain_id: 1, registry: 'identity', ...fields },
    headers: { 'Idempotency-Key': key },
  });

const triggers = async () => (await rowCounts())['triggers'];

describe('an Idempotency-Key', () => {
  it('has the same request answered once and replayed afterwards', async () => {
    const person = await signUp();
    const key = newKey();
    const first = await create(person, key);
    const before = await triggers();
    const second = await create(person, key);
    expect(first.status).toBe(201);
    expect(first.headers.get('Idempotent-Replayed')).toBeNull();
    expect(second).toMatchObject({ status: 201, body: first.body });
    expect(second.headers.get('Idempotent-Replayed')).toBe('true');
    expect(await triggers()).toBe(before);
  });

  it('may be sent as a structured-field string too, and then is the same key', async () => {
    const person = await signUp();
    const key = newKey();
    const first = await create(person, key);
    expect((await create(person, `"${key}"`)).body).toEqual(first.body);
  });

  it('is refused with 422 for another body or another address', async () => {
    const person = await signUp();
    const key = newKey();
    await create(person, key);
    const other = await create(person, key, { name: 'Other' });
    expect(other).toMatchObject({ status: 422, body: { error: 'idempotency_mismatch' } });
    const elsewhere = await call('POST', '/api/v1/organizations', {
      token: person.token,
      body: { name: 'A', slug: newKey() },
      headers: { 'Idempotency-Key': key },
    });
    expect(elsewhere.status).toBe(422);
  });

  it('is passed over where nothing is changed: the question is asked anew', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const ask = (event: object, key = 'the same') =>
      call('POST', `/api/v1/triggers/${id}/test`, {
        token: person.token,
        body: { event },
        headers: { 'Idempotency-Key': key },
      });
    const before = (await rowCounts())['idempotent_answers'];
    for (const agent_id of [1, 1, 2]) {
      const answer = await ask({ agent_id });
      expect(answer).toMatchObject({ status: 200, body: { data: { event: { agent_id } } } });
      expect(answer.headers.get('Idempotent-Replayed')).toBeNull();
    }
    expect((await rowCounts())['idempotent_answers']).toBe(before);
  });

  it('belongs to the caller: another’s is another key', async () => {
    const [one, other] = [await signUp(), await signUp()];
    const key = newKey();
    const first = await create(one, key);
    const second = await create(other, key);
    expect(second.status).toBe(201);
    expect(second.body).not.toEqual(first.body);
  });

  it('lets one of many requests at once do the work and answers all of them alike', async () => {
    const person = await signUp();
    const key = newKey();
    const before = (await triggers()) ?? 0;
    const answers = await Promise.all(Array.from({ length: 8 }, () => create(person, key)));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('Idempotent-Replayed') === null)).toHaveLength(1);
    expect(await triggers()).toBe(before + 1);
  });

  it('keeps no refusal: the same request may succeed once its cause is gone', async () => {
    const person = await signUp();
    const key = newKey();
    const slug = `s-${newKey().slice(0, 8)}`;
    const make = () =>
      call('POST', '/api/v1/organizations', {
        token: person.token,
        body: { name: 'A', slug },
        headers: { 'Idempotency-Key': key },
      });
    const blocker = await signUp();
    const body = { name: 'B', slug };
    const taken = (await call('POST', '/api/v1/organizations', { token: blocker.token, body })).body as {
      data: { id: string };
    };
    expect((await make()).status).toBe(409);
    await database().query.execute(sql`delete from organizations where id = ${taken.data.id}`);
    expect((await make()).status).toBe(201);
  });

  it('replays a deletion as a deletion', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const remove = () =>
      call('DELETE', `/api/v1/triggers/${id}`, { token: person.token, headers: { 'Idempotency-Key': 'delete-once' } });
    expect((await remove()).status).toBe(204);
    expect((await remove()).status).toBe(204);
  });

  it('replays a secret that is shown once, and keeps it encrypted', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const send = () =>
      call('POST', `/api/v1/triggers/${id}/actions`, {
        token: person.token,
        body: { action_type: 'rest', config: { method: 'POST', url: 'https://example.com/' } },
        headers: { 'Idempotency-Key': 'action-once' },
      });
    const first = await send();
    expect(await send()).toMatchObject({ status: 201, body: first.body });
    const { rows } = (await database().query.execute(sql`select * from idempotent_answers`)) as unknown as {
      rows: unknown[];
    };
    expect(JSON.stringify(rows)).not.toContain('whsec_');
    expect(rows.length).toBeGreaterThan(0);
  });

  it('is forgotten after 24 hours', async () => {
    const person = await signUp();
    const key = newKey();
    const first = await create(person, key);
    await database().query.execute(
      sql`update idempotent_answers set expires_at = now() - interval '1 second' where key = ${key}`,
    );
    const second = await create(person, key, { name: 'Another' });
    expect(second.status).toBe(201);
    expect(second.body).not.toEqual(first.body);
  });

  it.each(['', 'a b', 'ü', 'x'.repeat(256)])('is refused as "%s"', async (key) => {
    const person = await signUp();
    const answer = await create(person, key);
    expect(answer).toMatchObject({ status: 400, body: { details: [{ path: 'Idempotency-Key' }] } });
  });

  it('means nothing on a request that changes nothing', async () => {
    const person = await signUp();
    const answer = await call('GET', '/api/v1/triggers', {
      token: person.token,
      headers: { 'Idempotency-Key': 'a b' },
    });
    expect(answer.status).toBe(200);
  });

  it('leaves the audit row of the effect once', async () => {
    const person = await signUp();
    const key = newKey();
    await Promise.all([create(person, key), create(person, key)]);
    const logs = await call('GET', '/api/v1/audit-logs?action=trigger.create', { token: person.token });
    expect(logs.body).toMatchObject({ pagination: { total: 1 } });
  });
});
