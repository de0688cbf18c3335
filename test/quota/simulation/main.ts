/**
 * `npm run simulate:quota [-- --seed 1 --requests 50000]`: what quotas let through when fifty isolates ask one object over a network
 * that loses messages, and prints it as a table. Ends with 1 when anything was oversold. The same seed gives the same table.
 */
import { parseArgs } from 'node:util';
import { type Outcome, type Scenario, simulate } from './simulation.ts';

const HOP_LIMITS = [50, 100, 500, 2_000];
const LEASE_LIMITS = [10_000, 100_000, 1_000_000];
const DEMANDS = [0.5, 2, 20];
const ISOLATES = 50;

const percent = (part: number) => `${(100 * part).toFixed(2)} %`;

function line({ limit, demand }: Scenario, outcome: Outcome): string {
  const { requests, windows, hops, oversold, undersold, degraded } = outcome;
  const cells = [
    `${limit.toLocaleString('en')} (${LEASE_LIMITS.includes(limit) ? 'lease' : 'hop'})`,
    `${demand}x`,
    requests.toLocaleString('en'),
    windows,
    oversold,
    // Below the limit nobody can tell what was not sold from what was not asked for.
    demand > 1 ? percent(undersold) : '-',
    (hops / requests).toFixed(3),
    percent(degraded / requests),
  ];
  return `| ${cells.join(' | ')} |`;
}

const option = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({ options: { seed: option('1'), requests: option('50000') } });
const [seed, requests] = [Number(values.seed), Number(values.requests)];
if (!Number.isInteger(seed) || !(requests > 0)) throw new Error('--seed and --requests are numbers');

console.log('| limit | demand | requests | windows | oversold | undersold | hops per request | degraded |');
console.log('|---|---|---|---|---|---|---|---|');
let total = 0;
let oversold = 0;
for (const limit of [...HOP_LIMITS, ...LEASE_LIMITS]) {
  for (const demand of DEMANDS) {
    const scenario = { limit, demand, isolates: ISOLATES, requests, seed };
    const outcome = await simulate(scenario);
    total += outcome.requests;
    oversold += outcome.oversold;
    console.log(line(scenario, outcome));
  }
}
console.log(`\n${total.toLocaleString('en')} requests, ${oversold} units oversold`);
process.exitCode = oversold > 0 ? 1 : 0;
