import { mkdir, readdir, readFile, realpath, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandLineOf, stopOrphans } from './orphans.ts';

const MARKER = '.weir-data';
const LOCK = 'dev.lock';

/** The folder that holds everything local development keeps. Returns its real path. */
export async function openDataDir(path: string): Promise<string> {
  // Others may pass through but not list: as root, PostgreSQL runs as another user below this folder.
  await mkdir(path, { recursive: true, mode: 0o711 });
  const entries = await readdir(path);
  if (entries.length === 0) await writeFile(join(path, MARKER), 'Made by scripts/dev.ts. Safe to delete.\n');
  else if (!entries.includes(MARKER)) {
    throw new Error(`${path} holds something else: DATA_DIR must be a new folder or one made by this tool`);
  }
  return realpath(path);
}

/** Deletes a data folder, but only one that this tool has made. */
export async function deleteDataDir(path: string): Promise<void> {
  const entries = await readdir(path).catch((): string[] => []);
  if (entries.length === 0) return;
  if (!entries.includes(MARKER)) throw new Error(`${path} was not made by this tool, so --fresh does not delete it`);
  // Held while deleting: a copy that runs on this folder must refuse.
  await lockDataDir(path);
  await stopOrphans(await realpath(path));
  await rm(path, { recursive: true });
}

/** Refuses a second supervisor on the same folder; a lock whose owner has died is taken over. */
export async function lockDataDir(path: string): Promise<{ release(): Promise<void> }> {
  const lock = join(path, LOCK);
  for (let attempt = 0; attempt < 5; attempt++) {
    const mine = await writeFile(lock, String(process.pid), { flag: 'wx' }).then(
      () => true,
      () => false,
    );
    if (mine) return { release: () => unlink(lock).catch(() => undefined) };
    const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
    if (holder > 0 && (await isSupervisor(holder))) {
      throw new Error(`another copy (pid ${holder}) runs on ${path}: stop it, or set DATA_DIR to another folder`);
    }
    await discardStaleLock(lock, holder);
  }
  throw new Error(`${lock} could not be taken`);
}

/** A pid alone proves nothing: the system may have given it to another program since. */
async function isSupervisor(pid: number): Promise<boolean> {
  const command = pid === process.pid ? undefined : await commandLineOf(pid);
  return command?.includes('scripts/dev.ts') ?? false;
}

/** Moves the stale lock aside first: two starters that both saw it cannot delete each other's new one. */
async function discardStaleLock(lock: string, holder: number): Promise<void> {
  const aside = `${lock}.${process.pid}`;
  if (
    !(await rename(lock, aside).then(
      () => true,
      () => false,
    ))
  )
    return;
  const moved = Number(await readFile(aside, 'utf8').catch(() => ''));
  if (moved === holder) await unlink(aside);
  else await rename(aside, lock);
}
