import { KEY_USES_SCHEMA } from './key-uses.ts';
import { type Change, idOf, type Row } from './rows.ts';
import { type QuotaState, stateFrom } from './state.ts';

/** The quota's rows in the object's own SQLite, each as one JSON text under its kind and id. */
const SCHEMA = `
  create table if not exists quota (kind text not null, id text not null, body text not null, primary key (kind, id))
  strict, without rowid;
  ${KEY_USES_SCHEMA}`;

/** Makes the tables, with the first publication: an object that was never published to stays empty. */
export const createQuotaTables = (sql: SqlStorage): void => void sql.exec(SCHEMA);

/** Writes the changes, in a transaction of the caller's. */
export function writeQuota(sql: SqlStorage, changes: readonly Change[]): void {
  for (const change of lastOfEach(changes)) {
    if ('put' in change) {
      const body = JSON.stringify(change.put.row);
      const { kind } = change.put;
      sql.exec('insert or replace into quota (kind, id, body) values (?, ?, ?)', kind, idOf(change.put), body);
    } else {
      sql.exec('delete from quota where kind = ? and id = ?', change.remove.kind, change.remove.id);
    }
  }
}

/** A row that was changed several times in one go is written once. */
function lastOfEach(changes: readonly Change[]): Iterable<Change> {
  const byRow = new Map<string, Change>();
  for (const change of changes) {
    const { kind, id } = 'put' in change ? { kind: change.put.kind, id: idOf(change.put) } : change.remove;
    byRow.set(`${kind} ${id}`, change);
  }
  return byRow.values();
}

/** The state as it was last written. */
export function readQuota(sql: SqlStorage): QuotaState {
  const rows = sql.exec<{ kind: string; body: string }>('select kind, body from quota').toArray();
  return stateFrom(rows.map(({ kind, body }) => ({ kind, row: JSON.parse(body) }) as Row)); // what writeQuota wrote
}
