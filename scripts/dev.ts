/**
 * `npm run dev`: the whole product on this machine, with no account anywhere.
 * `--fresh` starts from nothing. What can be set is listed in `stack/settings.ts`.
 */
import { deleteDataDir, lockDataDir, openDataDir } from './stack/data-dir.ts';
import { killOwned, stopOrphans } from './stack/orphans.ts';
import {
  applyMigrations,
  ownPorts,
  type Stack,
  startApplication,
  startCache,
  startChain,
  startDatabase,
  startMessenger,
  workerVariables,
} from './stack/parts.ts';
import { requireFreePorts } from './stack/ports.ts';
import { openSecrets } from './stack/secrets.ts';
import { readSettings } from './stack/settings.ts';
import { createSupervisor, type Supervisor } from './stack/supervisor.ts';

/** A terminal and npm both hand on one Ctrl-C: what follows this closely is the same one. */
const SAME_SIGNAL_MS = 1_000;

const began = performance.now();
const log = (part: string, line: string) => console.log(`${part.padEnd(9)}│ ${line}`);
process.exit(await main());

async function main(): Promise<number> {
  try {
    const settings = readSettings(process.env);
    if (process.argv.includes('--fresh')) await deleteDataDir(settings.dataDir);
    const owner = await openDataDir(settings.dataDir);
    const lock = await lockDataDir(owner);
    try {
      const supervisor = createSupervisor(owner);
      stopOnSignals(supervisor, owner);
      const orphans = await stopOrphans(owner);
      if (orphans > 0) log('dev', `stopped ${orphans} processes that an earlier run had left behind`);
      await requireFreePorts(ownPorts(settings));
      const stack = { settings, secrets: await openSecrets(owner), supervisor, owner, log };
      // A refusal ends everything, also the parts that are still on their way.
      bringUp(stack).catch((error: Error) => supervisor.end(error));
      const reason = await supervisor.over;
      if (reason) console.error(`\n${reason.message}\n`);
      log('dev', 'stopping');
      await supervisor.stopAll();
      return reason ? 1 : 0;
    } finally {
      await lock.release();
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

async function bringUp(stack: Stack): Promise<void> {
  const parts = await Promise.all([startDatabase(stack), startCache(stack), startChain(stack), startMessenger(stack)]);
  const variables = workerVariables(stack, ...parts);
  await applyMigrations(stack, variables);
  const url = await startApplication(stack, variables);
  for (const [name, address] of addresses(url, variables)) log('dev', `${name.padEnd(12)} ${address}`);
  log('dev', `ready in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
}

function addresses(url: string, variables: Record<string, string>): Array<[string, string]> {
  const { DATABASE_URL = '', DATABASE_PROXY_URL, UPSTASH_REDIS_REST_URL = '', TELEGRAM_API_URL } = variables;
  const { host, pathname } = new URL(DATABASE_URL);
  return [
    ['Worker', url],
    ['Health', `${url}/api/v1/health`],
    ['PostgreSQL', `${host}${pathname} (whole address in worker.env of the data folder)`],
    ...(DATABASE_PROXY_URL ? [['Neon relay', DATABASE_PROXY_URL] satisfies [string, string]] : []),
    ['Redis REST', UPSTASH_REDIS_REST_URL],
    ...(TELEGRAM_API_URL ? [['Telegram', TELEGRAM_API_URL] satisfies [string, string]] : []),
    ...Object.entries(variables)
      .filter(([name]) => name.startsWith('RPC_URL_'))
      .map(([name, address]): [string, string] => [`chain ${name.slice('RPC_URL_'.length)}`, address]),
  ];
}

function stopOnSignals(supervisor: Supervisor, owner: string): void {
  let first: number | undefined;
  const onSignal = async () => {
    first ??= Date.now();
    if (Date.now() - first <= SAME_SIGNAL_MS) return supervisor.end();
    await killOwned(owner);
    process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void onSignal());
  // A terminal that has gone away must not end us before the parts are stopped.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}
