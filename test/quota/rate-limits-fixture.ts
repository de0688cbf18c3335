import { sql } from 'drizzle-orm';
import { post } from '../identity/company.ts';
import { type Answer, expectOk, type Person } from '../support/api.ts';
import { database } from '../support/database.ts';

export const PATH = '/api/v1/rate-limits';

export const LIMIT = { name: 'writes', scope: 'organization', limit: 60, window: 'minute' };

export interface Shown {
  id: string;
  name: string;
}

/** A limit by the API; without an organization, of the person's personal one. */
export async function newLimit(person: Person, fields: object = {}): Promise<Shown> {
  const { data } = await expectOk<{ data: Shown }>(201, post(person, PATH, { ...LIMIT, ...fields }));
  return data;
}

export const messageOf = ({ body }: Answer) => (body as { message?: string }).message;

export const namesIn = async (organizationId: string) => {
  const rows = await database().query.execute(
    sql`select name from rate_limits where organization_id = ${organizationId} order by name`,
  );
  return (rows as unknown as { rows: { name: string }[] }).rows.map(({ name }) => name);
};
