import type { KeyEnvironment } from '../../access/edge.ts';
import { hmacSha256, sha256Hex } from '../../kernel/crypto.ts';
import { fromBase62, randomBase62, toBase62 } from './base62.ts';

/**
 * The text of an API key: `sk_live_` or `sk_test_`, 32 random base62 digits, the organization's id in 22 and a check in 6. The
 * check is an HMAC under a secret of the deployment, so that a mistyped or made-up key is known for one without asking
 * anybody, and so that nobody can have us make objects for organizations that do not exist.
 */
const RANDOM_DIGITS = 32;
const ORGANIZATION_DIGITS = 22;
const CHECK_DIGITS = 6;
const DISPLAYED = 15;
const LENGTH = 'sk_live_'.length + RANDOM_DIGITS + ORGANIZATION_DIGITS + CHECK_DIGITS;

const SHAPE = new RegExp(`^(?<body>sk_(?<environment>live|test)_[0-9A-Za-z]{${RANDOM_DIGITS}}\
(?<organization>[0-9A-Za-z]{${ORGANIZATION_DIGITS}}))(?<check>[0-9A-Za-z]{${CHECK_DIGITS}})$`);

/** Secrets of the check, the current one first; keys made under the others stay good. */
export type KeySecrets = readonly [Uint8Array<ArrayBuffer>, ...Uint8Array<ArrayBuffer>[]];

export interface MintedKey {
  /** The key itself: shown once, stored nowhere. */
  text: string;
  /** What it is shown as afterwards. */
  prefix: string;
  hash: string;
}

export async function mintKey(
  secrets: KeySecrets,
  environment: KeyEnvironment,
  organizationId: string,
): Promise<MintedKey> {
  const organization = toBase62(BigInt(`0x${organizationId.replaceAll('-', '')}`), ORGANIZATION_DIGITS);
  const body = `sk_${environment}_${randomBase62(RANDOM_DIGITS)}${organization}`;
  const text = `${body}${await checkOf(secrets[0], body)}`;
  return { text, prefix: text.slice(0, DISPLAYED), hash: sha256Hex(text) };
}

interface ParsedKey {
  environment: KeyEnvironment;
  organizationId: string;
  hash: string;
}

/** Keys whose check was found right are not checked again, of which an isolate remembers this many by their hashes. */
const MAX_CHECKED = 10_000;

/** By the deployment's secrets; no key can be made out of what is remembered. */
const checked = new WeakMap<KeySecrets, Map<string, ParsedKey>>();

/** What a key's text says of itself; nothing when this deployment never made it. */
export async function parseKey(secrets: KeySecrets, text: string): Promise<ParsedKey | undefined> {
  if (text.length !== LENGTH || !SHAPE.test(text)) return undefined;
  const hash = sha256Hex(text);
  const before = checked.get(secrets)?.get(hash);
  if (before) return before;
  const parsed = await checkKey(secrets, text, hash);
  if (parsed) rememberChecked(secrets, parsed);
  return parsed;
}

function rememberChecked(secrets: KeySecrets, parsed: ParsedKey): void {
  const known = checked.get(secrets) ?? new Map<string, ParsedKey>();
  const [oldest] = known.keys();
  if (known.size >= MAX_CHECKED && oldest !== undefined) known.delete(oldest);
  checked.set(secrets, known.set(parsed.hash, parsed));
}

async function checkKey(secrets: KeySecrets, text: string, hash: string): Promise<ParsedKey | undefined> {
  const { body, environment, organization, check } = SHAPE.exec(text)?.groups ?? {};
  if (body === undefined || organization === undefined || check === undefined) return undefined;
  const organizationId = uuidOf(fromBase62(organization));
  const expected = await Promise.all(secrets.map((secret) => checkOf(secret, body)));
  const matches = expected.filter((one) => equalInConstantTime(one, check));
  if (matches.length === 0 || organizationId === undefined) return undefined;
  return { environment: environment === 'live' ? 'live' : 'test', organizationId, hash };
}

/** Of 2^64 numbers, spread over 62^6 checks: the bias is below one in 10^8. */
async function checkOf(secret: Uint8Array<ArrayBuffer>, body: string): Promise<string> {
  const mac = await hmacSha256(secret, body);
  return toBase62(new DataView(mac.buffer, mac.byteOffset).getBigUint64(0), CHECK_DIGITS);
}

/** 22 digits can say a little more than 128 bits: what is beyond them is no id. */
function uuidOf(value: bigint): string | undefined {
  const hex = value.toString(16).padStart(32, '0');
  if (hex.length > 32) return undefined;
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function equalInConstantTime(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let index = 0; index < a.length; index += 1) difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return difference === 0;
}
