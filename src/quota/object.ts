import { DurableObject } from 'cloudflare:workers';
import type { EdgeSnapshot, KeyQuery, KeyVerdict } from '../access/edge.ts';
import { type Clock, later, MINUTE } from '../kernel/clock.ts';
import { describeError } from '../kernel/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { changesBetween, type EdgeState, identify, isNewer, stateOf } from './edge-state.ts';
import { readEdge, writeEdge } from './edge-store.ts';

/** When each key was last used, by its id, in milliseconds since 1970. */
export type KeyUses = Readonly<Record<string, number>>;

export interface QuotaDeps {
  clock: Clock;
  log: Logger;
  recordUses(organizationId: string, uses: KeyUses): Promise<void>;
}

const USES_KEY = 'key_uses';

/** How often uses reach the database, at most. */
const FLUSH_INTERVAL = MINUTE;

/** A note of use may be lost with the machine, so no answer waits until it is safe. */
const UNCONFIRMED = { allowUnconfirmed: true } as const;

/**
 * The Durable Object `OrganizationQuota`, one per organization, named by its id: holds what was published of the
 * organization, and says whether a key is good. Its answer is true of the moment in which it is given, so nobody may
 * keep it: after a publication without a key has been answered, that key is refused everywhere.
 */
export function organizationQuotaObject(depsOf: (env: Env) => QuotaDeps) {
  return class OrganizationQuotaObject extends DurableObject<Env> {
    readonly #deps = depsOf(this.env);
    #edge: EdgeState | undefined = readEdge(this.ctx.storage.sql);
    readonly #uses = new Map<string, number>();

    /** Takes the snapshot over unless it knows a newer one, and answers with the version that it holds now. */
    async publish(snapshot: EdgeSnapshot): Promise<number> {
      if (!isNewer(snapshot, this.#edge)) return this.#edge?.version ?? 0;
      const next = stateOf(snapshot);
      const changes = changesBetween(this.#edge, next);
      this.ctx.storage.transactionSync(() => writeEdge(this.ctx.storage.sql, next, changes));
      this.#edge = next;
      return next.version;
    }

    async identify(query: KeyQuery): Promise<KeyVerdict> {
      const verdict = identify(this.#edge, query);
      if (verdict.ok) await this.#noteUse(verdict.key.id, query.now.getTime());
      return verdict;
    }

    /** Hands the uses on to the database. */
    override async alarm(): Promise<void> {
      const uses = { ...(await this.#keptUses()), ...Object.fromEntries(this.#uses) };
      const organizationId = this.#edge?.organizationId;
      this.#uses.clear();
      try {
        if (organizationId !== undefined) await this.#deps.recordUses(organizationId, uses);
      } catch (error) {
        this.#deps.log.warn('key_uses.not_recorded', { error: describeError(error) });
        await this.#keepUses({ ...uses, ...Object.fromEntries(this.#uses) });
        return;
      }
      // A key that was used meanwhile has set the next alarm.
      if (this.#uses.size === 0) await this.ctx.storage.delete(USES_KEY);
      else await this.ctx.storage.put(USES_KEY, Object.fromEntries(this.#uses), UNCONFIRMED);
    }

    /** Only the first use of a key in a minute writes, so that an object which is soon evicted has it noted too. */
    async #noteUse(keyId: string, at: number): Promise<void> {
      const known = this.#uses.get(keyId);
      this.#uses.set(keyId, Math.max(known ?? 0, at));
      if (known !== undefined) return;
      await this.#keepUses({ ...(await this.#keptUses()), ...Object.fromEntries(this.#uses) });
    }

    #keptUses(): Promise<KeyUses | undefined> {
      return this.ctx.storage.get<KeyUses>(USES_KEY);
    }

    async #keepUses(uses: KeyUses): Promise<void> {
      await this.ctx.storage.put(USES_KEY, uses, UNCONFIRMED);
      if ((await this.ctx.storage.getAlarm()) !== null) return;
      await this.ctx.storage.setAlarm(later(this.#deps.clock(), FLUSH_INTERVAL), UNCONFIRMED);
    }
  };
}
