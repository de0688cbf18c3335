import { randomBytes } from '../../kernel/crypto.ts';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE = BigInt(DIGITS.length);

/** The largest multiple of 62 that a byte can reach: from there on, bytes would favour the first digits. */
const UNBIASED = 256 - (256 % DIGITS.length);

/** `length` digits, each as likely as any other. */
export function randomBase62(length: number, random: (bytes: number) => Uint8Array = randomBytes): string {
  let text = '';
  while (text.length < length) {
    for (const byte of random(length)) {
      if (byte < UNBIASED && text.length < length) text += DIGITS[byte % DIGITS.length];
    }
  }
  return text;
}

/** The number's last `length` digits, with leading zeros. */
export function toBase62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest /= BASE) text = `${DIGITS[Number(rest % BASE)]}${text}`;
  return text;
}

/** The number that the digits stand for. The text must hold nothing else. */
export function fromBase62(text: string): bigint {
  let value = 0n;
  for (const digit of text) value = value * BASE + BigInt(DIGITS.indexOf(digit));
  return value;
}
