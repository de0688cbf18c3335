/**
 * `npm run bench -- admission [--rounds 3] [--seconds 5] [--connections 32] [--lines abcdefg]`: compares what deciding a
 * request costs. Installs what Weir is compared with when that is missing. Needs Linux and two cores that have nothing
 * else to do. See docs/benchmarks.md.
 */
import { access, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { killOwned } from '../../scripts/stack/orphans.ts';
import { run, throwAwayOwner } from '../../scripts/stack/process.ts';
import { makeTemporaryFolder } from '../../scripts/stack/throw-away.ts';
import { admissionLines } from './admission.ts';
import { compareDelivery } from './delivery.ts';
import { compareMatching } from './matching.ts';
import { type Load, measureQuietly, type Slice } from './measure.ts';
import { report } from './report.ts';
import type { Bench } from './servers.ts';

const USAGE =
  'npm run bench -- admission [--rounds N] [--seconds N] [--connections N] [--lines abcdefg], or matching [--rounds N] [--seconds N], or delivery [--rounds N] [--events N] [--rate N]';

const BENCHMARKS: ReadonlyMap<string, typeof admissionLines> = new Map([['admission', admissionLines]]);

/** Of a slice that others disturb. */
const TRIES = 3;

interface Command {
  linesOf: typeof admissionLines;
  /** Their letters. */
  lines: string;
  rounds: number;
  load: Load;
}

/** @throws Error when it cannot be understood */
function readCommand(args: string[]): Command {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const options = { rounds: text('3'), seconds: text('5'), connections: text('32'), lines: text('abcdefg') };
  const { positionals, values } = parseArgs({ args, allowPositionals: true, options });
  const linesOf = BENCHMARKS.get(positionals[0] ?? '');
  const [rounds = 0, seconds = 0, connections = 0] = [values.rounds, values.seconds, values.connections].map(Number);
  if (!linesOf || positionals.length > 1 || !(rounds >= 1 && seconds >= 1 && connections >= 1)) {
    throw new Error(`Usage: ${USAGE}`);
  }
  return { linesOf, lines: values.lines, rounds, load: { connections, seconds, warmUpSeconds: 2 } };
}

/** Peers are no dependencies of the product, so they are installed only where they are compared with. */
async function installPeers(): Promise<void> {
  const there = access(join(import.meta.dirname, 'node_modules', '.package-lock.json'));
  if (await there.then(() => true).catch(() => false)) return;
  console.log('installing what Weir is compared with');
  await run({ name: 'npm ci', command: 'npm', args: ['ci', '--ignore-scripts', '--prefix', import.meta.dirname] });
}

async function compare(bench: Bench, { linesOf, lines, rounds, load }: Command): Promise<string> {
  const chosen = (await linesOf(bench)).filter(({ id }) => lines.includes(id));
  const measured = chosen.map((line) => ({ line, slices: [] as Slice[] }));
  for (let round = 1; round <= rounds; round++) {
    for (const { line, slices } of measured) {
      const slice = await measureQuietly(await line.target(), load, TRIES);
      slices.push(slice);
      const percent = (share: number) => `${Math.round(share * 100)} %`;
      const disturbed = `${percent(slice.idleBefore)} idle before, ${percent(slice.strangers)} taken by others`;
      const figures = `${Math.round(slice.requestsPerSecond)}/s, ${Math.round(slice.cpu)} µs`;
      console.log(`round ${round} (${line.id}) ${figures}, ${disturbed}`);
    }
  }
  return report(measured);
}

/** What was started is in process groups of its own, which a signal to this one does not reach. */
function stopOnSignals({ dir }: Bench): void {
  const stop = async () => {
    await killOwned(throwAwayOwner(process.pid));
    await rm(dir, { recursive: true, force: true });
    process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void stop());
}

/** `npm run bench -- matching [--rounds 3] [--seconds 3]` starts no servers and has a report of its own. */
async function runMatching(args: string[]): Promise<void> {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const { values } = parseArgs({ args, options: { rounds: text('3'), seconds: text('3') } });
  await installPeers();
  console.log(`\n${await compareMatching(Number(values.rounds), Number(values.seconds))}`);
}

/** `npm run bench -- delivery [--rounds 3] [--events 100] [--rate 5]`: starts the whole stack and has a report of its own. */
async function runDelivery(args: string[]): Promise<void> {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const { values } = parseArgs({ args, options: { rounds: text('3'), events: text('100'), rate: text('5') } });
  const [rounds = 0, events = 0, eventsPerSecond = 0] = [values.rounds, values.events, values.rate].map(Number);
  if (!(rounds >= 1 && events >= 1 && eventsPerSecond > 0)) throw new Error(`Usage: ${USAGE}`);
  console.log(`\n${await compareDelivery({ rounds, events, eventsPerSecond })}`);
}

async function main(): Promise<void> {
  const [name, ...rest] = process.argv.slice(2);
  if (name === 'matching') return runMatching(rest);
  if (name === 'delivery') return runDelivery(rest);
  const command = readCommand(process.argv.slice(2));
  if (process.platform !== 'linux' || availableParallelism() < 2) throw new Error('this needs Linux and two cores');
  await installPeers();
  const bench: Bench = { dir: await makeTemporaryFolder('bench'), children: [] };
  stopOnSignals(bench);
  try {
    console.log(`\n${await compare(bench, command)}`);
  } finally {
    await Promise.all(bench.children.map((child) => child.stop()));
    await rm(bench.dir, { recursive: true, force: true });
  }
}

await main();
