import { neon, neonConfig, Pool } from '@neondatabase/serverless';
import { sql } from 'drizzle-orm';
import { drizzle as overHttp } from 'drizzle-orm/neon-http';
import { drizzle as overWebSocket } from 'drizzle-orm/neon-serverless';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';

/** Anything that runs statements: the HTTP reader or an open transaction. Stores take this and cannot tell which. */
export type Executor = PgDatabase<PgQueryResultHKT>;

export interface Database {
  /** Single statements, each its own transaction, one HTTP request each. */
  readonly query: Executor;
  /** Runs `work` in one READ COMMITTED transaction on a connection of its own; a throw rolls everything back. */
  transaction<T>(work: (tx: Executor) => Promise<T>): Promise<T>;
}

export interface DatabaseSettings {
  /** `postgres://user:password@host/database`. */
  url: string;
  /** Where Neon's HTTP and WebSocket protocols are spoken, if not at the database host itself. */
  proxyUrl?: string | undefined;
}

/**
 * Opens the database for one request. A WebSocket cannot outlive the request that made it on Workers, so every
 * transaction brings its own connection and closes it.
 * Driver: https://neon.com/docs/serverless/serverless-driver
 */
export function connect(settings: DatabaseSettings): Database {
  if (settings.proxyUrl) useProxy(new URL(settings.proxyUrl));
  return {
    query: overHttp(neon(settings.url)),
    async transaction(work) {
      const pool = new Pool({ connectionString: settings.url, max: 1 });
      // An idle connection that breaks emits an error that nobody awaits; the statement in flight rejects by itself.
      pool.on('error', () => {});
      try {
        return await overWebSocket(pool).transaction(work);
      } catch (error) {
        throw error instanceof Error ? error : new ConnectionLost(error);
      } finally {
        await pool.end();
      }
    },
  };
}

/** A WebSocket that fails rejects with an event, which is no `Error` and would pass every handler of errors by. */
class ConnectionLost extends Error {
  constructor(event: unknown) {
    super('the connection to the database failed', { cause: event });
    this.name = 'ConnectionLost';
  }
}

function useProxy(proxy: URL) {
  neonConfig.fetchEndpoint = `${proxy.origin}/sql`;
  neonConfig.wsProxy = `${proxy.host}/v2`;
  neonConfig.useSecureWebSocket = proxy.protocol === 'https:';
  neonConfig.pipelineTLS = false;
  neonConfig.pipelineConnect = false;
}

/** PostgreSQL's SQLSTATE of a failed statement, as either driver reports it (`23505`), if the error is one. */
function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)) return error.code;
  return sqlState(error.cause);
}

/** The constraint that a failed statement broke, such as `users_username_key`. */
function brokenConstraint(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('constraint' in error && typeof error.constraint === 'string') return error.constraint;
  return brokenConstraint(error.cause);
}

const UNIQUE_VIOLATION = '23505';

/** Which of the named unique constraints the error reports as broken. */
export function duplicateOf(error: unknown): string | undefined {
  return sqlState(error) === UNIQUE_VIOLATION ? brokenConstraint(error) : undefined;
}

const FOREIGN_KEY_VIOLATION = '23503';

/** Which foreign key the error reports as broken: what the row refers to is not there, or not any more. */
export function danglingOf(error: unknown): string | undefined {
  return sqlState(error) === FOREIGN_KEY_VIOLATION ? brokenConstraint(error) : undefined;
}

/** Connection failures (class 08), too many connections, and a server that shuts down or starts. */
const UNAVAILABLE = /^(08...|53300|57P0[1-3])$/;

/**
 * Whether an error says that the database cannot be reached, rather than that it refused a statement: what reached
 * PostgreSQL comes back with an SQLSTATE.
 */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof ConnectionLost) return true;
  const state = sqlState(error);
  if (state !== undefined) return UNAVAILABLE.test(state);
  return error instanceof Error && (error.name === 'NeonDbError' || isUnreachable(error.cause));
}

const LOCK_NOT_AVAILABLE = '55P03';

/** Whether a statement gave up waiting for a lock (`lock_timeout`). */
export const isLockTimeout = (error: unknown) => sqlState(error) === LOCK_NOT_AVAILABLE;

/** Whether PostgreSQL answers a trivial statement in time: a frozen server is as good as none. */
export async function isReachable(db: Database, timeoutMs: number): Promise<boolean> {
  const answers = db.query.execute(sql`select 1`).then(
    () => true,
    () => false,
  );
  const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), timeoutMs));
  return Promise.race([answers, late]);
}
