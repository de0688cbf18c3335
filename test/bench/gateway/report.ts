import type { Line } from '../admission.ts';
import type { Slice } from '../measure.ts';
import { machineText, median, percent, ratio, spread, table, whole } from '../report.ts';

/** A line's slices, one of each round: under load, and of one caller after the other. */
export interface MeasuredGateway {
  line: Pick<Line, 'id' | 'title' | 'limit'>;
  loaded: readonly Slice[];
  single: readonly Slice[];
}

const rate = (slice: Slice) => slice.requestsPerSecond;

const cost = (slice: Slice) => slice.cpu;

/** What a line adds to the time of the upstream alone, in each round, in milliseconds. */
function added(one: MeasuredGateway, direct: MeasuredGateway | undefined, field: (slice: Slice) => number): string {
  if (!direct || one === direct) return '';
  const more = one.single.map((slice, round) => field(slice) - field(direct.single[round] ?? slice));
  return median(more).toFixed(2);
}

function ratios(all: readonly MeasuredGateway[]): string {
  const slicesOf = (id: string) => all.find(({ line }) => line.id === id)?.loaded;
  return table(
    [
      'line',
      'requests/s against (b)',
      'in each round',
      'processor time against (b)',
      'requests/s against (k)',
      '(c) is ahead by',
    ],
    all.map(({ line, loaded }) => [
      `(${line.id}) ${line.title}`,
      ratio(loaded, slicesOf('b'), rate),
      loaded.map((slice, round) => ratio([slice], slicesOf('b')?.slice(round, round + 1), rate)).join(', '),
      ratio(loaded, slicesOf('b'), cost),
      ratio(loaded, slicesOf('k'), rate),
      ratio(slicesOf('c'), loaded, rate),
    ]),
  );
}

function figures(all: readonly MeasuredGateway[]): string {
  const direct = all.find(({ line }) => line.id === 'a');
  return table(
    ['line', 'limit', 'requests/s', 'spread', 'server µs', 'added p50 ms', 'added p99 ms', 'MB', 'busy', 'hops'],
    all.map((one) => {
      const { line, loaded } = one;
      const rates = loaded.map(rate);
      const hops = loaded.flatMap(({ hopsPerRequest }) => hopsPerRequest ?? []);
      return [
        `(${line.id}) ${line.title}`,
        line.limit,
        whole(median(rates)),
        spread(rates),
        whole(median(loaded.map(cost))),
        added(one, direct, ({ p50 }) => p50),
        added(one, direct, ({ p99 }) => p99),
        whole(median(loaded.map(({ memory }) => memory))),
        percent(median(loaded.map(({ serverBusy }) => serverBusy))),
        hops.length > 0 ? median(hops).toFixed(4) : '',
      ];
    }),
  );
}

export const gatewayReport = (all: readonly MeasuredGateway[]): string =>
  [ratios(all), figures(all), machineText(all.flatMap(({ loaded, single }) => [...loaded, ...single]))].join('\n\n');
