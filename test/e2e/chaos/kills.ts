import { realpath } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { killOwned } from '../../../scripts/stack/orphans.ts';
import type { Chance } from '../../quota/simulation/chance.ts';
import { killAtOnce, killRuntime, type Run, runScript } from '../support/stack.ts';
import type { Receivers } from './receivers.ts';

/**
 * When: while the stack is on its way up, while it runs, or while a receiver has got a delivery and not answered it. What:
 * every process at once, or first the Worker's runtime alone, so that the database outlives it.
 */
export interface Kill {
  when: 'starting' | 'running' | 'delivering';
  what: 'everything' | 'runtime';
  afterMs: number;
}

const LONGEST_START_MS = 6_000;
const LONGEST_RUN_MS = 4_000;

/** Longer than this nobody waits for a delivery: places at a receiver may all be held by attempts that were lost. */
const ARRIVAL_MS = 10_000;

/** The first one is certain to lose an answer. */
export function planKills(count: number, chance: Chance): Kill[] {
  return Array.from({ length: count }, (_, n): Kill => {
    const [when, what, after] = [chance.next(), chance.next(), chance.next()];
    if (n === 0) return { when: 'delivering', what: 'everything', afterMs: 0 };
    if (when < 0.2) return { when: 'starting', what: 'everything', afterMs: after * LONGEST_START_MS };
    const rest = { what: what < 0.4 ? 'runtime' : 'everything', afterMs: after * LONGEST_RUN_MS } as const;
    return { when: when < 0.6 ? 'delivering' : 'running', ...rest };
  });
}

interface Life {
  dataDir: string;
  variables: Record<string, string>;
  receivers: Receivers;
  /** Sends events to the chain; the share is of those that belong to this life. */
  emit(share: number): Promise<void>;
}

/** Starts the stack, and kills it at the moment given, with events before and after it is up. */
export async function liveAndDie(kill: Kill, life: Life): Promise<void> {
  const stack = runScript('dev', life.variables);
  try {
    await liveUntil(kill, stack, life);
  } finally {
    await killEverything(stack, life.dataDir);
    life.receivers.release();
  }
}

async function liveUntil({ when, what, afterMs }: Kill, stack: Run, { dataDir, receivers, emit }: Life) {
  await emit(when === 'starting' ? 1 : 0.5);
  if (when === 'starting') return delay(afterMs);
  await stack.line('ready in');
  if (when === 'delivering') receivers.hold();
  const emitted = emit(0.5);
  if (when === 'running') await delay(afterMs);
  else await Promise.race([receivers.nextArrival(), delay(ARRIVAL_MS)]);
  if (what === 'runtime') {
    await killRuntime(dataDir);
    await emitted;
  } else await killEverything(stack, dataDir);
  return emitted;
}

async function killEverything(stack: Run, dataDir: string): Promise<void> {
  const { exitCode, signalCode } = stack.child;
  if (exitCode === null && signalCode === null) killAtOnce(stack);
  await killOwned(await realpath(dataDir));
  await stack.exited;
}
