import { expect, it } from 'vitest';
import { balanceOf, formatUsdc } from '../../src/billing/index.ts';

it.each([
  [0n, '0.00 USDC'],
  [50_000_000n, '50.00 USDC'],
  [1_500_000n, '1.50 USDC'],
  [10_000n, '0.01 USDC'],
  [1n, '0.000001 USDC'],
  [12_345_670n, '12.34567 USDC'],
  [-2_500_000n, '-2.50 USDC'],
  [9_007_199_254_740_993_000_000n, '9007199254740993.00 USDC'],
])('shows %s micro-USDC as %s', (micro, text) => {
  expect(formatUsdc(micro)).toBe(text);
});

it('finds no credits with anybody, as there is no ledger of them', async () => {
  expect(await balanceOf(crypto.randomUUID())).toBe(0n);
});
