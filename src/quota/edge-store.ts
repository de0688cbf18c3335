import type { EdgeKey, EdgeLimit, EdgePlan } from '../access/edge.ts';
import type { EdgeState, KeyChanges } from './edge-state.ts';

/**
 * The published state in the object's own SQLite: `edge` has one row about the organization, `edge_keys` one a key and
 * `edge_gateway` what the data plane is told, in parts.
 * The tables are made by the first publication, so an object that was never published to stays empty.
 */
const SCHEMA = `
  create table if not exists edge (
    one integer primary key check (one = 1), organization_id text not null, version integer not null, deleted integer not null,
    plan text not null, limits text not null, gateway integer not null
  ) strict;
  create table if not exists edge_keys (hash text primary key, body text not null) strict, without rowid;
  create table if not exists edge_gateway (position integer primary key, body text not null) strict;`;

/** Writes the state, in a transaction of the caller's. */
export function writeEdge(sql: SqlStorage, state: EdgeState, { put, removed }: KeyChanges): void {
  sql.exec(SCHEMA);
  for (const hash of removed) sql.exec('delete from edge_keys where hash = ?', hash);
  for (const key of put) {
    sql.exec('insert or replace into edge_keys (hash, body) values (?, ?)', key.hash, JSON.stringify(key));
  }
  sql.exec(
    'insert or replace into edge (one, organization_id, version, deleted, plan, limits, gateway) values (1, ?, ?, ?, ?, ?, ?)',
    state.organizationId,
    state.version,
    Number(state.deleted),
    JSON.stringify(state.plan),
    JSON.stringify(state.limits),
    state.gateway,
  );
}

/** Writes what the data plane is told in place of what it was told before, in the same transaction. */
export function writeGateway(sql: SqlStorage, parts: readonly string[]): void {
  sql.exec('delete from edge_gateway');
  for (const [position, body] of parts.entries()) {
    sql.exec('insert into edge_gateway (position, body) values (?, ?)', position, body);
  }
}

export const readGateway = (sql: SqlStorage): string[] =>
  sql
    .exec<{ body: string }>('select body from edge_gateway order by position')
    .toArray()
    .map(({ body }) => body);

interface EdgeRow extends Record<string, SqlStorageValue> {
  organization_id: string;
  version: number;
  deleted: number;
  plan: string;
  limits: string;
  gateway: number;
}

/** The state as it was last written; nothing when nothing was ever published. */
export function readEdge(sql: SqlStorage): EdgeState | undefined {
  if (sql.exec("select 1 from sqlite_master where type = 'table' and name = 'edge'").toArray().length === 0) {
    return undefined;
  }
  const [edge] = sql
    .exec<EdgeRow>('select organization_id, version, deleted, plan, limits, gateway from edge')
    .toArray();
  if (!edge) return undefined;
  const rows = sql.exec<{ hash: string; body: string }>('select hash, body from edge_keys').toArray();
  return {
    organizationId: edge.organization_id,
    version: edge.version,
    deleted: edge.deleted === 1,
    // What writeEdge wrote.
    plan: JSON.parse(edge.plan) as EdgePlan,
    limits: JSON.parse(edge.limits) as EdgeLimit[],
    gateway: edge.gateway,
    keys: new Map(rows.map(({ hash, body }) => [hash, JSON.parse(body) as EdgeKey])), // what writeEdge wrote
  };
}
