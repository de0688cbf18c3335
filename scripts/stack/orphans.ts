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

/** Every mark that a running process carries. */
export async function ownersRunning(): Promise<Set<string>> {
  return new Set((await markedProcesses()).map(({ owner }) => owner));
}

/** The pids of what carries the mark of this data folder, given by its real path. */
export async function processesOwnedBy(owner: string): Promise<number[]> {
  return (await markedProcesses()).filter((found) => found.owner === owner).map(({ pid }) => pid);
}

/**
 * The mark is looked for in the environment a process was started with rather than in a list of recorded pids: it
 * also finds what was started a moment before the supervisor was killed, and can never match a pid used anew.
 */
async function markedProcesses(): Promise<Array<{ pid: number; owner: string }>> {
  const found = process.platform === 'linux' ? await environmentsFromProc() : await environmentsFromPs();
  return found.flatMap(({ pid, words }) => {
    const mark = words.find((word) => word.startsWith(`${OWNER_VARIABLE}=`));
    return mark === undefined || pid === process.pid ? [] : [{ pid, owner: mark.slice(OWNER_VARIABLE.length + 1) }];
  });
}

interface Environment {
  pid: number;
  words: string[];
}

async function environmentsFromProc(): Promise<Environment[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const read = async (pid: number) => {
    const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    return { pid, words: text.split('\0') };
  };
  return Promise.all(pids.map(read));
}

/** Separates by spaces, so that a data folder with a space in its path is not recognised here. */
async function environmentsFromPs(): Promise<Environment[]> {
  const { stdout } = await ask('ps', ['-axEww', '-o', 'pid=,command='], { maxBuffer: 64 << 20 });
  return stdout.split('\n').map((line) => ({ pid: Number.parseInt(line, 10), words: line.split(' ') }));
}
