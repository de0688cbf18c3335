import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { LOOPBACK } from './ports.ts';
import { type Exit, readyOrDead, startChild } from './process.ts';

const READY_WITHIN_MS = 60_000;

export interface WorkerOptions {
  /** Durable Objects, queues and the environment file live below it. */
  dataDir: string;
  variables: Record<string, string>;
  configPath?: string | undefined;
  owner?: string | undefined;
  onLine?: ((line: string) => unknown) | undefined;
}

export interface Worker {
  /** On a port of its own, where the runtime believes what a caller writes into `CF-Connecting-IP`. */
  url: string;
  exited: Promise<Exit>;
  stop(): Promise<void>;
}

/** The Worker in the real runtime, through `wrangler dev`. Ready when its health endpoint answers. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { dataDir, variables, owner, onLine } = options;
  const config = resolve(options.configPath ?? 'wrangler.toml');
  const envFile = join(dataDir, 'worker.env');
  await writeFile(envFile, formatEnvFile(variables), { mode: 0o600 });

  let url: string | undefined;
  const child = await startChild({
    name: 'worker',
    command: process.execPath,
    args: [
      findWrangler(),
      'dev',
      `--config=${config}`,
      `--ip=${LOOPBACK}`,
      // Any free one, told when it is bound: no other program can take it in between.
      '--port=0',
      // Any free one: two copies must not meet.
      '--inspector-port=0',
      `--persist-to=${join(dataDir, 'workerd')}`,
      // Given explicitly it also keeps a stray .dev.vars in the checkout from changing what runs.
      `--env-file=${envFile}`,
      '--show-interactive-dev-session=false',
    ],
    cwd: dirname(config),
    env: { ...process.env, ...quietEnvironment(dataDir) },
    owner,
    onLine,
    onMessage: (message) => {
      url ??= addressIn(message);
    },
  });
  const stop = () => child.stop('SIGTERM', 5_000);
  try {
    const healthy = await readyOrDead(
      'worker',
      child,
      untilHealthy(() => url, child.exited),
    );
    return { url: healthy, exited: child.exited, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What `wrangler dev` sends to the process that started it, in JSON, once it listens. */
const Ready = z.object({ event: z.literal('DEV_SERVER_READY'), port: z.int() });

function addressIn(message: unknown): string | undefined {
  const ready = typeof message === 'string' ? Ready.safeParse(JSON.parse(message)).data : undefined;
  return ready && `http://${LOOPBACK}:${ready.port}`;
}

/** Calls nobody but us, and keeps to its data folder, so that copies do not find each other. */
const quietEnvironment = (dataDir: string): Record<string, string> => ({
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: 'true',
  WRANGLER_WRITE_LOGS: 'false',
  WRANGLER_REGISTRY_PATH: join(dataDir, 'workerd', 'registry'),
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  CLOUDFLARE_INCLUDE_PROCESS_ENV: 'false',
  DO_NOT_TRACK: '1',
});

/** Wrangler's program itself: its launcher would be one more process between a signal and the Worker. */
function findWrangler(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('wrangler/package.json')), 'wrangler-dist', 'cli.js');
}

/** Wrangler reads the file with dotenv and then expands `$NAME`: values are quoted, and `$` is escaped. */
function formatEnvFile(variables: Record<string, string>): string {
  const lines = Object.entries(variables).map(([name, value]) => {
    const quote = ["'", '`', '"'].find((mark) => !value.includes(mark));
    if (quote === undefined) throw new Error(`${name} holds every kind of quotation mark, which the file cannot carry`);
    return `${name}=${quote}${value.replaceAll('$', '\\$')}${quote}\n`;
  });
  return lines.join('');
}

async function untilHealthy(address: () => string | undefined, ended: Promise<Exit>): Promise<string> {
  let last = 'no answer';
  let running = true;
  void ended.then(() => {
    running = false;
  });
  for (const deadline = Date.now() + READY_WITHIN_MS; running && Date.now() < deadline; await delay(100)) {
    const url = address();
    if (url === undefined) continue;
    const response = await fetch(`${url}/api/v1/health`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
    if (response?.status === 200) {
      await response.body?.cancel();
      return url;
    }
    if (response) last = `status ${response.status}: ${(await response.text()).slice(0, 500)}`;
  }
  throw new Error(`the worker was not healthy within ${READY_WITHIN_MS / 1_000} s (last answer: ${last})`);
}
