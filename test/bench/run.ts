/**
 * `npm run bench -- admission [--rounds 3] [--seconds 5] [--connections 32] [--lines abcdefg]`: compares what deciding a
 * request costs, and `npm run bench -- gateway` with the same options what passing it on as well does. Installs what Weir is compared with when that is missing. Needs Linux and two cores that have nothing
 * else to do. See docs/benchmarks.md.
 */
import { access, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { killOwned } from '../../scripts/stack/orphans.ts';
import { run, throwAwayOwner } from '../../scripts/stack/process.ts';
import { makeTemporaryFolder } from '../../scripts/stack/throw-away.ts';
import { admissionLines, type Line } from './admission.ts';
import { compareDelivery } from './delivery.ts';
import { gatewayReport } from './gateway/report.ts';
import { gatewayLines } from './gateway.ts';
import { compareMatching, MIXES } from './matching.ts';
import { type Load, measureQuietly, type Slice, type Target } from './measure.ts';
import { percent, report, whole } from './report.ts';
import type { Bench } from './servers.ts';

const USAGE =
  'npm run bench -- admission [--rounds N] [--seconds N] [--connections N] [--tries N] [--lines abcdefg], or gateway with the same and [--lines abcdefghijk], or matching [--rounds N] [--seconds N] [--mix rare|frequent|windows], or delivery [--rounds N] [--events N] [--rate N]';

interface Command {
  /** The letters of the lines; all of them without. */
  lines: string;
  rounds: number;
  /** Of a slice that others disturb. */
  tries: number;
  load: Load;
}

/** @throws Error when it cannot be understood */
function readCommand(args: string[]): Command {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const options = {
    rounds: text('3'),
    seconds: text('5'),
    connections: text('32'),
    lines: text('abcdefghijk'),
    tries: text('3'),
  };
  const { positionals, values } = parseArgs({ args, allowPositionals: true, options });
  const [rounds = 0, seconds = 0, connections = 0, tries = -1] = [
    ...[values.rounds, values.seconds, values.connections, values.tries],
  ].map(Number);
  if (positionals.length > 0 || !(rounds >= 1 && seconds >= 1 && connections >= 1 && tries >= 0)) {
    throw new Error(`Usage: ${USAGE}`);
  }
  return {
    lines: values.lines,
    rounds,
    tries,
    load: { connections, seconds, warmUpSeconds: 2, generator: 'autocannon' },
  };
}

/** Peers are no dependencies of the product, so they are installed only where they are compared with. */
async function installPeers(): Promise<void> {
  const there = access(join(import.meta.dirname, 'node_modules', '.package-lock.json'));
  if (await there.then(() => true).catch(() => false)) return;
  console.log('installing what Weir is compared with');
  await run({ name: 'npm ci', command: 'npm', args: ['ci', '--ignore-scripts', '--prefix', import.meta.dirname] });
}

async function slice(line: Line, target: Target, load: Load, round: number, tries: number): Promise<Slice> {
  const seen = await measureQuietly(target, load, tries);
  const disturbed = `${percent(seen.idleBefore)} idle before, ${percent(seen.strangers)} taken by others`;
  const figures = `${whole(seen.requestsPerSecond)}/s, ${whole(seen.cpu)} µs, p50 ${seen.p50.toFixed(2)} ms`;
  console.log(`round ${round} (${line.id}) ${load.connections} at once: ${figures}, ${disturbed}`);
  return seen;
}

async function compareAdmission(bench: Bench, { lines, rounds, tries, load }: Command): Promise<string> {
  const chosen = (await admissionLines(bench)).filter(({ id }) => lines.includes(id));
  const measured = chosen.map((line) => ({ line, slices: [] as Slice[] }));
  for (let round = 1; round <= rounds; round++) {
    for (const { line, slices } of measured) slices.push(await slice(line, await line.target(), load, round, tries));
  }
  return report(measured);
}

async function compareGateways(bench: Bench, { lines, rounds, tries, load }: Command): Promise<string> {
  const chosen = await gatewayLines(bench, lines);
  const measured = chosen.map((line) => ({ line, loaded: [] as Slice[], single: [] as Slice[] }));
  const many: Load = { ...load, generator: 'wrk', warmUpSeconds: 1 };
  for (let round = 1; round <= rounds; round++) {
    for (const { line, loaded, single } of measured) {
      const target = await line.target();
      loaded.push(await slice(line, target, many, round, tries));
      single.push(await slice(line, target, { ...many, connections: 1 }, round, tries));
    }
  }
  return gatewayReport(measured);
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

/** `npm run bench -- matching [--rounds 3] [--seconds 3] [--mix rare|frequent|windows]` starts no servers and has a report of its own. */
async function runMatching(args: string[]): Promise<void> {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const options = { rounds: text('3'), seconds: text('3'), mix: text('') };
  const { values } = parseArgs({ args, options });
  const mixes = MIXES.filter((mix) => values.mix === '' || mix === values.mix);
  if (mixes.length === 0) throw new Error(`Usage: ${USAGE}`);
  await installPeers();
  console.log(`\n${await compareMatching(Number(values.rounds), Number(values.seconds), mixes)}`);
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
  const compare = name === 'admission' ? compareAdmission : name === 'gateway' ? compareGateways : undefined;
  if (!compare) throw new Error(`Usage: ${USAGE}`);
  const command = readCommand(rest);
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
