import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { call, newAction, newCondition, newTrigger, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';

interface Entry {
  seq: number;
  hash: string;
  actor: string;
  action: string;
  target: { type: string; id: string };
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  address: string;
  request_id: string;
  content: string;
}

const logs = async (person: Person, query = '') => {
  const { body } = await call('GET', `/api/v1/audit-logs?limit=100${query}`, { token: person.token });
  return (body as { data: Entry[] }).data;
};

const verify = async (person: Person) => {
  const { body } = await call('GET', '/api/v1/audit-logs/verify', { token: person.token });
  return (body as { data: { valid: boolean; entries: number; first_fault: { seq: number } | null } }).data;
};

const sqlRun = (person: Person, statement: string) =>
  database().query.execute(sql.raw(statement.replaceAll('$org', `'${person.personalOrganizationId}'`)));

/** Someone whose trail has a few rows. */
async function withTrail(): Promise<Person> {
  const person = await signUp();
  const id = await newTrigger(person);
  await newCondition(person, id);
  await newAction(person, id, { method: 'POST', url: 'https://example.com/', headers: { Authorization: 'hunter2' } });
  await call('PUT', `/api/v1/triggers/${id}`, { token: person.token, body: { name: 'After' } });
  return person;
}

describe('the audit trail', () => {
  it('says of every write who did what, from where, on which request, and what it changed', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const headers = { 'CF-Connecting-IP': '203.0.113.7', 'X-Request-Id': 'trace-77' };
    await call('PUT', `/api/v1/triggers/${id}`, { token: person.token, body: { name: 'After' }, headers });
    const [entry] = await logs(person, '&action=trigger.update');
    expect(entry).toMatchObject({
      actor: `user:${person.id}`,
      action: 'trigger.update',
      target: { type: 'trigger', id },
      before: { name: 'Mints' },
      after: { name: 'After' },
      address: '203.0.113.7',
      request_id: 'trace-77',
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('holds no secret', async () => {
    const person = await withTrail();
    const text = JSON.stringify(await logs(person));
    expect(text).toContain('action.create');
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('whsec_');
    expect(text).not.toContain('argon2');
  });

  it('has no row for what was refused', async () => {
    const person = await signUp();
    const before = await logs(person);
    await call('POST', '/api/v1/triggers', { token: person.token, body: { name: '' } });
    await call('DELETE', `/api/v1/triggers/${crypto.randomUUID()}`, { token: person.token });
    expect(await logs(person)).toEqual(before);
  });

  it('is listed newest first, by actor, action, target and time, page by page', async () => {
    const person = await withTrail();
    const all = await logs(person);
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => all.length - index));
    const [created] = await logs(person, '&action=trigger.create');
    expect(await logs(person, `&target_type=trigger&target_id=${created?.target.id}`)).toHaveLength(2);
    expect(await logs(person, `&actor=user:${person.id}`)).not.toHaveLength(0);
    expect(await logs(person, '&actor=user:nobody')).toEqual([]);
    expect(await logs(person, '&from=2100-01-01T00:00:00Z')).toEqual([]);
    expect(await logs(person, '&to=2100-01-01T00:00:00Z')).toEqual(all);
    const page = await call('GET', '/api/v1/audit-logs?limit=1&offset=1', { token: person.token });
    expect(page.body).toMatchObject({
      data: [{ seq: all.length - 1 }],
      pagination: { total: all.length, has_more: true },
    });
    expect(await logs(person, '&from=0001-01-01T00:00:00Z&to=9999-12-31T22:59:59-01:00')).toEqual(all);
  });

  it.each([
    'from=yesterday',
    'from=0000-01-01T00:00:00Z',
    'from=0001-01-01T00:00:00%2B01:00',
    'to=9999-12-31T23:59:59-01:00',
  ])('refuses the time %s, which no date in the database can be', async (query) => {
    const { token } = await signUp();
    const { status, body } = await call('GET', `/api/v1/audit-logs?${query}`, { token });
    expect({ status, body }).toMatchObject({ status: 400, body: { details: [{ path: query.split('=')[0] }] } });
  });

  it('holds digests in the place of what is large, and is whole with them', async () => {
    const person = await signUp();
    const id = await newTrigger(person);
    const config = { method: 'POST', url: 'https://example.com/', body: '漢'.repeat(21_000) };
    await newAction(person, id, config);
    const [entry] = await logs(person, '&action=action.create');
    const bytes = (text: string | undefined) => new TextEncoder().encode(text).length;
    expect(entry?.after).toMatchObject({
      trigger_id: id,
      action_type: 'rest',
      config: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: bytes(JSON.stringify(config)) },
    });
    expect(bytes(entry?.content)).toBeLessThan(1_000);
    expect((await verify(person)).valid).toBe(true);
  });

  it('is nobody else’s business', async () => {
    const [person, other] = [await signUp(), await signUp()];
    for (const path of ['', '/verify']) {
      const url = `/api/v1/audit-logs${path}?organization_id=${person.personalOrganizationId}`;
      expect((await call('GET', url, { token: other.token })).status).toBe(404);
    }
  });

  it('is whole, also after many writes at once', async () => {
    const person = await signUp();
    await Promise.all(Array.from({ length: 12 }, (_, n) => newTrigger(person, { name: `T${n}` })));
    const { valid, entries } = await verify(person);
    expect(valid).toBe(true);
    expect(entries).toBe((await logs(person)).length);
  });

  it.each<[string, string]>([
    [
      'a changed content',
      "update audit_logs set content = replace(content, 'After', 'Later') where organization_id = $org and action = 'trigger.update'",
    ],
    ['a changed column', "update audit_logs set actor = 'user:somebody' where organization_id = $org and seq = 2"],
    [
      'a changed time',
      "update audit_logs set created_at = created_at - interval '1 hour' where organization_id = $org and seq = 2",
    ],
    ['a changed hash', "update audit_logs set hash = repeat('0', 64) where organization_id = $org and seq = 2"],
    ['a deleted row', 'delete from audit_logs where organization_id = $org and seq = 2'],
    ['a deleted first row', 'delete from audit_logs where organization_id = $org and seq = 1'],
    [
      'a deleted last row',
      'delete from audit_logs where organization_id = $org and seq = (select max(seq) from audit_logs where organization_id = $org)',
    ],
    ['a deleted trail', 'delete from audit_logs where organization_id = $org'],
    [
      'an exchanged pair',
      'update audit_logs set seq = 5 - seq + 1000 where organization_id = $org and seq in (2, 3); update audit_logs set seq = seq - 1000 where organization_id = $org and seq > 1000',
    ],
    [
      'an inserted row',
      'insert into audit_logs select organization_id, seq + 100, hash, content, actor, action, target_type, target_id, created_at from audit_logs where organization_id = $org and seq = 2; update audit_heads set seq = seq + 1 where organization_id = $org',
    ],
  ])('shows %s', async (_, statements) => {
    const person = await withTrail();
    expect((await verify(person)).valid).toBe(true);
    for (const statement of statements.split(';')) await sqlRun(person, statement);
    const { valid, first_fault } = await verify(person);
    expect(valid).toBe(false);
    expect(first_fault?.seq).toBeGreaterThan(0);
  });

  it('can be verified elsewhere from what is listed', async () => {
    const person = await withTrail();
    let hash = '0'.repeat(64);
    for (const entry of (await logs(person)).toReversed()) {
      const digest = await crypto.subtle.digest(
        'SHA-256',
        new TextEncoder().encode(`${hash}\n${entry.seq}\n${entry.content}`),
      );
      hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      expect(hash).toBe(entry.hash);
    }
  });
});
