import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { type Exit, readyOrDead, startChild } from './process.ts';
import { callRpc } from './rpc.ts';

const SAVE_EVERY_MS = 5_000;

export interface AnvilOptions {
  /** 0, the default, takes any free port. */
  port?: number;
  chainId?: number;
  /** Seconds from block to block; without it a block is mined for every transaction. */
  blockTime?: number;
  /** Folder in which the chain is kept; without it the chain ends with the process. */
  dir?: string;
  owner?: string | undefined;
}

export interface Anvil {
  url: string;
  chainId: number;
  exited: Promise<Exit>;
  /** Writes the chain to `dir` now. */
  save(): Promise<void>;
  stop(): Promise<void>;
}

/** A local chain. Kept, it goes on after a restart: blocks with their hashes, logs, code and storage. */
export async function startAnvil(options: AnvilOptions = {}): Promise<Anvil> {
  const { port = 0, chainId = 31337, blockTime, dir, owner } = options;
  const state = dir === undefined ? undefined : join(dir, 'state.json');
  if (dir !== undefined) await mkdir(dir, { recursive: true });

  const args = ['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(chainId)];
  if (blockTime !== undefined) args.push('--block-time', String(blockTime));
  if (dir !== undefined) args.push('--cache-path', join(dir, 'cache'));
  if (state !== undefined && (await isReadable(state))) args.push('--load-state', state);

  let tellPort: (port: string) => void = () => undefined;
  const listening = new Promise<string>((resolve) => {
    tellPort = resolve;
  });
  const onLine = (line: string) => {
    const [, bound] = /^Listening on \S+:(\d+)/.exec(line) ?? [];
    if (bound !== undefined) tellPort(bound);
  };
  const child = await startChild({ name: 'anvil', command: findBinary(), args, owner, onLine });
  const url = `http://127.0.0.1:${await readyOrDead('anvil', child, listening)}`;

  // Not anvil's own --state: it writes in place, so a kill in that moment would leave half a file.
  const save = async () => {
    if (state === undefined) return;
    const dump = await callRpc<string>(url, 'anvil_dumpState', []);
    await writeFile(`${state}.new`, await promisify(gunzip)(Buffer.from(dump.slice(2), 'hex')));
    await rename(`${state}.new`, state);
  };
  const saving = new AbortController();
  const saver = state === undefined ? undefined : saveRegularly(save, saving.signal);

  return {
    url,
    chainId,
    exited: child.exited,
    save,
    async stop() {
      saving.abort();
      await saver;
      await save().catch(() => undefined);
      await child.stop();
    },
  };
}

/** A long chain takes longer to write: it is then written less often, so that it never takes over the machine. */
async function saveRegularly(save: () => Promise<void>, stopped: AbortSignal): Promise<void> {
  let pause = SAVE_EVERY_MS;
  while (!stopped.aborted) {
    await delay(pause, undefined, { signal: stopped, ref: false }).catch(() => undefined);
    if (stopped.aborted) return;
    const began = performance.now();
    await save().catch(() => undefined);
    pause = Math.max(SAVE_EVERY_MS, 20 * (performance.now() - began));
  }
}

/** The platform's binary itself: the package's wrapper script would be one more process that can be left behind. */
function findBinary(): string {
  const require = createRequire(createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json'));
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const program = process.platform === 'win32' ? 'anvil.exe' : 'anvil';
  return require.resolve(`@foundry-rs/anvil-${process.platform}-${architecture}/bin/${program}`);
}

const isReadable = (path: string): Promise<boolean> =>
  stat(path).then(
    ({ size }) => size > 0,
    () => false,
  );
