import { env } from 'cloudflare:workers';
import { getTableName, is, sql } from 'drizzle-orm';
import { PgTable } from 'drizzle-orm/pg-core';
import { connect, type Database } from '../../src/db/client.ts';
import * as tables from '../../src/db/tables.ts';
import { configOf } from '../../src/env.ts';

/** The test file's own database, as the Worker sees it. */
export const database = (): Database => connect(configOf(env).database);

const TABLE_NAMES = Object.values(tables)
  .filter((entry) => is(entry, PgTable))
  .map(getTableName);

/** How many rows each table holds: what "nothing was written" is checked by. */
export async function rowCounts(): Promise<Record<string, number>> {
  const counts = TABLE_NAMES.map((name) => sql.raw(`select '${name}' as name, count(*)::int as rows from "${name}"`));
  const result = await database().query.execute(sql.join(counts, sql.raw(' union all ')));
  const rows = (result as unknown as { rows: { name: string; rows: number }[] }).rows;
  return Object.fromEntries(rows.map(({ name, rows: count }) => [name, count]));
}
