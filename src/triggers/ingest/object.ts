import { DurableObject } from 'cloudflare:workers';
import type { WatchedChain } from '../../chain/chains.ts';
import { openRpc } from '../../chain/rpc.ts';
import type { Database } from '../../db/client.ts';
import { type Clock, MINUTE } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import type { Logger } from '../../telemetry/log.ts';
import { Ledger } from './ledger.ts';
import { newMemory, type WatcherMemory } from './memory.ts';
import { statusOf, type WatcherStatus } from './status.ts';
import { feedStore } from './store.ts';
import { tick } from './tick.ts';

export interface WatcherDeps {
  chains: readonly WatchedChain[];
  /** Called for every delivery: a connection does not outlive the event that made it. */
  db: () => Database;
  /** Tells the chain's matcher that `chain_feed` has grown. A rejection is tried again with the next tick. */
  wakeMatcher(chainId: number, confirmedTo: number | undefined): Promise<void>;
  log: Logger;
  clock: Clock;
}

/** An alarm that is overdue by more than this was lost by the platform. */
const OVERDUE = MINUTE;

/**
 * The Durable Object that watches one chain: `tick` on an alarm, state in SQLite. It does nothing until `ensureRunning`
 * tells it which chain is its own.
 */
export function chainWatcherObject(depsOf: (env: Env) => WatcherDeps) {
  return class ChainWatcherObject extends DurableObject<Env> {
    readonly #ledger: Ledger;
    #memory: WatcherMemory | undefined;

    constructor(state: DurableObjectState, env: Env) {
      super(state, env);
      this.#ledger = new Ledger(state.storage);
    }

    /** The watchdog's call: arms the alarm if none is due. Answers `false` for a chain that is not watched. */
    async ensureRunning(chainId: number): Promise<boolean> {
      const { chains, clock } = depsOf(this.env);
      if (!chains.some((chain) => chain.id === chainId)) return false;
      this.#ledger.setMeta('chain', chainId);
      const now = clock().getTime();
      const due = await this.ctx.storage.getAlarm();
      // Never `now` itself: an alarm set for the present moment can be lost (workerd issue 6866).
      if (due === null || due < now - OVERDUE) await this.ctx.storage.setAlarm(now + 1);
      return true;
    }

    /** `null` for an object that was never told its chain, or whose chain is not watched any more. */
    async status(): Promise<WatcherStatus | null> {
      const chain = this.#chain(depsOf(this.env));
      return chain ? statusOf(chain, this.#ledger, this.#memory) : null;
    }

    override async alarm(): Promise<void> {
      const deps = depsOf(this.env);
      const chain = this.#chain(deps);
      if (!chain) return;
      let pause = chain.pollMs;
      try {
        this.#memory ??= newMemory(chain.rpcUrls.map((url) => openRpc(url)));
        const more = await tick({
          chain,
          ledger: this.#ledger,
          memory: this.#memory,
          feed: feedStore(deps.db()),
          wakeMatcher: (confirmedTo) => deps.wakeMatcher(chain.id, confirmedTo),
          log: deps.log,
          clock: deps.clock,
        });
        if (more) pause = 1;
      } catch (error) {
        deps.log.error('chain_tick_failed', { chain_id: chain.id, error: describeError(error) });
      } finally {
        // Last of all: the platform gives up on an alarm that keeps throwing, and this one must go on for ever.
        await this.ctx.storage.setAlarm(deps.clock().getTime() + pause);
      }
    }

    #chain({ chains }: WatcherDeps): WatchedChain | undefined {
      const id = this.#ledger.number('chain', Number.NaN);
      return chains.find((chain) => chain.id === id);
    }
  };
}
