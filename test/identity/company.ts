import { sql } from 'drizzle-orm';
import { expect, vi } from 'vitest';
import type { Role } from '../../src/access/permissions.ts';
import { type Answer, call, expectOk, type Person, signUp } from '../support/api.ts';
import { database } from '../support/database.ts';

export const get = (person: Person, path: string) => call('GET', path, { token: person.token });
export const put = (person: Person, path: string, body: unknown) => call('PUT', path, { token: person.token, body });
export const post = (person: Person, path: string, body: unknown) => call('POST', path, { token: person.token, body });
export const remove = (person: Person, path: string) => call('DELETE', path, { token: person.token });

interface Company {
  id: string;
  path: string;
  membersPath: string;
}

export async function newCompany(owner: Person, fields: object = {}): Promise<Company> {
  const body = { name: 'Company', slug: `c-${crypto.randomUUID().slice(0, 8)}`, ...fields };
  const made = await expectOk<{ data: { id: string } }>(201, post(owner, '/api/v1/organizations', body));
  const path = `/api/v1/organizations/${made.data.id}`;
  return { id: made.data.id, path, membersPath: `${path}/members` };
}

/** Someone new who belongs to the company. */
export async function newMember(owner: Person, company: Company, role: Exclude<Role, 'owner'>): Promise<Person> {
  const person = await signUp();
  await expectOk(201, post(owner, company.membersPath, { user_id: person.id, role }));
  return person;
}

/** A company with one person in every role. */
export async function newStaff() {
  const owner = await signUp();
  const company = await newCompany(owner);
  const admin = await newMember(owner, company, 'admin');
  const member = await newMember(owner, company, 'member');
  const viewer = await newMember(owner, company, 'viewer');
  return { company, people: { owner, admin, member, viewer } };
}

async function rowsOf<T>(query: ReturnType<typeof sql>): Promise<T[]> {
  const result = await database().query.execute(query);
  return (result as unknown as { rows: T[] }).rows;
}

/** Who the table says has which role, whatever the API shows. */
export async function rolesIn(organizationId: string): Promise<Record<string, Role>> {
  const rows = await rowsOf<{ user_id: string; role: Role }>(
    sql`select user_id, role from members where organization_id = ${organizationId}`,
  );
  return Object.fromEntries(rows.map((row) => [row.user_id, row.role]));
}

interface TrailRow {
  action: string;
  actor: string;
  target: { type: string; id: string };
  before: object | null;
  after: object | null;
}

/** The organization's audit trail, oldest first. */
export async function trailOf(organizationId: string): Promise<TrailRow[]> {
  const rows = await rowsOf<{ content: string }>(
    sql`select content from audit_logs where organization_id = ${organizationId} order by seq`,
  );
  return rows.map(({ content }) => JSON.parse(content) as TrailRow);
}

export async function changesNotedFor(triggerId: string): Promise<number> {
  const rows = await rowsOf<{ n: number }>(
    sql`select count(*)::int as n from trigger_changes where trigger_id = ${triggerId}`,
  );
  return rows[0]?.n ?? 0;
}

interface Edge {
  version: number;
  acked: number;
  deleted: boolean;
}

/** Which version of the organization is committed, and which one the edge has. */
export async function edgeOf(organizationId: string): Promise<Edge | undefined> {
  const rows = await rowsOf<Edge>(
    sql`select version::int, acked::int, deleted from organization_edges where organization_id = ${organizationId}`,
  );
  return rows[0];
}

async function backendsWaiting(): Promise<number> {
  const rows = await rowsOf<{ n: number }>(
    sql`select count(*)::int as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows[0]?.n ?? 0;
}

/**
 * Has requests meet: holds the organization's row until every one of them waits for it, so that each has passed the
 * checks that come before, and then lets them go all at once. `meanwhile` runs last in the transaction that holds it.
 */
export async function meet(
  organizationId: string,
  requests: readonly (() => Promise<Answer>)[],
  meanwhile?: ReturnType<typeof sql>,
): Promise<Answer[]> {
  const answers = await database().transaction(async (tx) => {
    await tx.execute(sql`select 1 from organizations where id = ${organizationId} for update`);
    const started = requests.map((request) => request());
    await vi.waitUntil(async () => (await backendsWaiting()) === requests.length, { timeout: 10_000, interval: 20 });
    if (meanwhile) await tx.execute(meanwhile);
    return { started };
  });
  return Promise.all(answers.started);
}

export const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status);

/** Exactly one owner, and it is this person. */
export async function expectOwner(organizationId: string, owner: Person) {
  const roles = Object.entries(await rolesIn(organizationId));
  expect(roles.filter(([, role]) => role === 'owner').map(([id]) => id)).toEqual([owner.id]);
}
