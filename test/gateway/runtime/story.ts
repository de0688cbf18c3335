import type { BreakerSettings } from '../../../src/gateway/compiled.ts';
import type { ApiDefinition } from '../../../src/gateway/registry/definition.ts';
import { newPace } from '../../../src/gateway/watch/pace.ts';
import { START_WITHIN_MS, type Watched } from '../../../src/gateway/watch/protocol.ts';
import { type Isolates, startIsolates } from '../../support/isolates.ts';
import { type Answer, type Caller, startCaller, until } from './caller.ts';
import type { Publication, Published } from './object-worker.ts';
import { type Arrival, startUpstream, type Upstream } from './upstream.ts';

/** The death of an upstream and its recovery, under steady load at every isolate: what happens, for a test to judge. */

export const BREAKER: BreakerSettings = {
  ...{ windowMs: 5_000, minimumCalls: 60, errorRate: 0.2, slowCallMs: 5_000, slowCallRate: 1 },
  ...{ openMs: 2_000, probes: 3 },
};

/**
 * How long it takes an isolate with calls to hear what its object knows: the time between two questions, and as long as
 * an answer is waited for (watch/upstreams.ts).
 */
export const TOLD_WITHIN_MS = newPace().nextInMs + 1_000;

/** The open breaker's time, a question for probes, the time in which these begin, and how the others hear of it. */
export const RECOVERED_WITHIN_MS = BREAKER.openMs + TOLD_WITHIN_MS + START_WITHIN_MS + TOLD_WITHIN_MS;

export interface Load {
  callers: number;
  everyMs: number;
}

const BUSY: Load = { callers: 2, everyMs: 40 };

/** So few calls that in a window they are less than half of what the breaker needs: it opens by what others saw. */
const QUIET: Load = { callers: 1, everyMs: 200 };

export const LOADS: readonly Load[] = [BUSY, QUIET, BUSY, QUIET];

const OTHER_EVERY_MS = 60;

/** Good calls of each isolate before the upstream dies: few, that they do not outweigh the bad ones in the window. */
const WARM = { busy: 20, quiet: 2 };

/** Answers in a row after which a caller is thought to be served for good. */
export const IN_A_ROW = 5;

export interface Side {
  isolate: number;
  load: Load;
  /** To calls of the API whose upstream dies, in order of time by caller. */
  answers: readonly (readonly Answer[])[];
  /** To calls of the other API. */
  otherAnswers: readonly Answer[];
  /** Questions to the object of each of the two. */
  hops: { dying: number; other: number };
}

export interface Story {
  startedAt: number;
  diedAt: number;
  /** What the object knew once no caller got through any more. */
  opened: Watched;
  /** From then on the upstream hangs up: whatever reaches it is a probe. */
  hangsUpAt: number;
  wellAt: number;
  closed: Watched;
  endedAt: number;
  arrivals: readonly Arrival[];
  sides: readonly Side[];
}

const json = async <T>(url: string, init?: RequestInit): Promise<T> => {
  const answer = await fetch(url, init);
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T; // what the workers beside this file answer
};

const apiOf = (slug: string, { url }: Upstream): ApiDefinition => ({
  ...{ slug, name: slug, upstreams: [{ url }], timeout_ms: BREAKER.slowCallMs },
  circuit_breaker: {
    ...{ window_ms: BREAKER.windowMs, minimum_calls: BREAKER.minimumCalls, error_rate: BREAKER.errorRate },
    ...{ slow_call_ms: BREAKER.slowCallMs, slow_call_rate: BREAKER.slowCallRate },
    ...{ open_ms: BREAKER.openMs, probes: BREAKER.probes },
  },
  ejection: { slow_start_ms: 0 },
});

interface Callers {
  dying: Caller[];
  other: Caller;
}

function startCallers(url: string, isolate: number, { callers, everyMs }: Load, key: string): Callers {
  const dying = { url: `${url}/api/v1/dying/${isolate}`, key, everyMs };
  return {
    dying: Array.from({ length: callers }, () => startCaller(dying)),
    other: startCaller({ url: `${url}/api/v1/other/${isolate}`, key, everyMs: OTHER_EVERY_MS }),
  };
}

const saw = (status: number) => (caller: Caller) => caller.answers.some((answer) => answer.status === status);

const isServed = ({ answers }: Caller) =>
  answers.length >= IN_A_ROW && answers.slice(-IN_A_ROW).every(({ status }) => status === 200);

/** What the object of an API knows. */
async function watchedOf({ object }: Isolates, apiId: string | undefined): Promise<Watched> {
  const watched = await json<Watched | null>(`${object}?api=${apiId}`);
  if (!watched) throw new Error('the object was told of no call');
  return watched;
}

export async function happen(): Promise<Story> {
  const [dying, other] = [await startUpstream(), await startUpstream()];
  const isolates = await startIsolates({
    ...{ part: 'breaker', gateways: LOADS.length, variables: { KEY_SECRET: 'of this test alone' } },
    classes: { ORGANIZATION_QUOTA: 'OrganizationQuota', UPSTREAM_WATCH: 'UpstreamWatch' },
    gateway: new URL('./gateway-worker.ts', import.meta.url),
    object: new URL('./object-worker.ts', import.meta.url),
  });
  try {
    return await underLoad(isolates, dying, other);
  } finally {
    await isolates.stop();
    dying.stop();
    other.stop();
  }
}

async function underLoad(isolates: Isolates, dying: Upstream, other: Upstream): Promise<Story> {
  const plan = { name: 'enterprise', unitsPerHour: 1_000_000, leases: null } as const;
  const publication: Publication = { plan, apis: [apiOf('dying', dying), apiOf('other', other)] };
  const request = { method: 'POST', body: JSON.stringify(publication) };
  const { key, apiIds } = await json<Published>(isolates.object, request);
  const startedAt = Date.now();
  const callers = LOADS.map((load, n) => startCallers(isolates.gateways[n] ?? '', n, load, key));
  const ofDying = callers.flatMap((of) => of.dying);
  const all = [...ofDying, ...callers.map((of) => of.other)];
  try {
    const facts = await dieAndRecover(dying, ofDying, () => watchedOf(isolates, apiIds['dying']));
    await Promise.all(all.map((caller) => caller.stop()));
    const endedAt = Date.now();
    const sides = callers.map(async (of, isolate): Promise<Side> => {
      const hops = await json<Record<string, number>>(`${isolates.gateways[isolate]}/hops`);
      const hopsTo = (slug: string) => hops[apiIds[slug] ?? ''] ?? 0;
      return {
        ...{ isolate, load: LOADS[isolate] ?? QUIET, answers: of.dying.map(({ answers }) => answers) },
        ...{ otherAnswers: of.other.answers, hops: { dying: hopsTo('dying'), other: hopsTo('other') } },
      };
    });
    return { ...facts, startedAt, endedAt, arrivals: dying.arrivals, sides: await Promise.all(sides) };
  } finally {
    await Promise.all(all.map((caller) => caller.stop()));
  }
}

type Facts = Pick<Story, 'diedAt' | 'opened' | 'hangsUpAt' | 'wellAt' | 'closed'>;

async function dieAndRecover(dying: Upstream, callers: readonly Caller[], ask: () => Promise<Watched>): Promise<Facts> {
  const isWarm = (load: Load, isolate: number) =>
    dying.arrivals.filter((arrival) => arrival.isolate === isolate).length >= (load === BUSY ? WARM.busy : WARM.quiet);
  await until('every isolate has calls', BREAKER.windowMs, () => LOADS.every(isWarm));

  const diedAt = dying.become('failing');
  await until('the breaker is open for every caller', BREAKER.windowMs + TOLD_WITHIN_MS, () => callers.every(saw(503)));
  const opened = await ask();

  const hangsUpAt = dying.become('hanging up');
  await until('the dead upstream is probed', BREAKER.openMs + TOLD_WITHIN_MS, () =>
    dying.arrivals.some(({ health }) => health === 'hanging up'),
  );

  const wellAt = dying.become('well');
  await until('the breaker closes', RECOVERED_WITHIN_MS, async () => isClosed(await ask()));
  const closed = await ask();
  const slowest = Math.max(...LOADS.map(({ everyMs }) => everyMs));
  await until('every caller is served again', TOLD_WITHIN_MS + (IN_A_ROW + 1) * slowest, () => callers.every(isServed));
  return { diedAt, opened, hangsUpAt, wellAt, closed };
}

const isClosed = ({ upstreams: [upstream] }: Watched) => upstream?.breaker.state === 'closed';
