import * as z from 'zod';
import { text, timestamp } from '../../http/shapes.ts';

/** Fields that agents and wallets share. */
export const walletAddress = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'must be 0x and 40 hex digits')
  .transform((value) => value.toLowerCase())
  .meta({ examples: ['0x1234567890abcdef1234567890abcdef12345678'] });

export const chainId = z
  .int()
  .min(1)
  .max(Number.MAX_SAFE_INTEGER)
  .meta({ examples: [11155111] });

const MAX_CHALLENGE = 4_000;

export const challenge = text(1, MAX_CHALLENGE).meta({ description: 'The text that was issued and signed, unchanged' });

/** From the 65 bytes of an account's signature to what a contract wallet may need for its own. */
const MIN_DIGITS = 130;
const MAX_DIGITS = 2 * 16 * 1024;

export const signature = z
  .string()
  .min(MIN_DIGITS)
  .max('0x'.length + MAX_DIGITS)
  .regex(/^(?:0x)?(?:[0-9a-fA-F]{2})*$/, 'must be hex digits, two for each byte')
  .transform((value) => (value.startsWith('0x') ? value : `0x${value}`))
  .meta({ description: 'EIP-191 signature of an account, or an ERC-1271 or ERC-6492 one of a contract wallet' });

export const issuedChallenge = z
  .object({
    challenge: z.string().meta({ description: 'EIP-4361 text to sign' }),
    nonce: z.string(),
    expires_at: timestamp,
  })
  .meta({ id: 'WalletChallenge' });

const UINT256_MAX = 2n ** 256n - 1n;

/** A uint256 in decimal; leading zeros name the same agent. */
export const agentIdText = z
  .string()
  .regex(/^\d{1,78}$/, { error: 'must be a whole number', abort: true })
  .transform((value) => BigInt(value))
  .refine((value) => value <= UINT256_MAX, 'must be less than 2^256')
  .transform(String);

export const agentId = z
  .union([z.int().min(0).transform(String), agentIdText])
  .meta({ description: 'An integer, or decimal text above 2^53 − 1', examples: [42] });

export const shownAgentId = z.union([z.int(), z.string()]).meta({ description: 'Decimal text above 2^53 − 1' });

/** An agent's id as JSON shows it: a number where a number can hold it. */
export function showAgentId(id: string): number | string {
  const number = Number(id);
  return Number.isSafeInteger(number) ? number : id;
}
