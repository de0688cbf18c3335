import { formatDecimal } from '../kernel/decimal.ts';

/** Digits of USDC behind the point, on every chain that it is issued on: 1 USDC = 1,000,000 micro-USDC. */
const SCALE = 6;

/** Micro-USDC for people: `50.00 USDC`; smaller parts of a cent are shown where there are any. */
export function formatUsdc(micro: bigint): string {
  const [whole = '0', fraction = ''] = formatDecimal({ units: micro, scale: SCALE }).split('.');
  return `${whole}.${fraction.padEnd(2, '0')} USDC`;
}
