import { createConnection } from 'node:net';
import pg from 'pg';

/** Values go back as PostgreSQL wrote them: turning text into types is the driver's part. */
export const RAW_TEXT: pg.CustomTypesConfig = { getTypeParser: () => (value: string) => value };

export interface PoolOptions {
  /** Connections for one connection string. Further requests wait. */
  max: number;
  idleMs: number;
}

export interface Lease {
  client: pg.Client;
  /** Gives the connection back. A `broken` one, or one that cannot be cleaned, is closed instead of used again. */
  release(broken?: boolean): Promise<void>;
  /** Stops what the connection is doing at the server and closes it: for a caller that has gone away. */
  abandon(): Promise<void>;
}

interface Pool {
  all: Set<pg.Client>;
  /** Idle connections with the timer that will close them. */
  idle: Map<pg.Client, NodeJS.Timeout>;
  waiting: Array<() => void>;
}

/** Bounded pools of connections, one for each connection string. */
export function createPools({ max, idleMs }: PoolOptions) {
  const pools = new Map<string, Pool>();
  let closed = false;

  function poolOf(connectionString: string): Pool {
    const pool = pools.get(connectionString) ?? { all: new Set(), idle: new Map(), waiting: [] };
    pools.set(connectionString, pool);
    return pool;
  }

  function forget(client: pg.Client, pool: Pool): void {
    clearTimeout(pool.idle.get(client));
    pool.idle.delete(client);
    if (pool.all.delete(client)) pool.waiting.shift()?.();
  }

  async function take(connectionString: string, pool: Pool): Promise<pg.Client> {
    for (;;) {
      if (closed) throw new Error('the relay is shutting down');
      const [idle] = pool.idle;
      if (idle) {
        clearTimeout(idle[1]);
        pool.idle.delete(idle[0]);
        return idle[0];
      }
      if (pool.all.size < max) return connect(connectionString, pool);
      await new Promise<void>((wake) => pool.waiting.push(wake));
    }
  }

  async function connect(connectionString: string, pool: Pool): Promise<pg.Client> {
    const client = new pg.Client({ connectionString, types: RAW_TEXT, connectionTimeoutMillis: 10_000 });
    pool.all.add(client);
    // Without a listener the loss of an idle connection would end the process.
    client.on('error', () => forget(client, pool));
    client.once('end', () => forget(client, pool));
    try {
      await client.connect();
      return client;
    } catch (error) {
      forget(client, pool);
      throw error;
    }
  }

  function park(client: pg.Client, pool: Pool): void {
    const timer = setTimeout(() => {
      pool.idle.delete(client);
      void close(client);
    }, idleMs);
    pool.idle.set(client, timer);
    pool.waiting.shift()?.();
  }

  async function lease(connectionString: string): Promise<Lease> {
    const pool = poolOf(connectionString);
    const client = await take(connectionString, pool);
    return {
      client,
      async release(broken = false) {
        // Also fails inside a transaction that was left open, which is just as well a reason not to use it again.
        const clean = !broken && !closed && (await succeeds(client.query('DISCARD ALL')));
        if (clean && !closed && pool.all.has(client)) park(client, pool);
        else await close(client);
      },
      async abandon() {
        await cancel(client);
        await close(client);
      },
    };
  }

  const closeIdle = async () => {
    const idle = [...pools.values()].flatMap((pool) => {
      const clients = [...pool.idle.keys()];
      for (const timer of pool.idle.values()) clearTimeout(timer);
      pool.idle.clear();
      return clients;
    });
    await Promise.all(idle.map(close));
  };

  return {
    lease,
    /** `CREATE DATABASE … TEMPLATE` and `DROP DATABASE` need every session of that database to be gone. */
    closeIdle,
    async close() {
      closed = true;
      for (const pool of pools.values()) for (const wake of pool.waiting.splice(0)) wake();
      await Promise.all([...pools.values()].flatMap((pool) => [...pool.all]).map(close));
    },
  };
}

export type Pools = ReturnType<typeof createPools>;

const close = (client: pg.Client): Promise<unknown> => succeeds(client.end());

const succeeds = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

/** PostgreSQL's CancelRequest: a connection of its own that names the session by its process id and secret. */
async function cancel(client: pg.Client): Promise<void> {
  if (!('processID' in client) || !('secretKey' in client)) return;
  const { processID, secretKey } = client;
  if (typeof processID !== 'number' || typeof secretKey !== 'number') return;
  const message = Buffer.alloc(16);
  for (const [index, value] of [16, 80877102, processID, secretKey].entries()) message.writeInt32BE(value, index * 4);
  await new Promise<void>((resolve) => {
    const socket = createConnection({ host: client.host, port: client.port }, () => socket.end(message));
    socket
      .on('error', () => undefined)
      .on('close', () => resolve())
      .resume();
  });
}
