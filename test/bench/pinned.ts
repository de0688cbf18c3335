import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, startChild } from '../../scripts/stack/process.ts';

/** The server alone has one core; whatever it is loaded by and whatever it asks share the other. */
export const SERVER_CORE = 0;
export const OTHER_CORE = 1;

export interface Pinned {
  name: string;
  core: number;
  command: string;
  args: string[];
}

/** Starts a program that may use one core. */
export const startPinned = ({ name, core, command, args }: Pinned): Promise<Child> =>
  startChild({ name, command: 'taskset', args: ['--cpu-list', String(core), command, ...args] });

/** @throws Error with the last words of a child that ends before it answers */
export async function untilAnswering(child: Child, url: string): Promise<void> {
  let ended = false;
  void child.exited.then(() => {
    ended = true;
  });
  for (let attempt = 0; attempt < 300 && !ended; attempt++) {
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    if (response) return;
    await delay(100);
  }
  throw new Error(`nothing answers at ${url}\n${child.tail()}`);
}

/** Ticks of the kernel's clock a second, which `/proc` counts in: 100 wherever Linux runs Node. */
const TICKS = 100;

/** Seconds of processor time that a process has used, all its threads together. proc(5), fields 14 and 15. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Megabytes that a process has in memory. proc(5), `VmRSS`. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}

export interface MachineTime {
  busy: number;
  idle: number;
}

/** Seconds that all cores together have been busy and idle. proc(5), `cpu`: user nice system idle iowait irq softirq steal. */
export async function machineTime(): Promise<MachineTime> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return { busy: (user + nice + system + irq + soft + steal) / TICKS, idle: (idle + wait) / TICKS };
}
