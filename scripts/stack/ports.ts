import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/** Below those that systems give to whoever asks for any (Linux from 32768 on, others from 49152 on). */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

/** Given out by this process: whoever asked may not listen there yet. */
const given = new Set<number>();

/**
 * A port that is free, for programs that cannot be told "any". None that the system may give to somebody else before the
 * program listens.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (given.has(port) || !(await isPortFree(port))) continue;
    given.add(port);
    return port;
  }
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
