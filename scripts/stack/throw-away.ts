import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, killOwned, ownersRunning } from './orphans.ts';
import { throwAwayOwner } from './process.ts';

/** `weir-<part>-<pid of its maker>-<random>` */
const FOLDER = /^weir-[a-z]+-(\d+)-/;

export async function makeTemporaryFolder(part: string): Promise<string> {
  return realpath(await mkdtemp(join(tmpdir(), `weir-${part}-${process.pid}-`)));
}

/** Removes what test runs that were killed could not: their engines, then the folders of these. */
export async function sweepAbandoned(): Promise<void> {
  for (const owner of await ownersRunning()) {
    const pid = /^pid:(\d+)$/.exec(owner)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await killOwned(throwAwayOwner(Number(pid)));
  }
  for (const name of await readdir(tmpdir())) {
    const pid = FOLDER.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}
