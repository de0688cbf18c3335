import { MINUTE } from '../kernel/clock.ts';

/** When each key was last used, by its id, in milliseconds since 1970. */
export type KeyUses = Readonly<Record<string, number>>;

/** How often uses reach the database, at most. */
const INTERVAL = MINUTE;

export const KEY_USES_SCHEMA = `
  create table if not exists key_uses (key_id text primary key, used_at integer not null) strict, without rowid;`;

/**
 * Gathers the last uses of the keys. Only the first use of a key since they were handed on is written, so that an object
 * which is soon evicted has noted it too; a later moment may be lost with the machine.
 */
export class UseNotes {
  readonly #sql: SqlStorage;
  readonly #uses: Map<string, number>;
  #dueAt: number | undefined;

  constructor(sql: SqlStorage, exists: boolean) {
    this.#sql = sql;
    const rows = exists ? sql.exec<{ key_id: string; used_at: number }>('select key_id, used_at from key_uses') : [];
    this.#uses = new Map([...rows].map((row) => [row.key_id, row.used_at]));
    this.#dueAt = this.#next();
  }

  /** When they are to be handed on; nothing when there are none. */
  get dueAt(): number | undefined {
    return this.#dueAt;
  }

  note(keyId: string, at: number): void {
    const known = this.#uses.get(keyId);
    this.#uses.set(keyId, Math.max(known ?? 0, at));
    if (known !== undefined) return;
    this.#sql.exec('insert or replace into key_uses (key_id, used_at) values (?, ?)', keyId, at);
    this.#dueAt ??= at + INTERVAL;
  }

  all(): KeyUses {
    return Object.fromEntries(this.#uses);
  }

  /** Those were handed on; whatever was used meanwhile stays. */
  forget(handed: KeyUses): void {
    for (const [keyId, at] of Object.entries(handed)) {
      if (this.#uses.get(keyId) !== at) continue;
      this.#uses.delete(keyId);
      this.#sql.exec('delete from key_uses where key_id = ?', keyId);
    }
    this.#dueAt = this.#next();
  }

  #next(): number | undefined {
    return this.#uses.size === 0 ? undefined : Math.min(...this.#uses.values()) + INTERVAL;
  }
}
