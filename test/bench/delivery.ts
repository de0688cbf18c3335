import { cpus, loadavg } from 'node:os';
import { FAST, type Rig, type Stretch, startRig } from './delivery/rig.ts';
import { machineTime } from './pinned.ts';
import { median, table, whole } from './report.ts';

export interface DeliveryLoad {
  rounds: number;
  /** Of a stretch. */
  events: number;
  /** In the paced stretch; in the other one they come as fast as the chain takes them. */
  eventsPerSecond: number;
}

/** What is compared; the first one is the baseline. */
const LINES = [
  { title: `${FAST} receivers that answer`, run: (rig: Rig) => rig.run },
  { title: 'the same beside one that never answers', run: (rig: Rig) => rig.runBesideHanging },
] as const;

interface Slice {
  paced: Stretch;
  burst: Stretch;
  /** Share of all cores that was taken, by whomever. */
  busy: number;
}

interface Measured {
  title: string;
  slices: Slice[];
}

/** From a chain's event to the receiver's 2xx, through the whole local stack. The lines take turns. Answers a report. */
export async function compareDelivery(load: DeliveryLoad): Promise<string> {
  // What it starts is in process groups of its own, which a signal to this one does not reach.
  const starting = startRig();
  const onSignal = () => void starting.then((started) => started.stop()).finally(() => process.exit(1));
  for (const signal of SIGNALS) process.once(signal, onSignal);
  const rig = await starting;
  try {
    // The first of everything is slow: the watcher and the matcher start, and code is compiled.
    await rig.run(WARM_UP_EVENTS, 0);
    const measured = LINES.map((line) => ({ ...line, slices: [] as Slice[] }));
    for (let round = 1; round <= load.rounds; round++) {
      for (const { title, run, slices } of measured) {
        const slice = await measure(run(rig), load);
        slices.push(slice);
        const p95 = whole(percentile(slice.paced, 95));
        const rate = slice.burst.deliveriesPerSecond.toFixed(1);
        console.log(`round ${round}, ${title}: p95 ${p95} ms, ${rate}/s; load ${loadavg()[0]?.toFixed(1)}`);
      }
    }
    return report(measured);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    await rig.stop();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const WARM_UP_EVENTS = 50;

async function measure(run: Rig['run'], { events, eventsPerSecond }: DeliveryLoad): Promise<Slice> {
  const before = await machineTime();
  const paced = await run(events, 1_000 / eventsPerSecond);
  const burst = await run(events, 0);
  const after = await machineTime();
  const busy = after.busy - before.busy;
  return { paced, burst, busy: busy / (busy + after.idle - before.idle) };
}

/** The smallest latency that this share of deliveries does not exceed, in milliseconds. */
function percentile({ latencies }: Stretch, percent: number): number {
  return latencies[Math.ceil((latencies.length * percent) / 100) - 1] ?? Number.NaN;
}

const middle = ({ slices }: Measured, field: (slice: Slice) => number) => median(slices.map(field));

function report(all: readonly Measured[]): string {
  const [baseline] = all;
  const p95 = ({ paced }: Slice) => percentile(paced, 95);
  const rows = all.map((line) => {
    const ratios = line.slices.map((slice, round) => p95(slice) / p95(baseline?.slices[round] ?? slice));
    return [
      line.title,
      ...[50, 95, 99].map((percent) => whole(middle(line, ({ paced }) => percentile(paced, percent)))),
      median(ratios).toFixed(2),
      middle(line, ({ burst }) => burst.deliveriesPerSecond).toFixed(1),
      `${whole(100 * middle(line, ({ busy }) => busy))} %`,
    ];
  });
  const [model] = cpus();
  const machine = `${cpus().length} cores, ${model?.model.trim() ?? 'of unknown make'}`;
  return [
    table(['', 'p50 ms', 'p95 ms', 'p99 ms', 'p95 against the first', 'deliveries/s', 'machine busy'], rows),
    `${machine}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`,
  ].join('\n\n');
}
