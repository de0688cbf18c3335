import { execFile } from 'node:child_process';
import { chown, lstat, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ChildOptions } from './process.ts';

const ask = promisify(execFile);
const ACCOUNT = 'postgres';

export interface Account {
  uid: number;
  gid: number;
}

/** PostgreSQL refuses to run as root; as root, an ordinary account runs it. Undefined: run as who we are. */
export async function postgresAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const known = await lookUp().catch(() => undefined);
  if (known) return known;
  await ask('useradd', ['--system', '--user-group', '--no-create-home', ACCOUNT]).catch((cause) => {
    throw new Error(`PostgreSQL does not run as root, and the account "${ACCOUNT}" could not be created`, { cause });
  });
  return lookUp();
}

/** Hands a folder and all it holds to the account, unless it is its owner already. */
export async function give(path: string, { uid, gid }: Account): Promise<void> {
  const found = await lstat(path);
  if (found.uid === uid && found.gid === gid) return;
  await chown(path, uid, gid);
  if (found.isDirectory()) for (const entry of await readdir(path)) await give(join(path, entry), { uid, gid });
}

/**
 * Makes a command run as the account. When one of the paths lies below a folder that only root may enter (a checkout
 * in /root), the process keeps one right of root's: to pass files' permissions.
 */
export async function as(account: Account | undefined, options: ChildOptions, paths: string[]): Promise<ChildOptions> {
  if (!account) return options;
  const reachable = await Promise.all(paths.map((path) => isReachable(path, account)));
  if (reachable.every(Boolean)) return { ...options, ...account };
  const keep = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  const identity = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  return { ...options, command: 'setpriv', args: [...identity, ...keep, options.command, ...options.args] };
}

async function lookUp(): Promise<Account> {
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await ask('id', [flag, ACCOUNT])).stdout)),
  );
  if (uid === undefined || gid === undefined) throw new Error(`the account "${ACCOUNT}" has no ids`);
  return { uid, gid };
}

async function isReachable(path: string, { uid, gid }: Account): Promise<boolean> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { uid: owner, gid: group, mode } = await stat(folder);
    const passBit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001;
    if ((mode & passBit) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
