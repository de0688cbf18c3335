import type { UpstreamEvent } from './event.ts';
import type { WatchSettings } from './protocol.ts';
import type { Kept, Round, Upstream } from './state.ts';

/** The object's SQLite: `settings`, `rounds` and `upstream:<id>` by name, and the events that are to be told. */

export interface Rounds {
  heardAt: number;
  activeAt: number;
  upstreams: Record<string, Round>;
}

/** The object of an API that nobody tells of writes nothing, not even tables. */
export function createWatchTables(sql: SqlStorage): void {
  sql.exec('create table if not exists watch (name text primary key, value text not null) without rowid');
  sql.exec('create table if not exists events (seq integer primary key autoincrement, event text not null)');
}

const hasTables = (sql: SqlStorage) =>
  sql.exec("select 1 from sqlite_master where type = 'table' and name = 'watch'").toArray().length > 0;

const put = (sql: SqlStorage, name: string, value: unknown) =>
  sql.exec('insert or replace into watch (name, value) values (?, ?)', name, JSON.stringify(value));

const UPSTREAM = 'upstream:';

export const writeSettings = (sql: SqlStorage, settings: WatchSettings): void => {
  put(sql, 'settings', settings);
};

export const writeRounds = (sql: SqlStorage, rounds: Rounds): void => {
  put(sql, 'rounds', rounds);
};

export const writeUpstream = (sql: SqlStorage, { of, kept }: Upstream): void => {
  put(sql, UPSTREAM + of.id, kept);
};

/** Drops what was kept of upstreams that are gone. */
export function dropUpstreams(sql: SqlStorage, there: ReadonlyMap<string, unknown>): void {
  for (const { name } of sql.exec<{ name: string }>('select name from watch').toArray()) {
    if (!name.startsWith(UPSTREAM) || there.has(name.slice(UPSTREAM.length))) continue;
    sql.exec('delete from watch where name = ?', name);
  }
}

export interface Stored {
  settings: WatchSettings;
  rounds: Rounds | undefined;
  kept: Map<string, Kept>;
  /** Events that are to be told. */
  events: number;
}

/** What was written; nothing when nothing was. */
export function readWatch(sql: SqlStorage): Stored | undefined {
  if (!hasTables(sql)) return undefined;
  // What is read is what the functions above wrote.
  const rows = sql.exec<{ name: string; value: string }>('select name, value from watch').toArray();
  const values = new Map(rows.map(({ name, value }): [string, unknown] => [name, JSON.parse(value)]));
  const settings = values.get('settings') as WatchSettings | undefined;
  if (!settings) return undefined;
  const kept = [...values].flatMap(([name, value]): [string, Kept][] =>
    name.startsWith(UPSTREAM) ? [[name.slice(UPSTREAM.length), value as Kept]] : [],
  );
  const [counted] = sql.exec<{ events: number }>('select count(*) as events from events').toArray();
  const rounds = values.get('rounds') as Rounds | undefined;
  return { settings, rounds, kept: new Map(kept), events: counted?.events ?? 0 };
}

export const addEvent = (sql: SqlStorage, event: UpstreamEvent): void => {
  sql.exec('insert into events (event) values (?)', JSON.stringify(event));
};

/** The oldest ones. */
export const readEvents = (sql: SqlStorage, limit: number): { seq: number; event: UpstreamEvent }[] =>
  sql
    .exec<{ seq: number; event: string }>('select seq, event from events order by seq limit ?', limit)
    .toArray()
    .map(({ seq, event }) => ({ seq, event: JSON.parse(event) as UpstreamEvent }));

export const dropEvent = (sql: SqlStorage, seq: number): void => {
  sql.exec('delete from events where seq = ?', seq);
};
