/**
 * `npm run plan -- <organization id or slug> <plan> [--units N|none] [--leases on|off|auto]`: sets an organization's
 * plan. What is not named stays. Speaks to `DATABASE_URL`, or without one to the local stack.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, parseEnv } from 'node:util';
import { PLANS } from '../src/billing/index.ts';
import { connect, type DatabaseSettings } from '../src/db/client.ts';
import { changePlan, type PlanChange, type PlanOutcome } from '../src/identity/organizations/plan.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { AppError } from '../src/kernel/errors.ts';
import { readSettings } from './stack/settings.ts';

const USAGE = 'npm run plan -- <organization id or slug> <plan> [--units N|none] [--leases on|off|auto]';

/** What is wrong with the command, in a sentence for whoever typed it. */
class Refusal extends Error {}

interface Command {
  organization: string;
  change: PlanChange;
}

/** @throws Refusal when it cannot be understood */
function readCommand(args: string[]): Command {
  const { positionals, values } = parse(args);
  const [organization, plan, ...rest] = positionals;
  if (!organization || !plan || rest.length > 0) throw new Refusal(`Usage: ${USAGE}`);
  return {
    organization,
    change: {
      plan,
      ...(values.units !== undefined && { unitsPerHour: readUnits(values.units) }),
      ...(values.leases !== undefined && { leases: readLeases(values.leases) }),
    },
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { units: { type: 'string' }, leases: { type: 'string' } },
    });
  } catch (error) {
    throw new Refusal(`${error instanceof Error ? error.message : error}\nUsage: ${USAGE}`);
  }
}

function readUnits(text: string): number | null {
  if (text === 'none') return null;
  if (!/^\d+$/.test(text)) throw new Refusal(`--units is a whole number or none, not "${text}"`);
  return Number(text);
}

const LEASES: ReadonlyMap<string, boolean | null> = new Map([
  ['on', true],
  ['off', false],
  ['auto', null],
]);

function readLeases(text: string): boolean | null {
  const leases = LEASES.get(text);
  if (leases === undefined) throw new Refusal(`--leases is on, off or auto, not "${text}"`);
  return leases;
}

/** The environment's database, or that of the local stack, which notes where it is when it starts. */
async function findDatabase(env: NodeJS.ProcessEnv): Promise<DatabaseSettings> {
  const given = env['DATABASE_URL'];
  if (given) return { url: given, proxyUrl: env['DATABASE_PROXY_URL'] || undefined };
  const { dataDir } = readSettings(env);
  const file = await readFile(join(dataDir, 'worker.env'), 'utf8').catch(() => {
    throw new Refusal(`DATABASE_URL is not set, and there is no local stack in ${dataDir}`);
  });
  const { DATABASE_URL: url, DATABASE_PROXY_URL: proxyUrl } = parseEnv(file);
  if (!url) throw new Refusal(`DATABASE_URL is not set, and the local stack in ${dataDir} does not tell its own`);
  return { url, proxyUrl };
}

function describe({ organization, plan, changed }: PlanOutcome): string {
  const own = plan.unitsPerHour !== null;
  const units = `${plan.unitsPerHour ?? PLANS[plan.name].unitsPerHour} units an hour`;
  const leases = plan.leases === null ? 'by the limit' : plan.leases ? 'on' : 'off';
  return [
    `${organization.slug} (${organization.id}): ${plan.name}, ${units}${own ? " in place of the plan's" : ''}, leases ${leases}.`,
    changed ? 'In force within about a minute.' : 'Nothing was changed.',
  ].join(' ');
}

async function main(): Promise<void> {
  const { organization, change } = readCommand(process.argv.slice(2));
  const db = connect(await findDatabase(process.env));
  console.log(describe(await changePlan({ db, clock: systemClock }, organization, change)));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Refusal || error instanceof AppError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
