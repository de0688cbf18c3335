import { access, mkdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { describeExit, readyOrDead, run, startChild } from '../process.ts';
import { makeTemporaryFolder } from '../throw-away.ts';
import { type Outcome, type RedisBackend, RedisError, type Reply } from './reply.ts';
import { sha1, withoutUpstashFlag } from './shebang.ts';

/** The system's limit for the path of a unix socket is 104 bytes on some, 108 on others. */
const MAX_SOCKET_PATH = 100;

/** A Redis that runs elsewhere. */
export async function connectRedis(url: string): Promise<RedisBackend> {
  const client = openClient(url);
  await client.ping().catch((cause) => {
    client.disconnect();
    throw new Error('the Redis that REDIS_URL names cannot be reached', { cause });
  });
  return {
    engine: 'Redis at REDIS_URL',
    ...commandsOf(client),
    exited: new Promise(() => undefined),
    stop: async () => client.disconnect(),
  };
}

/** The machine's own `redis-server`, on a unix socket, keeping an append-only file in `dir`. */
export async function startRedisServer(program: string, dir: string, owner: string | undefined): Promise<RedisBackend> {
  await mkdir(dir, { recursive: true });
  const inside = join(dir, 'redis.sock');
  const fits = Buffer.byteLength(inside) <= MAX_SOCKET_PATH;
  const outside = fits ? undefined : await makeTemporaryFolder('socket');
  const socket = outside === undefined ? inside : join(outside, 'redis.sock');
  await endLeftover(socket);

  const settings = { port: '0', unixsocket: socket, unixsocketperm: '700', dir, appendonly: 'yes', save: '' };
  // Writing its title overwrites the mark by which `stopOrphans` knows a process. Before 6.2 it cannot be told not to.
  if (await isAtLeast(program, 6, 2)) Object.assign(settings, { 'set-proc-title': 'no' });
  const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]);
  const child = await startChild({ name: 'redis-server', command: program, args, owner });
  const client = openClient(socket);
  const stop = async () => {
    client.disconnect();
    await child.stop();
    if (outside !== undefined) await rm(outside, { recursive: true, force: true });
  };
  try {
    await readyOrDead('redis-server', child, client.ping());
  } catch (error) {
    await stop();
    throw error;
  }
  return { engine: 'redis-server', ...commandsOf(client), exited: child.exited.then(describeExit), stop };
}

/** Where `redis-server` is, if the machine has one. */
export async function findRedisServer(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const program = join(folder, 'redis-server');
    if (
      folder !== '' &&
      (await access(program).then(
        () => true,
        () => false,
      ))
    )
      return program;
  }
  return undefined;
}

async function isAtLeast(program: string, major: number, minor: number): Promise<boolean> {
  const text = await run({ name: 'redis-server', command: program, args: ['--version'] });
  const [, ownMajor = 0, ownMinor = 0] = (/ v=(\d+)\.(\d+)/.exec(text) ?? []).map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function openClient(address: string): Redis {
  const client = new Redis(address, { retryStrategy: () => 50, maxRetriesPerRequest: 80 });
  // Each command reports the failure it met; without a listener the client would also write it to the console.
  client.on('error', () => undefined);
  return client;
}

/** Whatever answers on our own socket was left behind by a run that was killed: two may not write the same file. */
async function endLeftover(socket: string): Promise<void> {
  if (
    !(await access(socket).then(
      () => true,
      () => false,
    ))
  )
    return;
  const client = new Redis(socket, { retryStrategy: () => null, maxRetriesPerRequest: 0, lazyConnect: true });
  client.on('error', () => undefined);
  const alive = await client.connect().then(
    () => true,
    () => false,
  );
  if (alive) {
    const gone = new Promise((resolve) => client.once('end', resolve));
    await client.shutdown().catch(() => undefined);
    await gone;
  }
  client.disconnect();
  await rm(socket, { force: true });
}

function commandsOf(client: Redis): Pick<RedisBackend, 'call' | 'transaction'> {
  /** By the sha of a script as Upstash's client knows it: the script as Redis takes it. */
  const scripts = new Map<string, string>();

  function remember(script: string): string {
    const adapted = withoutUpstashFlag(script);
    if (adapted !== script) scripts.set(sha1(script), adapted);
    return adapted;
  }

  function adapt([name = '', ...args]: string[]): [string, ...string[]] {
    // Upper case also keeps the client from turning replies such as HGETALL's into objects.
    const command = name.toUpperCase();
    const [first = '', second = '', ...rest] = args;
    if (command === 'EVAL' || command === 'EVAL_RO') return [command, remember(first), ...args.slice(1)];
    const known = scripts.get(first);
    if (command === 'EVALSHA' && known !== undefined) return ['EVAL', known, ...args.slice(1)];
    if (command === 'EVALSHA_RO' && known !== undefined) return ['EVAL_RO', known, ...args.slice(1)];
    if (command !== 'SCRIPT') return [command, ...args];
    switch (first.toUpperCase()) {
      case 'LOAD':
        return [command, first, remember(second), ...rest];
      case 'EXISTS':
        return [command, first, ...args.slice(1).map((sha) => sha1Of(scripts.get(sha)) ?? sha)];
      case 'FLUSH':
        scripts.clear();
    }
    return [command, ...args];
  }

  return {
    async call(command) {
      const [name, ...args] = adapt(command);
      const reply = await client.call(name, ...args).catch(refuse);
      const [, sub, script] = command;
      return name === 'SCRIPT' && sub?.toUpperCase() === 'LOAD' && script !== undefined ? sha1(script) : toReply(reply);
    },
    async transaction(commands) {
      const pipeline = client.multi();
      for (const command of commands) {
        const [name, ...args] = adapt(command);
        pipeline.call(name, ...args);
      }
      const replies = (await pipeline.exec().catch(refuse)) ?? [];
      return replies.map(([error, reply]): Outcome => (error ? { error: error.message } : { result: toReply(reply) }));
    },
  };
}

const sha1Of = (script: string | undefined): string | undefined => (script === undefined ? undefined : sha1(script));

function refuse(error: Error): never {
  if (error.name === 'ReplyError') throw new RedisError(error.message);
  throw error;
}

/** What the client hands out for Redis's reply types. */
function toReply(value: unknown): Reply {
  if (Array.isArray(value)) return value.map(toReply);
  if (typeof value === 'string' || typeof value === 'number' || value === null) return value;
  throw new TypeError(`Redis replied with ${typeof value}`);
}
