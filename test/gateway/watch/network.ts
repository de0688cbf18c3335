import type { CompiledPool } from '../../../src/gateway/compiled.ts';
import type { Change } from '../../../src/gateway/watch/event.ts';
import type { Report, ReportAnswer } from '../../../src/gateway/watch/protocol.ts';
import { takeReport } from '../../../src/gateway/watch/report.ts';
import { configure, type Kept, newState } from '../../../src/gateway/watch/state.ts';
import { createUpstreams, type Picked, type Unavailable } from '../../../src/gateway/watch/upstreams.ts';
import { apiOf, memoryLog } from './fixture.ts';

/** What becomes of a question to the object: it arrives and is answered, it is lost, or its answer is. */
export type Fate = 'answered' | 'lost' | 'unanswered';

const NOTHING_TRIED: ReadonlySet<string> = new Set();

export const isPicked = (picked: Picked | Unavailable): picked is Picked => 'done' in picked;

/** Isolates and the object of one API, under a clock and a network of their own. */
export function newNetwork(pool: CompiledPool, isolates: number) {
  let api = apiOf([pool]);
  let now = 1_700_000_000_000;
  let state = newState();
  let fate: Fate = 'answered';
  const changes: Change[] = [];
  const reports: Report[] = [];
  const { log, lines } = memoryLog();
  let timers: { at: number; ring: () => void }[] = [];
  /** By isolate: the last answer that arrived. */
  const heard = new Map<number, { at: number; answer: ReportAnswer }>();

  async function report(isolate: number, question: Report): Promise<ReportAnswer> {
    reports.push(question);
    if (fate === 'lost') return new Promise(() => {});
    const draft = { state, now, changes, touched: new Set<never>(), newId: () => crypto.randomUUID() };
    const answer = structuredClone(takeReport(draft, structuredClone(question), 1_000));
    if (fate === 'unanswered') return new Promise(() => {});
    heard.set(isolate, { at: now, answer });
    return answer;
  }

  const sides = Array.from({ length: isolates }, (_, isolate) =>
    createUpstreams({
      clock: () => new Date(now),
      log,
      objectOf: () => ({ report: (question) => report(isolate, question) }),
      background: () => {},
      wait: (ms) => new Promise((ring) => timers.push({ at: now + ms, ring })),
      random: () => 0.5,
    }),
  );

  /** Until every answer that can arrive has. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  return {
    changes,
    reports,
    lines,
    heard,
    settle,
    now: () => now,
    setFate: (next: Fate) => {
      fate = next;
    },
    change: (fields: Partial<typeof api>) => {
      api = { ...api, ...fields, revision: api.revision + 1 };
    },
    breakerOf: (id: string) => state.upstreams.get(id)?.kept.breaker,
    /** What another may do to the object's state. */
    state: () => state,
    pick: (isolate = 0, hashKey?: string) => {
      const [only = pool] = api.pools;
      const side = sides[isolate];
      if (!side) throw new Error('there is no such isolate');
      return side.pick(api, only, { hashKey, exclude: NOTHING_TRIED });
    },
    async pass(ms: number) {
      now += ms;
      const rung = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { ring } of rung) ring();
      await settle();
    },
    /** The object starts anew from what it wrote. */
    restart() {
      const { settings } = state;
      if (!settings) return;
      const kept = [...state.upstreams].map(
        ([id, upstream]) => [id, { kept: JSON.parse(JSON.stringify(upstream.kept)) as Kept }] as const,
      );
      state = newState();
      configure(state, settings, now, new Map(kept));
    },
  };
}

export type Network = ReturnType<typeof newNetwork>;
