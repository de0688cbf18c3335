import { join } from 'node:path';
import { migrate } from '../migrate.ts';
import { startAnvil } from './anvil.ts';
import { startCron } from './cron.ts';
import { startEntry } from './entry.ts';
import { startNeonRelay } from './neon-relay.ts';
import type { WantedPort } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';
import { installRegistries } from './registries.ts';
import type { Secrets } from './secrets.ts';
import { isLocalHost, LOCAL_CHAIN, type Settings } from './settings.ts';
import type { Supervisor } from './supervisor.ts';
import { type Message, startTelegram } from './telegram/server.ts';
import { startWorker } from './worker.ts';

/** Wrangler's own address in `Ready on …` and in its hint at the scheduled handler. */
const BEHIND_ENTRY = /http:\/\/127\.0\.0\.1:\d+(?=$|\/cdn-cgi\/)/;

const RPC_URL = `RPC_URL_${LOCAL_CHAIN}`;

export interface Stack {
  settings: Settings;
  secrets: Secrets;
  supervisor: Supervisor;
  /** The data folder's real path, which every process carries as its mark. */
  owner: string;
  log: (part: string, line: string) => void;
}

/** The variables a part of the stack gives the Worker. */
type Variables = Record<string, string>;

/** What is started here rather than found in the environment. */
export function ownPorts({ worker, ...settings }: Settings): WantedPort[] {
  const ports: WantedPort[] = [{ part: 'Worker', variable: 'PORT', port: settings.port }];
  const { postgresPort, redisPort, anvilPort } = settings;
  if (!worker['DATABASE_URL']) ports.push({ part: 'PostgreSQL', variable: 'PG_PORT', port: postgresPort });
  if (!worker['UPSTASH_REDIS_REST_URL']) ports.push({ part: 'Redis', variable: 'REDIS_PORT', port: redisPort });
  if (!worker[RPC_URL]) ports.push({ part: 'anvil', variable: 'ANVIL_PORT', port: anvilPort });
  return ports;
}

export async function startDatabase({ settings, secrets, supervisor, owner }: Stack): Promise<Variables> {
  const { DATABASE_URL: given, DATABASE_PROXY_URL: proxy } = settings.worker;
  let url = given;
  if (url === undefined) {
    const options = {
      dir: join(owner, 'postgres'),
      port: settings.postgresPort,
      password: secrets.postgresPassword,
      owner,
    };
    url = (await supervisor.start('PostgreSQL', () => startPostgres(options))).url;
  }
  const variables: Variables = { DATABASE_URL: url };
  if (proxy !== undefined) variables['DATABASE_PROXY_URL'] = proxy;
  else if (isLocalHost(url)) {
    const { hostname, port } = new URL(url);
    const reach = { host: hostname, port: Number(port || 5432) };
    const relay = await supervisor.start('Neon relay', () => startNeonRelay({ reach }));
    variables['DATABASE_PROXY_URL'] = relay.url;
  }
  return variables;
}

export async function startCache({ settings, secrets, supervisor, owner, log }: Stack): Promise<Variables> {
  const { UPSTASH_REDIS_REST_URL: given } = settings.worker;
  if (given !== undefined) return {};
  const { redisPort: port, redisUrl } = settings;
  const options = { port, token: secrets.redisToken, dir: join(owner, 'redis'), redisUrl, owner };
  const redis = await supervisor.start('Redis', () => startRedis(options));
  log('redis', `engine: ${redis.engine}`);
  return { UPSTASH_REDIS_REST_URL: redis.url, UPSTASH_REDIS_REST_TOKEN: redis.token };
}

export async function startChain({ settings, supervisor, owner, log }: Stack): Promise<Variables> {
  if (settings.worker[RPC_URL] !== undefined) return {};
  const options = { port: settings.anvilPort, chainId: LOCAL_CHAIN, blockTime: 1, dir: join(owner, 'anvil'), owner };
  const anvil = await supervisor.start('anvil', () => startAnvil(options));
  const installed = await installRegistries(anvil.url);
  if (installed.length > 0) log('anvil', `stand-ins for the ERC-8004 registries put at ${installed.join(', ')}`);
  return { [RPC_URL]: anvil.url };
}

/** Of the bot that the stand-in for Telegram knows. */
const DEVELOPMENT_BOT = '1:development';

/** A stand-in for the Bot API, unless the environment names the real one or a bot. */
export async function startMessenger({ settings, supervisor, log }: Stack): Promise<Variables> {
  const { TELEGRAM_API_URL: url, TELEGRAM_BOT_TOKEN: token } = settings.worker;
  if (url !== undefined || token !== undefined) return {};
  const onMessage = ({ chat, text }: Message) => log('telegram', `to ${chat}: ${JSON.stringify(text)}`);
  const telegram = await supervisor.start('Telegram', () => startTelegram({ token: DEVELOPMENT_BOT, onMessage }));
  return { TELEGRAM_API_URL: telegram.url, TELEGRAM_BOT_TOKEN: DEVELOPMENT_BOT };
}

/** Development's own values first, then what the parts say, then what the environment says. */
export function workerVariables({ settings, secrets }: Stack, ...fromParts: Variables[]): Variables {
  const baseUrl = `http://localhost:${settings.port}`;
  return {
    JWT_SECRET: secrets.jwtSecret,
    ENCRYPTION_KEYS: `k1:${secrets.encryptionKey}`,
    OUTBOUND_ALLOW: 'localhost,127.0.0.0/8,::1/128',
    BASE_URL: baseUrl,
    ALLOWED_ORIGINS: baseUrl,
    ...Object.assign({}, ...fromParts),
    ...settings.worker,
  };
}

export async function applyMigrations({ log }: Stack, variables: Variables): Promise<void> {
  const { DATABASE_URL: databaseUrl = '', DATABASE_PROXY_URL: proxyUrl } = variables;
  await migrate({ databaseUrl, proxyUrl });
  log('database', 'migrations applied');
}

export async function startApplication(stack: Stack, variables: Variables): Promise<string> {
  const { settings, supervisor, owner, log } = stack;
  const url = `http://localhost:${settings.port}`;
  // What wrangler says while it is being stopped is of no use to anyone, nor is the port it has behind the entry.
  const onLine = (line: string) => supervisor.isStopping() || log('worker', line.replace(BEHIND_ENTRY, url));
  const worker = await supervisor.start('Worker', () => startWorker({ dataDir: owner, variables, owner, onLine }));
  const entry = { port: settings.port, target: worker.url, onError: (error: Error) => log('entry', error.message) };
  await supervisor.start('entry', () => startEntry(entry));
  const onError = (error: Error) => log('cron', error.message);
  await supervisor.start('cron', async () => startCron({ url: worker.url, onError }));
  return url;
}
