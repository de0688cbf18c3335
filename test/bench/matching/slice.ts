import { type BenchEvent, type BenchRule, eventsOf, type Mix, rulesOf } from './workload.ts';

/** What is measured of one engine, in a process of its own. */
interface SliceCommand {
  engine: string;
  count: number;
  mix: Mix;
  seconds: number;
}

export interface MatchingSlice {
  /** Events in a second of the process's own processor time: what others do on the core does not count. */
  eventsPerSecond: number;
  /** Rules that an event met, on average. The same for all engines, since they see the same events. */
  matches: number;
  /** Milliseconds of processor time from the rules in the engine's form to an engine that is ready. */
  build: number;
  /** Bytes that building took and kept, in the heap and in array buffers. */
  memory: number;
  /** Bytes of the index alone, as it counts them itself. */
  indexBytes?: number;
}

/** Answers how many rules the event meets. */
type Match = (event: BenchEvent) => number | Promise<number>;

export interface BenchEngine {
  /** Puts the rules into the form in which the engine takes them; not measured. Answers what builds the engine. */
  prepare(rules: readonly BenchRule[]): () => { match: Match; indexBytes?: () => number };
}

/** Rules that every engine is built with first. */
const FEW = 1_000;

/** Over so many events the engines' answers are averaged, and every engine has seen them before it is measured. */
const EVENTS = 2_000;

/** A slow engine is asked about fewer: so much processor time, in milliseconds. */
const LONGEST_WARM_UP = 5_000;
/** A look at the clock takes a fast engine's time for an event, so it is taken after 1, 2, 4 … and then so many. */
const LOOK_EVERY = 512;

/** Runs the engine that the first argument names, and prints what was measured as a line of JSON. */
export async function runSlice(engines: Readonly<Record<string, BenchEngine>>): Promise<void> {
  const command = JSON.parse(process.argv[2] ?? '{}') as SliceCommand;
  const engine = engines[command.engine];
  if (!engine) throw new Error(`there is no engine "${command.engine}"`);
  console.log(JSON.stringify(await measure(engine, command)));
}

async function measure(engine: BenchEngine, { count, mix, seconds }: SliceCommand): Promise<MatchingSlice> {
  const events = eventsOf(EVENTS, count);
  // What the engine's own code takes, once it is compiled, is not the rules'.
  engine.prepare(rulesOf(FEW, mix))();
  const construct = engine.prepare(rulesOf(count, mix));
  const before = settledMemory();
  const started = processorTime();
  const { match, indexBytes } = construct();
  const build = processorTime() - started;
  const memory = settledMemory() - before;
  const warm = await pass(match, events, LONGEST_WARM_UP);
  let [seen, spent] = [0, 0];
  while (spent < seconds * 1_000) {
    const { asked, elapsed } = await pass(match, events, seconds * 1_000);
    seen += asked;
    spent += elapsed;
  }
  return {
    eventsPerSecond: (seen / spent) * 1_000,
    matches: warm.matches / warm.asked,
    build,
    memory,
    ...(indexBytes && { indexBytes: indexBytes() }),
  };
}

async function pass(match: Match, events: readonly BenchEvent[], longest: number) {
  const started = processorTime();
  let [matches, asked] = [0, 0];
  for (const event of events) {
    const found = match(event);
    matches += typeof found === 'number' ? found : await found;
    asked += 1;
    const isLook = asked % LOOK_EVERY === 0 || (asked < LOOK_EVERY && (asked & (asked - 1)) === 0);
    if (isLook && processorTime() - started > longest) break;
  }
  return { matches, asked, elapsed: processorTime() - started };
}

/** In milliseconds: of all threads, the garbage collector's among them. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function settledMemory(): number {
  if (!globalThis.gc) throw new Error('needs --expose-gc');
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
