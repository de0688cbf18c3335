import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../../scripts/stack/process.ts';
import { cpuSecondsOf, machineTime, memoryOf, OTHER_CORE } from './pinned.ts';

/** How a line is loaded. */
export interface Load {
  connections: number;
  warmUpSeconds: number;
  seconds: number;
  /** `wrk` takes much less of the other core; it has to be installed. */
  generator: 'autocannon' | 'wrk';
}

export interface Target {
  url: string;
  /** `GET` without. */
  post?: string | undefined;
  headers: Record<string, string>;
  /** The server's own process. */
  pid: number;
  /** What answers for it elsewhere: Redis and what stands before it. */
  others: readonly number[];
  /** Calls to objects since its start, where it makes any. */
  hops?: (() => Promise<number>) | undefined;
}

export interface Slice {
  requestsPerSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** Microseconds of processor time a request, of the server and of what answers for it elsewhere. */
  cpu: number;
  cpuElsewhere: number;
  /** Megabytes of memory that the server has at the end. */
  memory: number;
  /** The server's core: 1 when it could do no more. */
  serverBusy: number;
  hopsPerRequest: number | undefined;
  /** Share of all cores that was idle in the second before. */
  idleBefore: number;
  /** Share of all cores that programs took meanwhile which have nothing to do with it. */
  strangers: number;
}

interface Loaded {
  requests: number;
  failed: number;
  seconds: number;
  p50: number;
  p99: number;
  /** Of the load generator itself. */
  cpuSeconds: number;
}

/** More than this, and a slice says as much of others as of the server. */
const MAX_STRANGERS = 0.05;
const QUIET = 0.9;
const WAIT_SECONDS = 20;

/**
 * Measures a slice, and again while others use the machine at the same time, each time once it is quiet or has been
 * waited for. After some tries the least disturbed one has to do: the report tells how disturbed it was. Without any tries
 * it is measured once, whatever else runs.
 */
export async function measureQuietly(target: Target, load: Load, tries: number): Promise<Slice> {
  if (tries === 0) return measure(target, load);
  const slices: Slice[] = [];
  for (let attempt = 0; attempt < tries; attempt++) {
    for (let second = 0; second < WAIT_SECONDS; second++) if ((await idleShare()) >= QUIET) break;
    const slice = await measure(target, load);
    slices.push(slice);
    if (slice.strangers <= MAX_STRANGERS) break;
  }
  return slices.reduce((best, slice) => (slice.strangers < best.strangers ? slice : best));
}

/** Loads a server for a while. @throws Error when any request was answered with anything but a 200 */
async function measure(target: Target, load: Load): Promise<Slice> {
  const idleBefore = await idleShare();
  await loadFor(target, load, load.warmUpSeconds);
  const before = await countersOf(target);
  const seen = await loadFor(target, load, load.seconds);
  const after = await countersOf(target);
  const perRequest = (from: number, to: number) => (to - from) / seen.requests;
  const busy = after.machine.busy - before.machine.busy;
  const own = after.cpu - before.cpu + after.cpuElsewhere - before.cpuElsewhere + seen.cpuSeconds;
  return {
    requestsPerSecond: seen.requests / seen.seconds,
    p50: seen.p50,
    p99: seen.p99,
    cpu: perRequest(before.cpu, after.cpu) * 1_000_000,
    cpuElsewhere: perRequest(before.cpuElsewhere, after.cpuElsewhere) * 1_000_000,
    memory: await memoryOf(target.pid),
    serverBusy: (after.cpu - before.cpu) / seen.seconds,
    hopsPerRequest:
      before.hops === undefined || after.hops === undefined ? undefined : perRequest(before.hops, after.hops),
    idleBefore,
    strangers: Math.max(0, busy - own) / (busy + after.machine.idle - before.machine.idle),
  };
}

async function countersOf({ pid, others, hops }: Target) {
  const elsewhere = await Promise.all(others.map(cpuSecondsOf));
  return {
    cpu: await cpuSecondsOf(pid),
    cpuElsewhere: elsewhere.reduce((sum, seconds) => sum + seconds, 0),
    hops: await hops?.(),
    machine: await machineTime(),
  };
}

async function loadFor({ url, headers, post }: Target, load: Load, seconds: number): Promise<Loaded> {
  const settings = JSON.stringify({ url, headers, post, connections: load.connections, seconds });
  const script = join(import.meta.dirname, load.generator === 'wrk' ? 'load-wrk.mjs' : 'load.mjs');
  const args = ['--cpu-list', String(OTHER_CORE), process.execPath, script, settings];
  const seen = JSON.parse(await run({ name: 'load generator', command: 'taskset', args })) as Loaded;
  if (seen.failed > 0 || seen.requests === 0)
    throw new Error(`${seen.failed} of ${seen.requests} requests to ${url} failed`);
  return seen;
}

/** What the machine has left while nothing of ours runs. */
async function idleShare(): Promise<number> {
  const before = await machineTime();
  await delay(1_000);
  const after = await machineTime();
  const idle = after.idle - before.idle;
  return idle / (idle + after.busy - before.busy);
}
