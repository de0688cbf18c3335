/** Fails when the tables in src/ and the migrations in drizzle/ tell different stories. */
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { run } from './stack/process.ts';

const scratch = await mkdtemp(join(tmpdir(), 'weir-migrations-'));
try {
  await cp('drizzle', scratch, { recursive: true });
  const before = await readdir(scratch);
  const out = relative(process.cwd(), scratch);
  const args = ['generate', '--dialect', 'postgresql', '--schema', './src/db/tables.ts', '--out', out];
  await run({ name: 'drizzle-kit', command: 'drizzle-kit', args });
  const added = (await readdir(scratch)).filter((file) => !before.includes(file));
  if (added.length > 0) {
    console.error('the tables have changed since the last migration: run `npm run migrate:generate -- --name <what>`');
    process.exitCode = 1;
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
