import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileSplit } from '../../../src/gateway/routing/split.ts';

const stable = (canary: number, salt = 'api') =>
  compileSplit(
    [
      { pool: 'main', weight: 100 - canary },
      { pool: 'canary', weight: canary },
    ],
    'first',
    salt,
  );

const callers = Array.from({ length: 20_000 }, (_, index) => `key_${index}`);

const partOf = (choose: ReturnType<typeof compileSplit>, pool: string) =>
  callers.filter((caller) => choose(caller, 0) === pool).length / callers.length;

describe('the split of calls between pools', () => {
  it('follows a random number where the caller is not known.', () => {
    const choose = stable(10);
    expect([0, 0.89, 0.9, 0.999_999].map((random) => choose(null, random))).toEqual([
      'main',
      'main',
      'canary',
      'canary',
    ]);
  });

  it('keeps a known caller where it is, in the proportions that were asked for.', () => {
    expect(stable(10)('key_1', 0)).toBe(stable(10)('key_1', 0.99));
    for (const canary of [1, 10, 50])
      expect(Math.abs(partOf(stable(canary), 'canary') - canary / 100)).toBeLessThan(0.01);
  });

  it('takes callers over as a canary grows, and gives none back.', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 98 }), (caller, canary) => {
        if (stable(canary)(caller, 0) === 'canary') expect(stable(canary + 1)(caller, 0)).toBe('canary');
      }),
    );
  });

  it('does not make the same callers the canaries of every API.', () => {
    const both = callers.filter(
      (caller) => stable(10, 'a')(caller, 0) === 'canary' && stable(10, 'b')(caller, 0) === 'canary',
    );
    expect(Math.abs(both.length / callers.length - 0.01)).toBeLessThan(0.005);
  });

  it('gives nothing to a pool of weight 0, and everything to the first pool where nothing else is said.', () => {
    const pools = [
      { pool: 'old', weight: 0 },
      { pool: 'new', weight: 3 },
    ];
    expect(partOf(compileSplit(pools, 'first', 'api'), 'new')).toBe(1);
    expect(compileSplit(pools, 'first', 'api')(null, 0)).toBe('new');
    expect(compileSplit([], 'first', 'api')('key_1', 0.5)).toBe('first');
    expect(compileSplit([{ pool: 'a', weight: 0 }], 'first', 'api')(null, 0.5)).toBe('first');
  });

  it('always gives a pool of the split.', () => {
    const split = fc.array(
      fc.record({ pool: fc.constantFrom('a', 'b', 'c'), weight: fc.double({ min: 0.001, max: 1_000, noNaN: true }) }),
      {
        minLength: 1,
        maxLength: 5,
      },
    );
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(split, fc.option(fc.string()), random, (pools, caller, chance) => {
        expect(pools.map(({ pool }) => pool)).toContain(compileSplit(pools, 'first', 'api')(caller, chance));
      }),
    );
  });
});
