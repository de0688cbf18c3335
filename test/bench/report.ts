import { cpus } from 'node:os';
import type { Line } from './admission.ts';
import type { Slice } from './measure.ts';

/** A line's slices, one of each round. */
export interface Measured {
  line: Pick<Line, 'id' | 'title' | 'limit'>;
  slices: readonly Slice[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return sorted.length % 2 === 1 ? at(Math.floor(middle)) : (at(middle - 1) + at(middle)) / 2;
}

const of = ({ slices }: Measured, field: (slice: Slice) => number) => slices.map(field);

export const whole = (value: number) => Math.round(value).toLocaleString('en-US');

export const spread = (values: readonly number[]) => `${whole(Math.min(...values))}–${whole(Math.max(...values))}`;

/** Of two lines in the same round, which stood next to each other in time. */
export function ratio(
  one: readonly Slice[] | undefined,
  other: readonly Slice[] | undefined,
  field: (slice: Slice) => number,
): string {
  if (!one || !other) return '–';
  const ratios = one.map((slice, round) => field(slice) / field(other[round] ?? slice));
  return median(ratios).toFixed(2);
}

export const percent = (share: number) => `${Math.round(share * 100)} %`;

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

export const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

/** Each line against the bare route, then each against Weir by hop, as requests a second. */
function ratios(all: readonly Measured[]): string {
  const find = (id: string) => all.find(({ line }) => line.id === id)?.slices;
  const rate = (slice: Slice) => slice.requestsPerSecond;
  const cost = (slice: Slice) => slice.cpu;
  return table(
    ['line', 'requests/s against (a)', 'processor time against (a)', '(b) is ahead by', '(c) is ahead by'],
    all.map((measured) => [
      `(${measured.line.id}) ${measured.line.title}`,
      ratio(measured.slices, find('a'), rate),
      ratio(measured.slices, find('a'), cost),
      ratio(find('b'), measured.slices, rate),
      ratio(find('c'), measured.slices, rate),
    ]),
  );
}

function figures(all: readonly Measured[]): string {
  return table(
    ['line', 'limit', 'requests/s', 'spread', 'p50 ms', 'p99 ms', 'server µs', 'elsewhere µs', 'server busy', 'hops'],
    all.map((measured) => {
      const { line, slices } = measured;
      const rates = of(measured, ({ requestsPerSecond }) => requestsPerSecond);
      const hops = slices.flatMap(({ hopsPerRequest }) => hopsPerRequest ?? []);
      return [
        `(${line.id}) ${line.title}`,
        line.limit,
        whole(median(rates)),
        spread(rates),
        median(of(measured, ({ p50 }) => p50)).toFixed(2),
        median(of(measured, ({ p99 }) => p99)).toFixed(2),
        whole(median(of(measured, ({ cpu }) => cpu))),
        whole(median(of(measured, ({ cpuElsewhere }) => cpuElsewhere))),
        percent(median(of(measured, ({ serverBusy }) => serverBusy))),
        hops.length > 0 ? median(hops).toFixed(4) : '',
      ];
    }),
  );
}

/** On what it was measured, and how much of that others took. */
export function machineText(slices: readonly Slice[]): string {
  const [model] = cpus();
  const idle = slices.map(({ idleBefore }) => idleBefore);
  const strangers = slices.map((slice) => slice.strangers);
  const date = new Date().toISOString().slice(0, 10);
  return [
    `${cpus().length} cores, ${model?.model.trim() ?? 'of unknown make'}, Node ${process.versions.node}, ${date}.`,
    `Idle before a slice: ${percent(median(idle))} in the middle, ${percent(Math.min(...idle))} at worst. ` +
      `Taken by others meanwhile: ${percent(median(strangers))}, at worst ${percent(Math.max(...strangers))}.`,
  ].join('\n\n');
}

export const report = (all: readonly Measured[]): string =>
  [ratios(all), figures(all), machineText(all.flatMap(({ slices }) => slices))].join('\n\n');
