import type { IncomingHttpHeaders } from 'node:http';
import pg from 'pg';
import { type Lease, type Pools, RAW_TEXT } from './pools.ts';

/** What `POST /sql` answers with: a status and a JSON body. */
export interface Answer {
  status: number;
  body: unknown;
}

interface Query {
  query: string;
  params?: unknown[];
  arrayMode?: boolean;
}

/** The fields of PostgreSQL's error message that Neon hands on. */
const ERROR_FIELDS = [
  'severity',
  'code',
  'detail',
  'hint',
  'position',
  'internalPosition',
  'internalQuery',
  'where',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
  'file',
  'line',
  'routine',
] as const;

const ISOLATION_LEVELS: Record<string, string> = {
  ReadUncommitted: 'READ UNCOMMITTED',
  ReadCommitted: 'READ COMMITTED',
  RepeatableRead: 'REPEATABLE READ',
  Serializable: 'SERIALIZABLE',
};

const CHANGES_DATABASES = /^\s*(create|drop|alter)\s+database\b/i;

class BadRequest extends Error {}

/** One request of Neon's HTTP protocol. `gone` fires when the caller has hung up. */
export async function answerSql(
  pools: Pools,
  connectionString: string,
  headers: IncomingHttpHeaders,
  text: string,
  gone: AbortSignal,
): Promise<Answer> {
  try {
    const request = parseRequest(text);
    const arrayMode = headers['neon-array-mode'] === 'true';
    if ('query' in request) {
      // Idle connections of the relay's own would make these fail with "is being accessed by other users".
      if (CHANGES_DATABASES.test(request.query)) await pools.closeIdle();
      return await withLease(pools, connectionString, gone, ({ client }) => execute(client, request, arrayMode));
    }
    const begin = beginStatement(headers);
    return await withLease(pools, connectionString, gone, async ({ client }) => {
      await client.query(begin);
      const results: unknown[] = [];
      for (const query of request.queries) results.push(await execute(client, query, arrayMode));
      await client.query('COMMIT');
      return { results };
    });
  } catch (error) {
    return answerError(error);
  }
}

async function withLease(
  pools: Pools,
  connectionString: string,
  gone: AbortSignal,
  work: (lease: Lease) => Promise<unknown>,
): Promise<Answer> {
  const lease = await pools.lease(connectionString);
  let abandoned: Promise<void> | undefined;
  const abandon = () => {
    abandoned = lease.abandon();
  };
  gone.addEventListener('abort', abandon, { once: true });
  let broken = false;
  try {
    if (gone.aborted) abandon();
    return { status: 200, body: await work(lease) };
  } catch (error) {
    // A failed statement of a batch leaves its transaction open; outside of one this is only a warning.
    broken = await lease.client.query('ROLLBACK').then(
      () => false,
      () => true,
    );
    throw error;
  } finally {
    gone.removeEventListener('abort', abandon);
    // Not awaited: the answer need not wait until the connection is clean again.
    void (abandoned ?? lease.release(broken));
  }
}

async function execute(client: pg.Client, { query, params, arrayMode: own }: Query, arrayMode: boolean) {
  const asArray = own ?? arrayMode;
  const config = {
    text: query,
    values: params ?? [],
    types: RAW_TEXT,
    // Like Neon: exactly one statement, also when there are no parameters.
    queryMode: 'extended',
    ...(asArray ? { rowMode: 'array' as const } : {}),
  };
  const result = await client.query(config);
  return {
    command: result.command,
    rowCount: result.rowCount,
    rowAsArray: asArray,
    fields: result.fields.map((field) => ({ ...field })),
    rows: result.rows,
  };
}

function parseRequest(text: string): Query | { queries: Query[] } {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new BadRequest('the body is not JSON');
  }
  if (isQuery(body)) return body;
  if (typeof body === 'object' && body !== null && 'queries' in body) {
    const { queries } = body;
    if (Array.isArray(queries) && queries.every(isQuery)) return { queries };
  }
  throw new BadRequest('the body must be {"query", "params"} or {"queries": […]}');
}

function isQuery(value: unknown): value is Query {
  if (typeof value !== 'object' || value === null || !('query' in value)) return false;
  const params = 'params' in value ? value.params : undefined;
  return typeof value.query === 'string' && (params === undefined || Array.isArray(params));
}

function beginStatement(headers: IncomingHttpHeaders): string {
  const level = headers['neon-batch-isolation-level'];
  const isolation = level === undefined ? undefined : ISOLATION_LEVELS[String(level)];
  if (level !== undefined && isolation === undefined) throw new BadRequest(`unknown isolation level ${level}`);
  return [
    'BEGIN',
    isolation && `ISOLATION LEVEL ${isolation}`,
    headers['neon-batch-read-only'] === 'true' && 'READ ONLY',
    headers['neon-batch-deferrable'] === 'true' && 'DEFERRABLE',
  ]
    .filter(Boolean)
    .join(' ');
}

/** 400 for what PostgreSQL refuses, 5xx for a database that cannot be reached: the driver tells them apart by it. */
function answerError(error: unknown): Answer {
  if (error instanceof BadRequest) return { status: 400, body: { message: error.message } };
  if (!(error instanceof pg.DatabaseError)) {
    const message = error instanceof Error ? error.message || error.name : String(error);
    return { status: 502, body: { message: `the database cannot be reached: ${message}` } };
  }
  const fields = ERROR_FIELDS.flatMap((name) => (error[name] === undefined ? [] : [[name, error[name]]]));
  return { status: isOutage(error.code) ? 503 : 400, body: { message: error.message, ...Object.fromEntries(fields) } };
}

/** Connection exceptions, too many connections, and a server that starts up or shuts down. */
const isOutage = (code: string | undefined): boolean => /^(08...|53300|57P0[1-5])$/.test(code ?? '');
