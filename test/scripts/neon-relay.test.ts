import { randomUUID } from 'node:crypto';
import { Client, neon, neonConfig, Pool } from '@neondatabase/serverless';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type NeonRelay, startNeonRelay } from '../../scripts/stack/neon-relay.ts';
import { type Postgres, startThrowAwayPostgres } from '../../scripts/stack/postgres.ts';

let postgres: Postgres;
let relay: NeonRelay;
let table: string;

beforeAll(async () => {
  postgres = await startThrowAwayPostgres();
  relay = await startNeonRelay({ reach: { host: '127.0.0.1', port: postgres.port } });
  neonConfig.fetchEndpoint = `${relay.url}/sql`;
  neonConfig.wsProxy = `${new URL(relay.url).host}/v2`;
  neonConfig.useSecureWebSocket = false;
  neonConfig.pipelineTLS = false;
  neonConfig.pipelineConnect = false;
}, 60_000);

afterAll(async () => {
  await relay.stop();
  await postgres.stop();
});

beforeEach(async () => {
  table = `t_${randomUUID().replaceAll('-', '')}`;
  await neon(postgres.url).query(`CREATE TABLE ${table} (id int CONSTRAINT ${table}_key PRIMARY KEY, note text)`);
});

const post = (body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${relay.url}/sql`, {
    method: 'POST',
    headers: { 'neon-connection-string': postgres.url, 'neon-array-mode': 'true', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const count = async () => (await neon(postgres.url).query(`SELECT count(*)::int AS n FROM ${table}`))[0]?.['n'];

describe('single statements over HTTP', () => {
  it('hands parameters in and typed values out', async () => {
    const sql = neon(postgres.url);
    const rows =
      await sql`SELECT ${7}::int AS i, ${'é "quoted"'}::text AS t, ${null}::text AS nothing, ${true}::bool AS b,
      ${JSON.stringify({ a: [1] })}::jsonb AS j, 9007199254740993::int8 AS big, now() AS at`;
    expect(rows[0]).toMatchObject({
      i: 7,
      t: 'é "quoted"',
      nothing: null,
      b: true,
      j: { a: [1] },
      big: '9007199254740993',
    });
    expect(rows[0]?.['at']).toBeInstanceOf(Date);
  });

  it('takes arrays as parameters', async () => {
    const rows = await neon(
      postgres.url,
    )`SELECT x FROM unnest(${[1, 2, 3]}::int[]) AS x WHERE x = ANY(${[2, 3]}::int[])`;
    expect(rows).toEqual([{ x: 2 }, { x: 3 }]);
  });

  it('describes fields, command and row count', async () => {
    const sql = neon(postgres.url, { fullResults: true, arrayMode: true });
    const result = await sql.query(`INSERT INTO ${table} VALUES (1, 'a'), (2, 'b') RETURNING id, note`);
    expect(result).toMatchObject({
      command: 'INSERT',
      rowCount: 2,
      rows: [
        [1, 'a'],
        [2, 'b'],
      ],
    });
    expect(result.fields.map(({ name, dataTypeID }) => [name, dataTypeID])).toEqual([
      ['id', 23],
      ['note', 25],
    ]);
  });

  it('reports what PostgreSQL refuses with its code and constraint', async () => {
    const sql = neon(postgres.url);
    await sql.query(`INSERT INTO ${table} VALUES (1)`);
    await expect(sql.query(`INSERT INTO ${table} VALUES (1)`)).rejects.toMatchObject({
      code: '23505',
      severity: 'ERROR',
      schema: 'public',
      table,
      constraint: `${table}_key`,
      detail: 'Key (id)=(1) already exists.',
    });
    await expect(sql.query('SELEC 1')).rejects.toMatchObject({ code: '42601', position: '1' });
  });

  it('runs one statement only, like Neon', async () => {
    await expect(neon(postgres.url).query('SELECT 1; SELECT 2')).rejects.toMatchObject({ code: '42601' });
  });

  it('carries a big result', async () => {
    const rows = await neon(postgres.url)`SELECT i, repeat('x', 100) AS pad FROM generate_series(1, 50000) AS i`;
    expect(rows).toHaveLength(50_000);
    expect(rows[49_999]?.['i']).toBe(50_000);
  });

  it('serves 50 at once over its bounded pool', async () => {
    const sql = neon(postgres.url);
    const rows = await Promise.all(
      Array.from({ length: 50 }, (_, i) => sql`SELECT ${i}::int AS i, pg_backend_pid() AS pid`),
    );
    expect(rows.map(([row]) => row?.['i'])).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(new Set(rows.map(([row]) => row?.['pid'])).size).toBeLessThanOrEqual(20);
  });

  it('keeps no session state from one request to the next', async () => {
    const sql = neon(postgres.url);
    await sql`SET search_path TO nowhere`;
    await sql`BEGIN`;
    const seen = await Promise.all(
      Array.from({ length: 30 }, () => sql`SELECT current_setting('search_path') AS path`),
    );
    expect(new Set(seen.map(([row]) => row?.['path']))).toEqual(new Set(['"$user", public']));
  });

  it('clones a database although the relay itself has been connected to it', async () => {
    const sql = neon(postgres.url);
    const [template, clone] = [`${table}_template`, `${table}_clone`];
    await sql.query(`CREATE DATABASE ${template}`);
    await neon(databaseUrl(template))`CREATE TABLE kept AS SELECT 42 AS answer`;
    await sql.query(`CREATE DATABASE ${clone} TEMPLATE ${template}`);
    expect(await neon(databaseUrl(clone))`SELECT answer FROM kept`).toEqual([{ answer: 42 }]);
    await sql.query(`DROP DATABASE ${clone}`);
    await sql.query(`DROP DATABASE ${template}`);
  });
});

describe('batches over HTTP', () => {
  it('commits all or nothing', async () => {
    const sql = neon(postgres.url);
    const insert = (id: number) => sql.query(`INSERT INTO ${table} VALUES ($1)`, [id]);
    await expect(sql.transaction([insert(1), insert(2), insert(1)])).rejects.toMatchObject({ code: '23505' });
    expect(await count()).toBe(0);
    const results = await sql.transaction([insert(1), insert(2), sql.query(`SELECT id FROM ${table} ORDER BY id`)]);
    expect(results[2]).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await count()).toBe(2);
  });

  it.each([
    ['ReadUncommitted', 'read uncommitted'],
    ['ReadCommitted', 'read committed'],
    ['RepeatableRead', 'repeatable read'],
    ['Serializable', 'serializable'],
  ] as const)('honours the isolation level %s', async (isolationLevel, shown) => {
    const sql = neon(postgres.url);
    const [rows] = await sql.transaction([sql`SHOW transaction_isolation`], { isolationLevel });
    expect(rows).toEqual([{ transaction_isolation: shown }]);
  });

  it('honours read only and deferrable', async () => {
    const sql = neon(postgres.url);
    const options = { isolationLevel: 'Serializable', readOnly: true, deferrable: true } as const;
    const [rows] = await sql.transaction([sql`SHOW transaction_deferrable`], options);
    expect(rows).toEqual([{ transaction_deferrable: 'on' }]);
    const write = sql.query(`INSERT INTO ${table} VALUES (1)`);
    await expect(sql.transaction([write], { readOnly: true })).rejects.toMatchObject({ code: '25006' });
  });

  it('refuses an isolation level it does not know', async () => {
    const response = await post({ queries: [{ query: 'SELECT 1' }] }, { 'neon-batch-isolation-level': 'Snapshot' });
    expect(response.status).toBe(400);
  });
});

describe('what goes wrong', () => {
  it('answers 400 to a malformed body', async () => {
    for (const body of ['{', '[]', '{"query": 1}', '{"queries": [{}]}'])
      expect((await post(body)).status, body).toBe(400);
  });

  it('refuses to connect anywhere but to its database', async () => {
    const elsewhere = await post({ query: 'SELECT 1' }, { 'neon-connection-string': 'postgresql://a:b@127.0.0.1:1/c' });
    expect(elsewhere.status).toBe(403);
    const socket = new WebSocket(`${relay.url.replace('http', 'ws')}/v2?address=127.0.0.1:1`);
    await new Promise((resolve) => socket.addEventListener('error', resolve));
    expect(socket.readyState).toBe(WebSocket.CLOSED);
  });

  it('hands on that a password is wrong or a database does not exist', async () => {
    const wrong = new URL(postgres.url);
    wrong.password = 'wrong';
    await expect(neon(wrong.href)`SELECT 1`).rejects.toMatchObject({ code: '28P01' });
    await expect(neon(databaseUrl('nowhere'))`SELECT 1`).rejects.toMatchObject({ code: '3D000' });
  });

  it('answers 5xx when the database cannot be reached or ends the session', async () => {
    const open = await startNeonRelay();
    const response = await fetch(`${open.url}/sql`, {
      method: 'POST',
      headers: { 'neon-connection-string': 'postgresql://a:b@127.0.0.1:1/c' },
      body: '{"query": "SELECT 1"}',
    });
    await open.stop();
    expect(response.status).toBe(502);
    expect((await post({ query: 'SELECT pg_terminate_backend(pg_backend_pid())' })).status).toBe(503);
    expect((await post({ query: 'SELECT 1' })).status).toBe(200);
  });

  it('stops the statement of a caller that has gone away', async () => {
    const caller = new AbortController();
    const mark = randomUUID();
    const running = async () =>
      neon(
        postgres.url,
      )`SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE ${`SELECT pg_sleep%${mark}`}`;
    const query = neon(postgres.url, { fetchOptions: { signal: caller.signal } }).query(
      `SELECT pg_sleep(600) -- ${mark}`,
    );
    const refused = expect(query).rejects.toThrow('abort');
    await expect.poll(running, { interval: 10 }).toHaveLength(1);
    caller.abort();
    await refused;
    await expect.poll(running, { interval: 10 }).toHaveLength(0);
  });
});

describe('sessions over a WebSocket', () => {
  it('runs an interactive transaction with a savepoint inside', async () => {
    const pool = new Pool({ connectionString: postgres.url });
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query(`INSERT INTO ${table} VALUES (1)`);
    await client.query('SAVEPOINT inner_one');
    await expect(client.query(`INSERT INTO ${table} VALUES (1)`)).rejects.toMatchObject({ code: '23505' });
    await client.query('ROLLBACK TO SAVEPOINT inner_one');
    await client.query(`INSERT INTO ${table} VALUES (2)`);
    expect(await count()).toBe(0);
    await client.query('COMMIT');
    client.release();
    await pool.end();
    expect(await count()).toBe(2);
  });

  it('lets one session wait for the row another one holds', async () => {
    await neon(postgres.url).query(`INSERT INTO ${table} VALUES (1, 'before')`);
    const [holder, waiter] = [new Client(postgres.url), new Client(postgres.url)];
    await Promise.all([holder.connect(), waiter.connect()]);
    const select = `SELECT note FROM ${table} WHERE id = 1 FOR UPDATE`;
    await holder.query('BEGIN');
    await holder.query(select);
    const waiting = waiter.query(select);
    const blocked = async () =>
      neon(postgres.url)`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query = ${select}`;
    await expect.poll(blocked, { interval: 10 }).toHaveLength(1);
    await holder.query(`UPDATE ${table} SET note = 'after' WHERE id = 1`);
    await holder.query('COMMIT');
    expect((await waiting).rows).toEqual([{ note: 'after' }]);
    await Promise.all([holder.end(), waiter.end()]);
  });

  it('carries a big result and a big parameter', async () => {
    const client = new Client(postgres.url);
    await client.connect();
    const text = 'ü'.repeat(2_000_000);
    const { rows } = await client.query('SELECT $1::text AS t, length(repeat($1::text, 2)) AS n', [text]);
    expect(rows[0]).toEqual({ t: text, n: 4_000_000 });
    await client.end();
  });
});

function databaseUrl(name: string): string {
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  return url.href;
}
