import { DurableObject } from 'cloudflare:workers';
import { later } from '../../kernel/clock.ts';
import { describeError } from '../../kernel/errors.ts';
import { carryOnReplays } from '../replays/step.ts';
import { alarmFor, MIN_INTERVAL_MS, type SweepDeps, sweep } from './sweep/sweep.ts';

/**
 * The one object that watches over deliveries: its alarm sweeps, carries replays on, and sets itself for when something
 * falls due next. Cron wakes it every minute, since an alarm can be lost (it is given up after six failures in a row).
 */
export function deliverySweeperObject(depsOf: (env: Env) => SweepDeps) {
  return class extends DurableObject<Env> {
    /** Makes sure that a sweep is near; cheap to call. */
    async wake(): Promise<void> {
      const at = alarmFor(await this.ctx.storage.getAlarm(), depsOf(this.env).clock());
      if (at) await this.ctx.storage.setAlarm(at);
    }

    override async alarm(): Promise<void> {
      const deps = depsOf(this.env);
      let next: Date | undefined = later(deps.clock(), MIN_INTERVAL_MS);
      try {
        const replayed = await carryOnReplays(deps);
        next = earlier(await sweep(deps), replayed);
      } catch (error) {
        deps.log.error('delivery_sweep_failed', { error: describeError(error) });
      }
      if (!next) return;
      // A `wake` during the sweep may have asked for an earlier one.
      const alarm = await this.ctx.storage.getAlarm();
      if (alarm === null || alarm > next.getTime()) await this.ctx.storage.setAlarm(next);
    }
  };
}

function earlier(one: Date | undefined, other: Date | undefined): Date | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one < other ? one : other;
}
