import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candidate, type Choice, choose } from '../../../src/gateway/balancing/choose.ts';
import { hashText } from '../../../src/gateway/balancing/hash.ts';

const candidates = (...weights: number[]): Candidate[] =>
  weights.map((weight, index) => {
    const id = `u${index}`;
    return { id, weight, cell: { pending: 0 }, seed: hashText(id), owed: 0 };
  });

const choice = (fields: Partial<Choice>): Choice => ({
  ...{ algorithm: 'round_robin', hashKey: undefined, exclude: new Set<string>(), random: Math.random },
  ...fields,
});

function counted(among: readonly Candidate[], turns: number, by: (turn: number) => Partial<Choice>) {
  const counts = new Map(among.map(({ id }) => [id, 0]));
  for (let turn = 0; turn < turns; turn += 1) {
    const id = choose(among, choice(by(turn)))?.id ?? '';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return among.map(({ id }) => counts.get(id) ?? 0);
}

const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });

/** A generator of numbers that is the same each time: the statistics below hold for this sequence, not for luck. */
function sequence(seed: number) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('the rotation', () => {
  it('gives everyone exactly their weight in as many turns as the weights sum up to.', () => {
    fc.assert(
      fc.property(weights, (given) => {
        const sum = given.reduce((a, b) => a + b, 0);
        expect(counted(candidates(...given), sum, () => ({ algorithm: 'weighted' }))).toEqual(given);
      }),
    );
  });

  it('never lags behind anybody’s part by more than one turn for each other candidate.', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 300 }), (given, turns) => {
        const sum = given.reduce((a, b) => a + b, 0);
        const counts = counted(candidates(...given), turns, () => ({ algorithm: 'weighted' }));
        for (const [index, count] of counts.entries()) {
          expect(Math.abs(count - (turns * (given[index] ?? 0)) / sum)).toBeLessThan(given.length);
        }
      }),
    );
  });

  it('spreads the turns of a heavy one between those of the others.', () => {
    const among = candidates(5, 1, 1);
    const turns = Array.from({ length: 7 }, () => choose(among, choice({ algorithm: 'weighted' }))?.id);
    expect(turns).toEqual(['u0', 'u0', 'u1', 'u0', 'u2', 'u0', 'u0']);
  });
});

describe('the choice by what is pending', () => {
  it('takes the less busy of two, for its weight.', () => {
    const among = candidates(1, 4);
    const [light, heavy] = among;
    if (!light || !heavy) throw new Error('there are two');
    Object.assign(light.cell, { pending: 2 });
    Object.assign(heavy.cell, { pending: 7 });
    expect(choose(among, choice({ algorithm: 'least_pending' }))).toBe(heavy);
    Object.assign(heavy.cell, { pending: 9 });
    expect(choose(among, choice({ algorithm: 'least_pending' }))).toBe(light);
  });

  it('keeps calls away from one that does not answer.', () => {
    const among = candidates(1, 1, 1, 1);
    const random = sequence(7);
    for (let call = 0; call < 1_000; call += 1) {
      const chosen = choose(among, choice({ algorithm: 'least_pending', random }));
      // Each answers at once but the first.
      if (chosen?.id === 'u0') chosen.cell.pending += 1;
    }
    expect(among[0]?.cell.pending).toBe(1);
  });

  it('draws by weight while nobody is busy.', () => {
    const random = sequence(3);
    const [one = 0, three = 0, four = 0] = counted(candidates(1, 3, 4), 8_000, () => ({
      ...{ algorithm: 'least_pending' as const, random },
    }));
    expect([one, three, four].map((count) => Math.round(count / 1_000))).toEqual([1, 3, 4]);
  });
});

describe('the consistent hash', () => {
  const KEYS = Array.from({ length: 6_000 }, (_, index) => `key-${index}`);
  const hashed = (among: readonly Candidate[], hashKey: string) =>
    choose(among, choice({ algorithm: 'consistent_hash', hashKey }))?.id;

  it('moves the keys of the one that goes, and no others.', () => {
    fc.assert(
      fc.property(weights, fc.nat(), fc.array(fc.string(), { maxLength: 50 }), (given, which, keys) => {
        const among = candidates(...given, 1);
        const gone = among[which % among.length];
        const rest = among.filter((candidate) => candidate !== gone);
        for (const key of keys) {
          const before = hashed(among, key);
          if (before !== gone?.id) expect(hashed(rest, key)).toBe(before);
        }
      }),
    );
  });

  it('moves keys only to the one whose weight grows.', () => {
    const before = candidates(1, 1, 1);
    const after = candidates(1, 1, 2);
    for (const key of KEYS) {
      const [was, is] = [hashed(before, key), hashed(after, key)];
      if (is !== was) expect(is).toBe('u2');
    }
  });

  it('gives everyone about their part of the keys.', () => {
    const parts = counted(candidates(1, 2, 3), KEYS.length, (turn) => ({
      ...{ algorithm: 'consistent_hash' as const, hashKey: KEYS[turn] },
    }));
    expect(parts.map((count) => Math.round(count / 1_000))).toEqual([1, 2, 3]);
  });

  it('spreads the keys of the one that goes over the others.', () => {
    const among = candidates(1, 1, 1, 1);
    const moved = KEYS.filter((key) => hashed(among, key) === 'u0').map((key) => hashed(among.slice(1), key));
    for (const id of ['u1', 'u2', 'u3']) {
      expect(moved.filter((to) => to === id).length / moved.length).toBeCloseTo(1 / 3, 1);
    }
  });

  it('rotates where there is no key to go by.', () => {
    expect(counted(candidates(1, 1), 10, () => ({ algorithm: 'consistent_hash' }))).toEqual([5, 5]);
  });
});

describe('what a call has tried', () => {
  it.each(['round_robin', 'weighted', 'least_pending', 'consistent_hash'] as const)(
    'is avoided by %s while there is another, and taken again when there is none.',
    (algorithm) => {
      const among = candidates(1, 5, 1);
      const exclude = new Set(['u0', 'u1']);
      const counts = counted(among, 20, () => ({ algorithm, exclude, hashKey: 'k' }));
      expect(counts).toEqual([0, 0, 20]);
      const all = choice({ algorithm, exclude: new Set(['u0', 'u1', 'u2']), hashKey: 'k' });
      expect(choose(among, all)).toBeDefined();
    },
  );

  it('is nothing when nobody is there.', () => {
    expect(choose([], choice({}))).toBeUndefined();
  });
});
