import { type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Environment variable every child carries, so that a later run can recognise what an earlier one left behind. */
export const OWNER_VARIABLE = 'WEIR_STACK';

/** The mark of what belongs to no data folder and so ends with the process that made it. */
export const throwAwayOwner = (pid: number): string => `pid:${pid}`;

const TAIL_LINES = 40;

export interface ChildOptions {
  name: string;
  command: string;
  args: string[];
  cwd?: string | undefined;
  env?: NodeJS.ProcessEnv | undefined;
  uid?: number | undefined;
  gid?: number | undefined;
  /** The data folder this child belongs to; see `stopOrphans`. */
  owner?: string | undefined;
  onLine?: ((line: string) => unknown) | undefined;
  /** What a Node program says with `process.send`; without it there is no such channel. */
  onMessage?: ((message: unknown) => void) | undefined;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child {
  pid: number;
  exited: Promise<Exit>;
  /** Settles a little later: when all it wrote has been read. */
  closed: Promise<Exit>;
  /** The last lines the child wrote: what an error message about it needs. */
  tail(): string;
  /** Asks the child to end and kills its whole process group when it has not after `graceMs`. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<void>;
}

/**
 * Starts a program in a process group of its own: Ctrl-C in the terminal then reaches only the supervisor, which
 * ends the parts in order, and what a part has started itself can be ended with it.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, command, args, cwd, uid, gid, owner = throwAwayOwner(process.pid), onLine, onMessage } = options;
  const env = { ...(options.env ?? process.env), [OWNER_VARIABLE]: owner };
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...(onMessage ? (['ipc'] as const) : [])];
  const handle = spawn(command, args, { cwd, env, uid, gid, detached: true, stdio });
  const exited = new Promise<Exit>((resolve) => handle.once('exit', (code, signal) => resolve({ code, signal })));
  const closed = new Promise<Exit>((resolve) => handle.once('close', (code, signal) => resolve({ code, signal })));
  const lines: string[] = [];
  const collect = (line: string) => {
    lines.push(line);
    if (lines.length > TAIL_LINES) lines.shift();
    onLine?.(line);
  };
  await once(handle, 'spawn').catch((cause) => {
    throw new Error(`${name} could not be started (${command}): ${cause.message}`, { cause });
  });
  for (const stream of [handle.stdout, handle.stderr]) if (stream) readLines(stream, collect);
  if (onMessage) handle.on('message', onMessage);
  const pid = handle.pid ?? 0;

  return {
    pid,
    exited,
    closed,
    tail: () => lines.join('\n'),
    async stop(signal = 'SIGTERM', graceMs = 5_000) {
      if (handle.exitCode === null && handle.signalCode === null) {
        handle.kill(signal);
        const killer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
        await exited;
        clearTimeout(killer);
      }
      signalGroup(pid, 'SIGKILL');
    },
  };
}

/** Waits for `ready`; when the child ends first, fails with its last words instead of waiting for ever. */
export async function readyOrDead<T>(name: string, child: Child, ready: Promise<T>): Promise<T> {
  const dead = child.exited.then((exit) => {
    throw new Error(`${name} ended while starting (${describeExit(exit)})\n${child.tail()}`);
  });
  return Promise.race([ready, dead]);
}

export const describeExit = ({ code, signal }: Exit): string =>
  signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`;

/** Runs a short-lived program to its end and returns what it wrote; fails with it when the exit code is not 0. */
export async function run(options: ChildOptions): Promise<string> {
  const child = await startChild(options);
  const exit = await child.closed;
  if (exit.code !== 0) throw new Error(`${options.name} failed (${describeExit(exit)})\n${child.tail()}`);
  return child.tail();
}

/** Signals a process group; false when there is none left. */
function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine);
}
