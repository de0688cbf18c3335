import { KEY_USES_SCHEMA } from './key-uses.ts';
import { type Change, idOf, type OperationRow, type Row, slotOf } from './rows.ts';
import { type QuotaState, stateFrom } from './state.ts';

/**
 * The quota's rows in the object's own SQLite, each as one JSON text under its kind and id; only charged requests, of
 * which there are many, share one by their place in the ring.
 */
const SCHEMA = `
  create table if not exists quota (kind text not null, id text not null, body text not null, primary key (kind, id))
  strict, without rowid;
  ${KEY_USES_SCHEMA}`;

const PUT = `
  insert or replace into quota (kind, id, body)
  select value ->> 0, value ->> 1, value ->> 2 from json_each(?)`;

const REMOVE = `
  delete from quota where (kind, id) in (select value ->> 0, value ->> 1 from json_each(?))`;

/** Charged requests that share a row: about as many as are decided while one write is on its way. */
const BLOCK = 8;

/** Makes the tables, with the first publication: an object that was never published to stays empty. */
export const createQuotaTables = (sql: SqlStorage): void => void sql.exec(SCHEMA);

/**
 * Writes the changes that have led to the state, in a transaction of the caller's: all rows by one statement, which costs
 * less than one each, and each row once.
 */
export function writeQuota(sql: SqlStorage, state: QuotaState, changes: readonly Change[]): void {
  const put = new Map<string, string[]>();
  const removed = new Map<string, string[]>();
  const blocks = new Set<number>();
  for (const change of changes) {
    if ('put' in change && change.put.kind === 'operation') {
      blocks.add(Math.floor(slotOf(change.put.row) / BLOCK));
    } else if ('put' in change) {
      const { kind, row } = change.put;
      const id = idOf(change.put);
      put.set(`${kind} ${id}`, [kind, id, JSON.stringify(row)]);
      removed.delete(`${kind} ${id}`);
    } else {
      const { kind, id } = change.remove;
      removed.set(`${kind} ${id}`, [kind, id]);
      put.delete(`${kind} ${id}`);
    }
  }
  for (const block of blocks) put.set(`operation ${block}`, ['operation', String(block), operationsIn(state, block)]);
  if (put.size > 0) sql.exec(PUT, JSON.stringify([...put.values()]));
  if (removed.size > 0) sql.exec(REMOVE, JSON.stringify([...removed.values()]));
}

function operationsIn({ slots, operations }: QuotaState, block: number): string {
  const ids = slots.slice(block * BLOCK, (block + 1) * BLOCK);
  return JSON.stringify(ids.flatMap((id) => operations.get(id ?? '') ?? []));
}

/** The state as it was last written. */
export function readQuota(sql: SqlStorage): QuotaState {
  const rows = sql.exec<{ kind: string; body: string }>('select kind, body from quota').toArray();
  return stateFrom(rows.flatMap(({ kind, body }) => rowsOf(kind, JSON.parse(body))));
}

/** What `writeQuota` wrote. */
function rowsOf(kind: string, body: unknown): Row[] {
  if (kind !== 'operation') return [{ kind, row: body } as Row];
  return (body as OperationRow[]).map((row) => ({ kind: 'operation', row }));
}
