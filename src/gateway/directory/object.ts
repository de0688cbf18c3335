import { DurableObject } from 'cloudflare:workers';
import { type Clock, SECOND } from '../../kernel/clock.ts';

export interface DirectoryDeps {
  clock: Clock;
  /** The organization that has the name now, as the database knows it. */
  lookUp(name: string): Promise<string | undefined>;
}

/** How long a name that nobody has is not looked up again: as long as its new owner may have to wait at most. */
const NOBODY_FOR = 5 * SECOND;

/** Names that nobody has, of which so many are remembered: whoever makes them up shall not fill the memory. */
const MAX_NOBODIES = 5_000;

/** Look-ups under way at a time: made-up names must not become a load on the database. */
const MAX_LOOKUPS = 10;

/**
 * The Durable Object `Directory`, a shard of all names (slugs and host names), each known by its text: which
 * organization has it. It knows what it was asked for: the first question goes to the database, and names that are
 * somebody's are stored. A name that has moved is found out by who asks, since each organization is published with its
 * names; then the question is asked `anew`. So nothing has to be told here when names change.
 */
export function directoryObject(depsOf: (env: Env) => DirectoryDeps) {
  return class DirectoryObject extends DurableObject<Env> {
    readonly #deps = depsOf(this.env);
    readonly #sql = this.ctx.storage.sql;
    readonly #nobodies = new Map<string, number>();
    readonly #lookups = new Map<string, Promise<string | undefined>>();
    #hasTable = false;

    /**
     * The id of the organization that has the name.
     * @throws Error when too many names are being looked up, or the database cannot be reached
     */
    async find(name: string, { anew = false } = {}): Promise<string | undefined> {
      const known = anew ? undefined : this.#stored(name);
      if (known !== undefined) return known;
      const now = this.#deps.clock().getTime();
      if (now < (this.#nobodies.get(name) ?? 0)) return undefined;
      return this.#lookUp(name);
    }

    async #lookUp(name: string): Promise<string | undefined> {
      const underWay = this.#lookups.get(name);
      if (underWay) return underWay;
      if (this.#lookups.size >= MAX_LOOKUPS) throw new Error('too many names are being looked up');
      const lookup = this.#deps.lookUp(name);
      this.#lookups.set(name, lookup);
      try {
        const found = await lookup;
        this.#note(name, found);
        return found;
      } finally {
        this.#lookups.delete(name);
      }
    }

    #note(name: string, organizationId: string | undefined): void {
      if (organizationId !== undefined) {
        this.#createTable();
        this.#nobodies.delete(name);
        this.#sql.exec('insert or replace into names (name, organization_id) values (?, ?)', name, organizationId);
        return;
      }
      if (this.#hasRows()) this.#sql.exec('delete from names where name = ?', name);
      const [oldest] = this.#nobodies.keys();
      if (this.#nobodies.size >= MAX_NOBODIES && oldest !== undefined) this.#nobodies.delete(oldest);
      this.#nobodies.set(name, this.#deps.clock().getTime() + NOBODY_FOR);
    }

    #stored(name: string): string | undefined {
      if (!this.#hasRows()) return undefined;
      const rows = this.#sql.exec<{ id: string }>('select organization_id as id from names where name = ?', name);
      return rows.toArray()[0]?.id;
    }

    /** A shard that never found anything stores nothing. */
    #hasRows(): boolean {
      this.#hasTable ||=
        this.#sql.exec("select 1 from sqlite_master where type = 'table' and name = 'names'").toArray().length > 0;
      return this.#hasTable;
    }

    #createTable(): void {
      if (this.#hasRows()) return;
      this.#sql.exec(
        'create table if not exists names (name text primary key, organization_id text not null) strict, without rowid',
      );
    }
  };
}
