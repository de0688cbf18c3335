import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Peaks } from '../../../src/triggers/matching/peaks.ts';

/** What somebody who passes over blocks gets to see, and how many looks that takes. */
function seen(numbers: Float32Array, from: number, least: number) {
  const peaks = new Peaks(numbers);
  const found: number[] = [];
  let looks = 0;
  for (let at = from; at < numbers.length; looks += 1) {
    const skipped = peaks.below(at, least);
    if (skipped === 0 && (numbers[at] ?? 0) >= least) found.push(at);
    at += skipped || 1;
  }
  return { found, looks };
}

describe('peaks', () => {
  it('hide no number that is large enough, wherever one begins.', () => {
    const numbers = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 700 });
    fc.assert(
      fc.property(numbers, fc.nat(50), fc.integer({ min: 0, max: 41 }), (list, from, least) => {
        const expected = list.flatMap((number, at) => (at >= from && number >= least ? [at] : []));
        expect(seen(new Float32Array(list), from, least).found).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('pass over what is too small in a number of looks that hardly grows with it.', () => {
    const numbers = new Float32Array(1_000_000);
    numbers[654_321] = 1;
    const { found, looks } = seen(numbers, 5, 1);
    expect(found).toEqual([654_321]);
    expect(looks).toBeLessThan(200);
    expect(new Peaks(numbers).bytes).toBeLessThan(0.27 * 1_000_000);
  });

  it('keep bounds without an end.', () => {
    const numbers = new Float32Array(20).fill(Number.NEGATIVE_INFINITY);
    numbers[17] = Number.POSITIVE_INFINITY;
    expect(seen(numbers, 0, 3).found).toEqual([17]);
  });
});
