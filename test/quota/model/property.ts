import fc from 'fast-check';
import { type Core, newCore } from './core.ts';
import { history, Walk } from './steps.ts';
import { World } from './world.ts';

/** Holds for any history of requests, messages, clocks, deaths, crashes and publications. */
const exactQuota = (makeCore: () => Core) =>
  fc.property(history, ({ setting, steps }) => {
    const world = new World(makeCore(), setting);
    const walk = new Walk(world);
    for (const step of steps) {
      walk.take(step);
      world.reference.check();
    }
    world.settle();
    world.reference.check();
  });

export interface Runs {
  numRuns: number;
  /** For the same histories each time. */
  seed?: number;
  /** Whether a failure is left as it was found, not made small. */
  endOnFailure?: boolean;
}

export const checkHistories = (runs: Runs, makeCore = newCore) => fc.check(exactQuota(makeCore), runs);
