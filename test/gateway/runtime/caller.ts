import { setTimeout as wait } from 'node:timers/promises';

export interface CallerOptions {
  url: string;
  key: string;
  /** From the begin of a call to that of the next, unless the call takes longer. */
  everyMs: number;
}

export interface Answer {
  /** When it was there. */
  at: number;
  status: number;
}

export interface Caller {
  answers: readonly Answer[];
  /** Lets the call that is under way end. */
  stop(): Promise<void>;
}

/** Calls one address for as long as it is not stopped, one call after the other. */
export function startCaller({ url, key, everyMs }: CallerOptions): Caller {
  const answers: Answer[] = [];
  let stopped = false;
  async function run(): Promise<void> {
    while (!stopped) {
      const begunAt = Date.now();
      const answer = await fetch(url, { headers: { 'X-API-Key': key } });
      await answer.arrayBuffer();
      answers.push({ at: Date.now(), status: answer.status });
      await wait(Math.max(0, begunAt + everyMs - Date.now()));
    }
  }
  const running = run();
  // Whoever stops it is told; until then it must not end the process.
  running.catch(() => undefined);
  return {
    answers,
    stop() {
      stopped = true;
      return running;
    },
  };
}

/** Waits until it is so. */
export async function until(what: string, withinMs: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await wait(10);
  }
}
