import { describe, expect, it } from 'vitest';
import { createRetryBudget } from '../../../src/gateway/upstream/budget.ts';

const newBudget = () => {
  const world = { now: 1_000_000 };
  const budget = createRetryBudget(() => new Date(world.now));
  const takeAll = () => {
    let taken = 0;
    while (budget.take()) taken += 1;
    return taken;
  };
  const noteCalls = (count: number) => {
    for (let n = 0; n < count; n += 1) budget.noteCall();
  };
  return { world, budget, takeAll, noteCalls };
};

describe('the budget for retries', () => {
  it('allows three without any call, and three a second from then on.', () => {
    const { world, budget, takeAll } = newBudget();
    expect(takeAll()).toBe(3);
    world.now += 333;
    expect(budget.take()).toBe(false);
    world.now += 1;
    expect(budget.take()).toBe(true);
    expect(budget.take()).toBe(false);
  });

  it('saves up no more than three over any time without calls.', () => {
    const { world, takeAll } = newBudget();
    takeAll();
    world.now += 3_600_000;
    expect(takeAll()).toBe(3);
  });

  it('allows one for five calls beside.', () => {
    const { takeAll, noteCalls } = newBudget();
    takeAll();
    noteCalls(51);
    expect(takeAll()).toBe(10);
  });

  it('saves up no more than a hundred of them.', () => {
    const { takeAll, noteCalls } = newBudget();
    noteCalls(10_000);
    expect(takeAll()).toBe(100);
  });
});
