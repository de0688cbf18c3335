import { setTimeout as delay } from 'node:timers/promises';
import { stopOrphans } from './orphans.ts';
import { describeExit, type Exit } from './process.ts';

export interface Part {
  stop(): Promise<void>;
  /** Settles when the part ends by itself, with the reason. */
  exited?: Promise<Exit | string>;
}

/** Thrown out of a start that came too late. */
class Stopping extends Error {}

/**
 * Keeps the parts together: when one cannot be started or ends by itself, or when it is asked to, everything that
 * runs is stopped, the last started first.
 */
export function createSupervisor(owner: string) {
  const running: Array<{ name: string; part: Part }> = [];
  const starting = new Set<Promise<unknown>>();
  const over = Promise.withResolvers<Error | undefined>();
  let stopping = false;

  async function start<T extends Part>(name: string, make: () => Promise<T>): Promise<T> {
    if (stopping) throw new Stopping();
    const making = make().then((part) => {
      running.push({ name, part });
      void part.exited?.then((exit) => {
        const reason = typeof exit === 'string' ? exit : describeExit(exit);
        if (!stopping) end(new Error(`${name} ended by itself (${reason})`));
      });
      return part;
    });
    starting.add(making);
    try {
      return await making;
    } catch (cause) {
      if (stopping) throw new Stopping();
      throw new Error(`${name} could not be started: ${cause instanceof Error ? cause.message : cause}`, { cause });
    } finally {
      starting.delete(making);
    }
  }

  /** Begins the end; with an error when it is not wanted. Only the first reason counts. */
  function end(reason?: Error): void {
    stopping = true;
    over.resolve(reason);
  }

  return {
    start,
    end,
    isStopping: () => stopping,
    /** Settles when it is time to stop. */
    over: over.promise,
    async stopAll(): Promise<void> {
      stopping = true;
      await stopRunning();
      while (starting.size > 0) {
        // What is half started has no handle yet; its processes are found by their mark, and its start then fails.
        await stopOrphans(owner);
        await Promise.race([Promise.allSettled(starting), delay(100)]);
      }
      await stopRunning();
      await stopOrphans(owner);
    },
  };

  async function stopRunning(): Promise<void> {
    for (let entry = running.pop(); entry; entry = running.pop()) await entry.part.stop().catch(() => undefined);
  }
}

export type Supervisor = ReturnType<typeof createSupervisor>;
