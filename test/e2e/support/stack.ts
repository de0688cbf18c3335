import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { commandLineOf, processesOwnedBy, sendSignal } from '../../../scripts/stack/orphans.ts';
import { freePort } from '../../../scripts/stack/ports.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** Ports and a data folder that no other stack uses, as environment variables. */
export async function ownEnvironment() {
  const dataDir = join(await mkdtemp(join(tmpdir(), 'weir-e2e-')), 'data');
  const [PORT, PG_PORT, REDIS_PORT, ANVIL_PORT] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const ports = { PORT, PG_PORT, REDIS_PORT, ANVIL_PORT };
  const variables: Record<string, string> = { DATA_DIR: dataDir };
  for (const [name, port] of Object.entries(ports)) variables[name] = String(port);
  return { dataDir, variables, ports, remove: () => rm(join(dataDir, '..'), { recursive: true, force: true }) };
}

export interface Run {
  child: ChildProcess;
  lines: string[];
  /** Resolves with the first line that contains the text; rejects when the process ends before. */
  line(text: string): Promise<string>;
  exited: Promise<number | null>;
}

/** What vitest puts into its own environment; `BASE_URL` would otherwise configure the product. */
const OF_VITEST = ['BASE_URL', 'DEV', 'MODE', 'NODE_ENV', 'PROD', 'SSR', 'TEST', 'VITEST', 'VITEST_MODE'];

const inherited = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !OF_VITEST.includes(name)));

/** `npm run <script>` with the given environment, in a process group of its own. */
export function runScript(script: string, variables: Record<string, string>, args: string[] = []): Run {
  const child = spawn('npm', ['run', script, '--', ...args], {
    cwd: ROOT,
    env: { ...inherited(), ...variables },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const waiting = new Set<{ text: string; found(line: string): void }>();
  const onLine = (line: string) => {
    lines.push(line);
    for (const one of waiting) if (line.includes(one.text)) one.found(line);
  };
  for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream }).on('line', onLine);
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    lines,
    exited,
    line(text) {
      const present = lines.find((line) => line.includes(text));
      if (present !== undefined) return Promise.resolve(present);
      const ended = exited.then((code) => {
        throw new Error(
          `npm run ${script} ended with ${code} before it said "${text}":\n${lines.slice(-40).join('\n')}`,
        );
      });
      return Promise.race([ended, new Promise<string>((found) => waiting.add({ text, found }))]);
    },
  };
}

/** Kills every process of a run at once, with no chance to clean up. */
export function killAtOnce({ child }: Run) {
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
}

/** Kills the Worker's runtime, and nothing else of the stack of this data folder, with no chance to clean up. */
export async function killRuntime(dataDir: string): Promise<void> {
  let killed = 0;
  for (const pid of await processesOwnedBy(await realpath(dataDir))) {
    if ((await commandLineOf(pid))?.includes('workerd serve') && sendSignal(pid, 'SIGKILL')) killed++;
  }
  if (killed === 0) throw new Error('no runtime was found to be killed');
}

/** Ctrl-C, as a terminal sends it: to npm and to what it runs. Resolves when the last of them has ended. */
export async function interrupt({ child, exited }: Run): Promise<void> {
  const running = child.exitCode === null && child.signalCode === null;
  if (child.pid !== undefined && running) process.kill(-child.pid, 'SIGINT');
  await exited;
}
