import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { run } from '../../scripts/stack/process.ts';
import type { MatchingSlice } from './matching/slice.ts';
import type { Mix } from './matching/workload.ts';
import { SERVER_CORE } from './pinned.ts';
import { median, table, whole } from './report.ts';

const OWN = join('matching', 'own.ts');
const PEERS = join('peers', 'matching.mjs');

/** What is measured, at how many rules, by which program. */
const LINES = [
  { engine: 'index', title: 'Weir, index alone: candidates', script: OWN, counts: [10_000, 100_000, 1_000_000] },
  { engine: 'whole', title: 'Weir, index and conditions', script: OWN, counts: [10_000, 100_000] },
  { engine: 'scan', title: 'a loop written by hand for these rules', script: OWN, counts: [10_000, 100_000] },
  { engine: 'sift', title: 'sift', script: PEERS, counts: [10_000] },
  { engine: 'mingo', title: 'mingo', script: PEERS, counts: [10_000] },
  { engine: 'json-rules-engine', title: 'json-rules-engine', script: PEERS, counts: [10_000] },
] as const;

export const MIXES: readonly Mix[] = ['rare', 'frequent', 'windows'];

interface Measured {
  title: string;
  engine: string;
  count: number;
  mix: Mix;
  slices: MatchingSlice[];
}

/** One event against many triggers, each engine and size in a process of its own on one core. Answers a report. */
export async function compareMatching(rounds: number, seconds: number, mixes: readonly Mix[]): Promise<string> {
  const all = mixes.flatMap((mix) =>
    // Libraries that look at every rule are as fast over windows as they are over bounds.
    LINES.filter(({ script }) => mix !== 'windows' || script === OWN).flatMap(({ counts, ...line }) =>
      counts.map((count) => ({ ...line, count, mix, slices: [] as MatchingSlice[] })),
    ),
  );
  for (let round = 1; round <= rounds; round++) {
    for (const line of all) {
      const slice = await measure(line, seconds);
      line.slices.push(slice);
      const load = loadavg()[0]?.toFixed(1);
      console.log(
        `round ${round} ${line.mix} ${line.engine} ${line.count}: ${whole(slice.eventsPerSecond)}/s, load ${load}`,
      );
    }
  }
  return report(all, mixes);
}

async function measure(line: { engine: string; script: string; count: number; mix: Mix }, seconds: number) {
  const { engine, count, mix } = line;
  const script = join(import.meta.dirname, line.script);
  const node = [process.execPath, '--expose-gc', '--max-old-space-size=4096'];
  const args = ['--cpu-list', String(SERVER_CORE), ...node, script, JSON.stringify({ engine, count, mix, seconds })];
  return JSON.parse(await run({ name: engine, command: 'taskset', args })) as MatchingSlice;
}

const precise = (value: number) => (value < 10 ? value.toPrecision(2) : whole(value));

const of = ({ slices }: Measured, field: (slice: MatchingSlice) => number) => median(slices.map(field));
const rate = (slice: MatchingSlice) => slice.eventsPerSecond;

function report(all: readonly Measured[], mixes: readonly Mix[]): string {
  const [model] = cpus();
  return [
    ...mixes.flatMap((mix) => {
      const lines = all.filter((line) => line.mix === mix);
      return [mix === 'windows' ? 'between two bounds' : `${mix} matches`, ratios(lines), figures(lines)];
    }),
    `${model?.model.trim() ?? 'unknown processor'}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`,
  ].join('\n\n');
}

function ratios(lines: readonly Measured[]): string {
  const own = lines.find(({ engine }) => engine === 'whole');
  const rows = lines.filter(({ engine, count }) => engine !== 'index' && engine !== 'whole' && count === own?.count);
  return table(
    ['at 10,000 triggers, Weir (index and conditions) against', 'events/s'],
    rows.map((line) => [line.title, own ? `${precise(of(own, rate) / of(line, rate))} ×` : '–']),
  );
}

function figures(lines: readonly Measured[]): string {
  return table(
    [
      'engine',
      'triggers',
      'events/s',
      'spread',
      'found an event',
      'build ms',
      'memory MB',
      'bytes a trigger',
      'of these the index counts',
    ],
    lines.map((line) => {
      const rates = line.slices.map(rate);
      const memory = of(line, (slice) => slice.memory);
      const index = of(line, (slice) => slice.indexBytes ?? Number.NaN);
      return [
        line.title,
        whole(line.count),
        precise(of(line, rate)),
        `${precise(Math.min(...rates))}–${precise(Math.max(...rates))}`,
        precise(of(line, (slice) => slice.matches)),
        whole(of(line, (slice) => slice.build)),
        precise(memory / 1e6),
        whole(memory / line.count),
        Number.isNaN(index) ? '' : (index / line.count).toFixed(1),
      ];
    }),
  );
}
