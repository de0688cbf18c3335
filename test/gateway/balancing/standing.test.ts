import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partOfWeight, type Standing, thoseWhoServe } from '../../../src/gateway/balancing/standing.ts';

const member = (name: string, fields: Partial<Standing> = {}) => ({
  name,
  standing: { allowed: true, backup: false, open: false, unhealthy: false, ejected: false, ...fields },
});

const names = (members: readonly { name: string }[]) => members.map(({ name }) => name).join(' ');

describe('who takes calls', () => {
  it('is every primary that can.', () => {
    const members = [member('a'), member('b', { unhealthy: true }), member('c', { ejected: true }), member('d')];
    expect(names(thoseWhoServe([...members, member('e', { backup: true }), member('f', { open: true })]))).toBe('a d');
  });

  it('is a backup only when no primary can.', () => {
    const members = [member('a', { open: true }), member('b', { unhealthy: true }), member('c', { backup: true })];
    expect(names(thoseWhoServe(members))).toBe('c');
  });

  it('is, when health checks speak against all, everyone whose breaker is not open, primaries first.', () => {
    const down = { unhealthy: true };
    const members = [member('a', down), member('b', { ejected: true }), member('c', { open: true })];
    expect(names(thoseWhoServe([...members, member('d', { ...down, backup: true })]))).toBe('a b');
    expect(names(thoseWhoServe([member('c', { open: true }), member('d', { ...down, backup: true })]))).toBe('d');
  });

  it('is nobody behind an open breaker, and nobody who is not allowed, whatever the others are.', () => {
    const standing = fc.record({
      ...{ allowed: fc.boolean(), backup: fc.boolean(), open: fc.boolean() },
      ...{ unhealthy: fc.boolean(), ejected: fc.boolean() },
    });
    fc.assert(
      fc.property(fc.array(standing), (standings) => {
        const members = standings.map((of) => ({ standing: of }));
        const serving = thoseWhoServe(members);
        for (const { standing: of } of serving) expect([of.allowed, of.open]).toEqual([true, false]);
        expect(serving.length > 0).toBe(standings.some(({ allowed, open }) => allowed && !open));
      }),
    );
  });
});

describe('the weight of one that came back', () => {
  it('grows from a tenth to the whole.', () => {
    const parts = [0, 50, 100, 500, 999, 1_000, 5_000].map((ms) => partOfWeight(ms, 1_000));
    expect(parts).toEqual([0.1, 0.1, 0.1, 0.5, 0.999, 1, 1]);
  });

  it('is whole at once without a slow start.', () => {
    expect(partOfWeight(0, 0)).toBe(1);
  });
});
