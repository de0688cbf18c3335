import { once } from 'node:events';
import { createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/** A port that was free a moment ago, for programs that cannot be told "any". */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port could be bound on loopback');
  return address.port;
}

async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, LOOPBACK);
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

export interface WantedPort {
  part: string;
  variable: string;
  port: number;
}

/**
 * Checked before anything is started, so that a clash is one clear sentence instead of a part's stack trace.
 * @throws Error naming every port that is taken, the part that wants it and the setting that moves it
 */
export async function requireFreePorts(wanted: WantedPort[]): Promise<void> {
  const faults: string[] = [];
  for (const [index, { part, variable, port }] of wanted.entries()) {
    const twin = wanted.slice(0, index).find((other) => other.port === port);
    if (twin) faults.push(`port ${port} is asked for twice: ${twin.variable} (${twin.part}) and ${variable} (${part})`);
    else if (!(await isPortFree(port))) faults.push(`port ${port} (${part}) is taken: set ${variable} to another one`);
  }
  if (faults.length > 0) throw new Error(faults.join('\n'));
}
