import { describe, expect, it } from 'vitest';
import { createFlow } from '../../../src/gateway/websocket/flow.ts';

const MIB = 1 << 20;

describe('what goes one way over a socket', () => {
  it('is eight MiB at once and no more', () => {
    const { take } = createFlow(0);
    expect(Array.from({ length: 9 }, () => take(MIB, 0))).toEqual([...Array(8).fill(true), false]);
    expect(take(1, 0)).toBe(false);
  });

  it('is four MiB a second for ever', () => {
    const { take } = createFlow(0);
    for (let ms = 250; ms <= 60_000; ms += 250) expect(take(MIB, ms)).toBe(true);
  });

  it('is no more at once after a long rest', () => {
    const { take } = createFlow(0);
    expect([take(8 * MIB, 3_600_000), take(1, 3_600_000)]).toEqual([true, false]);
  });

  it('stands a clock that goes back', () => {
    const { take } = createFlow(1_000);
    expect([take(8 * MIB, 0), take(1, 0)]).toEqual([true, false]);
  });
});
