import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Made once per data folder: what they protect in it must stay readable after a restart. */
export interface Secrets {
  postgresPassword: string;
  redisToken: string;
  jwtSecret: string;
  /** 32 bytes, base64. */
  encryptionKey: string;
}

export async function openSecrets(dataDir: string): Promise<Secrets> {
  const path = join(dataDir, 'secrets.json');
  const known: Partial<Secrets> = JSON.parse(await readFile(path, 'utf8').catch(() => '{}'));
  const secrets: Secrets = {
    // Hexadecimal, so that they fit into a URL as they are.
    postgresPassword: known.postgresPassword ?? randomBytes(18).toString('hex'),
    redisToken: known.redisToken ?? randomBytes(18).toString('hex'),
    jwtSecret: known.jwtSecret ?? randomBytes(32).toString('hex'),
    encryptionKey: known.encryptionKey ?? randomBytes(32).toString('base64'),
  };
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  await rename(draft, path);
  return secrets;
}
