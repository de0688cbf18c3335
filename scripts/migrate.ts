import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@neondatabase/serverless';
import { drizzle } from 'drizzle-orm/neon-serverless';
import { migrate as applyMigrations } from 'drizzle-orm/neon-serverless/migrator';

/** Any number, the same in every run: two deployments at once then take turns. */
const LOCK = 800_400_001;

export interface MigrateOptions {
  databaseUrl: string;
  /** A relay in front of a plain PostgreSQL, for development. Without it, the database is Neon. */
  proxyUrl?: string | undefined;
  folder?: string;
}

/** Applies the migrations the database does not have yet, and then what has to hold after all of them. */
export async function migrate({ databaseUrl, proxyUrl, folder = 'drizzle' }: MigrateOptions): Promise<void> {
  const journal = join(folder, 'meta', '_journal.json');
  await access(journal).catch(() => {
    throw new Error(`there are no migrations: ${journal} is missing`);
  });
  const client = new Client(databaseUrl);
  if (proxyUrl !== undefined) {
    // On this client only: the driver's global settings stay as they are.
    Object.assign(client.neonConfig, {
      wsProxy: `${new URL(proxyUrl).host}/v2`,
      useSecureWebSocket: false,
      pipelineTLS: false,
      pipelineConnect: false,
    });
  }
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await applyMigrations(drizzle({ client }), { migrationsFolder: folder });
    for (const statements of await repeated(folder)) await client.query(statements);
  } finally {
    await client.end();
  }
}

/** What drizzle-kit cannot generate, in the order of its names. Each file finds out for itself whether it was applied. */
async function repeated(folder: string): Promise<string[]> {
  const path = join(folder, 'repeated');
  const files = (await readdir(path)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(files.map((name) => readFile(join(path, name), 'utf8')));
}

if (import.meta.main) {
  const databaseUrl = process.env['DATABASE_URL'];
  if (!databaseUrl) throw new Error('DATABASE_URL is not set');
  await migrate({ databaseUrl, proxyUrl: process.env['DATABASE_PROXY_URL'] || undefined });
  console.log('The database is up to date.');
}
