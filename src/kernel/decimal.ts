/** An exact decimal number: `units / 10^scale`. */
export interface Decimal {
  units: bigint;
  scale: number;
}

const PATTERN = /^([+-]?)(\d{1,100})(?:\.(\d{1,100}))?$/;

/** Reads plain decimal text (`-3.20`, `42`). Exponents, hex, blanks and empty parts are not numbers here: `undefined`. */
export function parseDecimal(text: string): Decimal | undefined {
  const parts = PATTERN.exec(text);
  if (!parts) return undefined;
  const [, sign, whole = '', fraction = ''] = parts;
  const units = BigInt(whole + fraction);
  return { units: sign === '-' ? -units : units, scale: fraction.length };
}

/** Negative, zero or positive, as a sorting comparator answers. Exact for any size. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const left = a.units * 10n ** BigInt(scale - a.scale);
  const right = b.units * 10n ** BigInt(scale - b.scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Shortest plain text of `units / 10^scale`: no exponent, no trailing zeros, no negative zero. */
export function formatDecimal({ units, scale }: Decimal): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${whole}${fraction ? `.${fraction}` : ''}`;
}
