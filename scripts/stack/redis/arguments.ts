import { RedisError } from './reply.ts';
import type { Store } from './store.ts';

const INT64 = 1n << 63n;

export const syntaxError = (): RedisError => new RedisError('ERR syntax error');

/** A whole number as Redis reads it: 64 bits, no leading zeros, no plus sign. */
export function parseInteger(text: string): bigint {
  const value = /^(0|-?[1-9]\d{0,18})$/.test(text) ? BigInt(text) : undefined;
  if (value === undefined || value >= INT64 || value < -INT64) {
    throw new RedisError('ERR value is not an integer or out of range');
  }
  return value;
}

export function addIntegers(a: bigint, b: bigint): bigint {
  const sum = a + b;
  if (sum >= INT64 || sum < -INT64) throw new RedisError('ERR increment or decrement would overflow');
  return sum;
}

export const parseCount = (text: string): number => Number(parseInteger(text));

export function parseFloatStrict(text: string): number {
  if (/^[+-]?inf(inity)?$/i.test(text))
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw new RedisError('ERR value is not a valid float');
  return value;
}

export function formatFloat(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return String(value);
}

/** Reads a command's trailing words one by one. */
export function createWords(words: string[]) {
  let index = 0;
  return {
    done: (): boolean => index >= words.length,
    next(): string {
      const word = words[index++];
      if (word === undefined) throw syntaxError();
      return word;
    },
    option(): string {
      return this.next().toUpperCase();
    },
    /** Takes the next word when it is one of these options. */
    takeIf<T extends string>(options: readonly T[]): T | undefined {
      const found = options.find((option) => option === words[index]?.toUpperCase());
      if (found !== undefined) index++;
      return found;
    },
    rest: (): string[] => words.slice(index),
  };
}

const EXPIRY_UNITS = { EX: [1_000, false], PX: [1, false], EXAT: [1_000, true], PXAT: [1, true] } as const;

export type ExpiryOption = keyof typeof EXPIRY_UNITS;

export const isExpiryOption = (option: string): option is ExpiryOption => option in EXPIRY_UNITS;

/** The moment `EX 10` and the like mean. */
export function expiryOf(store: Store, option: ExpiryOption, text: string, command: string): number {
  const [unit, absolute] = EXPIRY_UNITS[option];
  const amount = parseCount(text);
  if (amount <= 0) throw new RedisError(`ERR invalid expire time in '${command}' command`);
  return (absolute ? 0 : store.now()) + amount * unit;
}

/** Redis's glob patterns: `*`, `?`, `[a-c]`, `[^x]` and the backslash. */
export function globToRegExp(pattern: string): RegExp {
  const source = pattern.replace(/\\(.)|\[(\^?)([^\]]*)\]|[*?]|[.+^${}()|[\]\\/]/gs, (match, escaped, negated, set) => {
    if (escaped !== undefined) return /\w/.test(escaped) ? escaped : `\\${escaped}`;
    if (set !== undefined) return `[${negated}${set.replace(/[\\^]/g, '\\$&')}]`;
    if (match === '*') return '.*';
    return match === '?' ? '.' : `\\${match}`;
  });
  return new RegExp(`^${source}$`, 's');
}
