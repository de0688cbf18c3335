import { expect, it } from 'vitest';
import { simulate } from './simulation.ts';

/** A smaller part of `npm run simulate:quota`. */
const common = { isolates: 50, requests: 3_000, seed: 20_261_122 };

it.each([
  { limit: 50, demand: 20 },
  { limit: 500, demand: 2 },
  { limit: 2_000, demand: 20 },
])('fifty isolates that ask for $demand times $limit units an hour get no more, and hardly less', async (scenario) => {
  const { windows, oversold, undersold, requests } = await simulate({ ...common, ...scenario });
  expect(windows).toBeGreaterThan(0);
  expect(requests).toBeGreaterThan(2_500);
  expect(oversold).toBe(0);
  expect(undersold).toBeLessThan(0.01);
});

it.each([
  { limit: 10_000, demand: 2, hops: 1.1 },
  { limit: 10_000, demand: 20, hops: 0.4 },
  { limit: 100_000, demand: 2, hops: 0.7 },
])(
  'fifty isolates with leases on $limit units an hour and $demand times the demand sell no unit twice and lose few',
  async (scenario) => {
    const outcome = await simulate({ ...common, ...scenario });
    expect(outcome.windows).toBeGreaterThan(0);
    expect(outcome.oversold).toBe(0);
    // Two in a hundred lie in reserve, and are lost with isolates that die.
    expect(outcome.undersold).toBeLessThan(0.03);
    expect(outcome.hops / outcome.requests).toBeLessThan(scenario.hops);
  },
);

it('a simulation with the same seed has the same outcome, and with another a different one', async () => {
  const scenario = { ...common, limit: 10_000, demand: 0.5 };
  const outcome = await simulate(scenario);
  expect(await simulate(scenario)).toEqual(outcome);
  expect(await simulate({ ...scenario, seed: 1 })).not.toEqual(outcome);
});
