import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../scripts/stack/ports.ts';
import type { Child } from '../../scripts/stack/process.ts';
import { findRedisServer } from '../../scripts/stack/redis/real.ts';
import { OTHER_CORE, SERVER_CORE, startPinned, untilAnswering } from './pinned.ts';
import { prepareWorker, type WorkerOptions } from './workerd.ts';

/** Starts and ends what the lines of a comparison need. */
export interface Bench {
  /** A scratch folder that ends with the benchmark. */
  dir: string;
  /** Is told of every child, so that it is ended whatever happens. */
  children: Child[];
}

export interface Server {
  child: Child;
  url: string;
}

export async function startWorkerd(
  bench: Bench,
  name: string,
  options: Omit<WorkerOptions, 'dir' | 'port'>,
): Promise<Server> {
  const port = await freePort();
  const dir = join(bench.dir, name);
  const program = await prepareWorker({ ...options, dir, port });
  return start(bench, { name, core: SERVER_CORE, ...program }, `http://127.0.0.1:${port}`);
}

/** A program of `peers/`, which takes its settings as one JSON text. */
export async function startPeer(bench: Bench, name: string, settings: Record<string, unknown>): Promise<Server> {
  const port = await freePort();
  const dir = join(bench.dir, name);
  await mkdir(dir);
  const script = join(import.meta.dirname, 'peers', `${name}.mjs`);
  const args = [script, JSON.stringify({ ...settings, dir, port })];
  return start(bench, { name, core: SERVER_CORE, command: process.execPath, args }, `http://127.0.0.1:${port}`);
}

export interface Redis {
  /** Nothing when the machine has no `redis-server`. */
  port: number | undefined;
  rest: Server;
  token: string;
  /** Every process that answers for it. */
  pids: number[];
}

/** A Redis that writes nothing to disk, and before it the stack's stand-in for Upstash's REST protocol. */
export async function startRedis(bench: Bench): Promise<Redis> {
  const program = await findRedisServer();
  const port = program === undefined ? undefined : await freePort();
  if (program !== undefined) {
    // Its own title would overwrite the mark by which what belongs to a killed run is found.
    const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: bench.dir, 'set-proc-title': 'no' };
    const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]);
    bench.children.push(await startPinned({ name: 'redis-server', core: OTHER_CORE, command: program, args }));
  }
  const settings = {
    port: await freePort(),
    token: 'benchmark',
    ...(port && { redisUrl: `redis://127.0.0.1:${port}` }),
  };
  const args = [join(import.meta.dirname, 'redis-rest.ts'), JSON.stringify(settings)];
  const url = `http://127.0.0.1:${settings.port}`;
  const rest = await start(bench, { name: 'redis-rest', core: OTHER_CORE, command: process.execPath, args }, url);
  const engine = bench.children.at(-2);
  const pids = [rest.child.pid, ...(port !== undefined && engine ? [engine.pid] : [])];
  return { port, rest, token: settings.token, pids };
}

/** Starts a program, and waits until it answers. */
export async function start(bench: Bench, program: Parameters<typeof startPinned>[0], url: string): Promise<Server> {
  const child = await startPinned(program);
  bench.children.push(child);
  await untilAnswering(child, url);
  return { child, url };
}
