import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { OWNER_VARIABLE } from './process.ts';

const ask = promisify(execFile);

/** Ends whatever a killed supervisor of the same data folder has left running. Returns how many it found. */
export async function stopOrphans(owner: string): Promise<number> {
  const found = await processesOwnedBy(owner);
  for (const pid of found) sendSignal(pid, 'SIGTERM');
  for (const pid of found) if (!(await waitUntilGone(pid, 3_000))) sendSignal(pid, 'SIGKILL');
  for (const pid of found) await waitUntilGone(pid, 2_000);
  return found.length;
}

/** Kills all of them at once, without asking. */
export async function killOwned(owner: string): Promise<void> {
  for (const pid of await processesOwnedBy(owner)) sendSignal(pid, 'SIGKILL');
}

/** The command line of a process, or undefined when there is no such process. */
export async function commandLineOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
    return text === undefined || text === '' ? undefined : text.split('\0').join(' ').trim();
  }
  const { stdout } = await ask('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.trim() || undefined;
}

export async function waitUntilGone(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    // The process exists but belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

export const isAlive = (pid: number): boolean => sendSignal(pid, 0);

/**
 * The mark is looked for in the environment a process was started with rather than in a list of recorded pids: it
 * also finds what was started a moment before the supervisor was killed, and can never match a pid used anew.
 */
async function processesOwnedBy(owner: string): Promise<number[]> {
  const mark = `${OWNER_VARIABLE}=${owner}`;
  if (process.platform !== 'linux') {
    const { stdout } = await ask('ps', ['-axEww', '-o', 'pid=,command='], { maxBuffer: 64 << 20 });
    const lines = stdout.split('\n').filter((line) => `${line} `.includes(`${mark} `));
    return lines.map((line) => Number.parseInt(line, 10)).filter((pid) => pid !== process.pid);
  }
  const pids = (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid) && pid !== process.pid);
  const marked = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      return environment.split('\0').includes(mark);
    }),
  );
  return pids.filter((_, index) => marked[index]);
}
