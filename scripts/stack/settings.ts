import { resolve } from 'node:path';

export interface Settings {
  dataDir: string;
  port: number;
  postgresPort: number;
  redisPort: number;
  anvilPort: number;
  /** A Redis that runs already; our REST server is put in front of it. */
  redisUrl: string | undefined;
  /** What the environment says about the Worker's own configuration: it wins over the development defaults. */
  worker: Record<string, string>;
}

/** The chain that local development runs. */
export const LOCAL_CHAIN = 31337;

/** Every variable the Worker reads, and so what is handed on to it from the environment. */
const WORKER_VARIABLES = [
  /^DATABASE(_PROXY)?_URL$/,
  /^UPSTASH_REDIS_REST_(URL|TOKEN)$/,
  /^(RPC_URL|START_BLOCK|CONFIRMATIONS|POLL_MS)_\d+$/,
  /^(JWT_SECRET|ENCRYPTION_KEYS|API_KEY_SECRETS|OUTBOUND_ALLOW|DOH_URL)$/,
  /^(BASE_URL|ALLOWED_ORIGINS|CONTACT_EMAIL|CONTACT_GITHUB|DOCUMENTATION_URL)$/,
  /^DEFAULT_PLAN$/,
  /^(AUTH|STRIPE|TELEGRAM)_[A-Z0-9_]+$/,
];

/** Settings of this tool that look like the Worker's. */
const NOT_THE_WORKERS = ['STRIPE_PORT'];

/** @throws Error naming the variable that cannot be read */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  return {
    dataDir: resolve(env['DATA_DIR'] || '.data'),
    port: readPort(env, 'PORT', 8787),
    postgresPort: readPort(env, 'PG_PORT', 54329),
    redisPort: readPort(env, 'REDIS_PORT', 8079),
    anvilPort: readPort(env, 'ANVIL_PORT', 8545),
    redisUrl: env['REDIS_URL'] || undefined,
    worker: workerVariables(env),
  };
}

function workerVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (NOT_THE_WORKERS.includes(name) || !WORKER_VARIABLES.some((pattern) => pattern.test(name))) continue;
    if (value) given[name] = value;
  }
  return given;
}

function readPort(env: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const text = env[name];
  if (!text) return fallback;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`${name} is not a port: ${text}`);
  return port;
}

export function isLocalHost(url: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}
