import { DurableObject } from 'cloudflare:workers';
import { nextDelay } from '../../kernel/backoff.ts';
import { later, MINUTE, SECOND } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import { ChainMatcher, type MatcherDeps } from './matcher.ts';

/** Batches of one turn. A longer backlog goes on in the next alarm, under limits of its own. */
const BATCHES_PER_TURN = 50;

/** When an alarm looks again whether a turn that never ended left something behind. */
const WATCHDOG = 30 * SECOND;

const RETRY = [1 * SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE];

const CHAIN_KEY = 'chain_id';

interface MatcherStatus {
  chainId: number | null;
  /** The last entry dealt with, as far as this instance knows. */
  cursor: number | null;
  /** Triggers that can fire. */
  rules: number;
  /** Ids of enabled triggers that cannot, since a stored condition of theirs does not compile. */
  broken: readonly string[];
  /** Of the last turn, if it failed. */
  lastError: string | null;
}

/**
 * The Durable Object `TriggerMatcher`, one per chain: keeps the chain's rules in memory and its turns one at a time.
 * Losing it loses nothing, because the cursor is in Postgres.
 */
export function triggerMatcherObject(depsOf: (env: Env) => MatcherDeps) {
  return class TriggerMatcherObject extends DurableObject<Env> {
    readonly #deps = depsOf(this.env);
    #matcher: ChainMatcher | undefined;
    #turn: Promise<void> | undefined;
    #wanted = false;
    #failures = 0;
    #lastError: string | null = null;

    /**
     * Deals with what the chain's feed holds, and returns when that is done or left to an alarm. A call during a turn
     * joins it, and has it look at the feed once more. Never throws for the feed's sake: what fails is tried again.
     * @param confirmedTo up to when the feed holds every event, in seconds since 1970
     */
    async wake(chainId: number, confirmedTo?: number): Promise<void> {
      const known = await this.ctx.storage.get<number>(CHAIN_KEY);
      if (known === undefined) await this.ctx.storage.put(CHAIN_KEY, chainId);
      else if (known !== chainId) throw new Error(`the matcher of chain ${known} was woken for chain ${chainId}`);
      this.#matcher ??= new ChainMatcher(chainId, this.#deps);
      if (confirmedTo !== undefined) this.#matcher.confirmedTo(confirmedTo);
      await this.#run(chainId);
    }

    override async alarm(): Promise<void> {
      const chainId = await this.ctx.storage.get<number>(CHAIN_KEY);
      if (chainId !== undefined) await this.#run(chainId);
    }

    async status(): Promise<MatcherStatus> {
      const chainId = (await this.ctx.storage.get<number>(CHAIN_KEY)) ?? null;
      const { cursor, rules, broken } = this.#matcher?.status() ?? { cursor: null, rules: 0, broken: [] };
      return { chainId, cursor, rules, broken, lastError: this.#lastError };
    }

    #run(chainId: number): Promise<void> {
      this.#wanted = true;
      this.#turn ??= this.#takeTurn(chainId);
      return this.#turn;
    }

    async #takeTurn(chainId: number): Promise<void> {
      this.#matcher ??= new ChainMatcher(chainId, this.#deps);
      try {
        let drained = true;
        // No pause between the last look at `#wanted` and the end of the turn: a call in between would be lost.
        while (this.#wanted && drained) {
          this.#wanted = false;
          await this.#alarmIn(WATCHDOG);
          drained = await this.#drain(this.#matcher);
          if (drained) await this.ctx.storage.deleteAlarm();
        }
        if (!drained) await this.#alarmIn(0);
        this.#failures = 0;
        this.#lastError = null;
      } catch (error) {
        await this.#retryLater(chainId, error);
      } finally {
        this.#turn = undefined;
      }
    }

    /** False when the turn is used up before the feed is. */
    async #drain(matcher: ChainMatcher): Promise<boolean> {
      for (let batch = 0; batch < BATCHES_PER_TURN; batch += 1) {
        if (!(await matcher.step())) return true;
      }
      return false;
    }

    async #retryLater(chainId: number, error: unknown): Promise<void> {
      this.#failures += 1;
      this.#lastError = describeError(error);
      this.#deps.log.error('matching_failed', { chain_id: chainId, failures: this.#failures, error: this.#lastError });
      await this.#alarmIn(nextDelay(RETRY, Math.min(this.#failures, RETRY.length)) ?? MINUTE);
    }

    #alarmIn(ms: number): Promise<void> {
      return this.ctx.storage.setAlarm(later(this.#deps.clock(), ms));
    }
  };
}
