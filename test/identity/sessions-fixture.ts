import { sql } from 'drizzle-orm';
import type { Ctx } from '../../src/access/ctx.ts';
import { ANONYMOUS } from '../../src/access/principal.ts';
import { argon2id, type Passwords } from '../../src/identity/users/password.ts';
import { utf8 } from '../../src/kernel/crypto.ts';
import { type Answer, call, type Person } from '../support/api.ts';
import { database } from '../support/database.ts';

export const tokens = {
  secret: utf8('q9Xv2-tL4mZr8-Yb6nKc3-Ws1pHd7-Gf5jRu'),
  issuer: 'https://weir.test',
};

/** A request of nobody known at a time of the test's choice, for verbs that are called directly. */
export const anonymousAt = (now: Date, address = '203.0.113.7'): Ctx => ({
  principal: ANONYMOUS,
  requestId: 'test',
  address,
  userAgent: 'test',
  clock: () => now,
  db: database(),
  afterCommit: () => undefined,
  publishOrganization: async () => undefined,
});

/** Argon2id that tells how often it was asked for what. */
export function countingPasswords(): Passwords & { work: { hash: number; verify: number } } {
  const work = { hash: 0, verify: 0 };
  return {
    ...argon2id,
    work,
    hash(password) {
      work.hash += 1;
      return argon2id.hash(password);
    },
    verify(hash, password) {
      work.verify += 1;
      return argon2id.verify(hash, password);
    },
  };
}

/** Verifies by plain text, for tests that are about what happens around it. */
export const plainPasswords = (right: string): Passwords => ({
  ...argon2id,
  verify: async (hash, password) => hash !== undefined && password === right,
});

export async function rowsOf<T>(query: ReturnType<typeof sql>): Promise<T[]> {
  const result = await database().query.execute(query);
  return (result as unknown as { rows: T[] }).rows;
}

interface TrailRow {
  actor: string;
  action: string;
  target: { type: string; id: string };
  after: Record<string, unknown> | null;
  address: string;
}

/** What the trail of a person's personal organization says, oldest first. */
export async function trailOf(person: Person): Promise<TrailRow[]> {
  const rows = await rowsOf<{ content: string }>(
    sql`select content from audit_logs where organization_id = ${person.personalOrganizationId} order by seq`,
  );
  return rows.map(({ content }) => JSON.parse(content) as TrailRow);
}

export interface SignedIn {
  token: string;
  refresh_token: string;
}

export const logIn = (person: Person, password = person.password, headers: Record<string, string> = {}) =>
  call('POST', '/api/v1/auth/login', { body: { username_or_email: person.username, password }, headers });

/** Another session of the person. */
export async function signInAgain(person: Person, headers: Record<string, string> = {}): Promise<SignedIn> {
  return (await logIn(person, person.password, headers)).body as SignedIn;
}

export const refresh = (refresh_token: string): Promise<Answer> =>
  call('POST', '/api/v1/auth/refresh', { body: { refresh_token } });

/** Whether an access token is still taken. */
export const statusWith = async (token: string) => (await call('GET', '/api/v1/organizations', { token })).status;

export const sessionIdOf = (token: string): string =>
  (JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'))) as { sid: string }).sid;
