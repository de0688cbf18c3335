import { hkdfSync } from 'node:crypto';
import * as z from 'zod';
import { PLAN_NAMES, type PlanName } from './billing/index.ts';
import { type WatchedChain, watchedChains } from './chain/chains.ts';
import type { KeySecrets } from './identity/api-keys/key.ts';
import { fromBase64, type KeyRing, utf8 } from './kernel/crypto.ts';

/** Everything the deployment decides, parsed and checked. */
export interface Config {
  database: { url: string; proxyUrl?: string | undefined };
  redis: { url: string; token: string };
  jwtSecret: Uint8Array<ArrayBuffer>;
  keyRing: KeyRing;
  /** Of the check in API keys; the first one signs, all of them verify. */
  apiKeySecrets: KeySecrets;
  baseUrl: string;
  allowedOrigins: string[];
  contact: { email: string; github: string; documentation: string };
  outbound: { allow: string; dohUrl: string };
  /** `token`: of the deployment's own bot, for actions that name none. */
  telegram: { url: string; token: string | undefined };
  /** Attempts an hour and address. */
  authLimits: { register: number; login: number };
  /** Of organizations that are made from now on. */
  defaultPlan: PlanName;
  chains: WatchedChain[];
}

const WEAK_SECRET = /^(.)\1*$|secret|password|changeme|example|your[_-]/i;

const strongSecret = z
  .string()
  .refine((text) => utf8(text).length >= 32, 'must be 32 bytes or more')
  .refine((text) => !WEAK_SECRET.test(text) && new Set(text).size >= 10, 'is too easy to guess; use random bytes')
  .transform(utf8);

const keyRing = z.string().transform((text, issues): KeyRing => {
  const keys = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const entry of text.split(',')) {
    const [, id, encoded] = /^([\w-]+):([A-Za-z0-9+/]+=*)$/.exec(entry.trim()) ?? [];
    const key = encoded && fromBase64(encoded);
    if (!id || !key || key.length !== 32) {
      issues.addIssue({
        code: 'custom',
        message: 'must be id:base64 of 32 bytes, comma-separated, the current key first',
      });
      return z.NEVER;
    }
    keys.set(id, key);
  }
  const [current = ''] = keys.keys();
  return { current, keys };
});

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);
const apiKeySecrets = list.pipe(z.array(strongSecret));

/**
 * The secrets of the check in API keys: the operator's, and then one derived from each key-encryption key, so that a
 * deployment needs none of its own, and keys made before it got one stay good.
 */
function keySecretsOf(own: readonly Uint8Array<ArrayBuffer>[], { current, keys }: KeyRing): KeySecrets {
  const derived = [...keys]
    .sort(([a], [b]) => Number(b === current) - Number(a === current))
    .map(([, key]) => new Uint8Array(hkdfSync('sha256', key, '', 'weir api key check', 32)));
  const [first, ...others] = [...own, ...derived];
  if (!first) throw new Error('the key ring is empty');
  return [first, ...others];
}

const origin = z.url().transform((text) => text.replace(/\/+$/, ''));
const positive = z.coerce.number().int().positive();

const schema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  DATABASE_PROXY_URL: z.url().optional(),
  UPSTASH_REDIS_REST_URL: z.url(),
  UPSTASH_REDIS_REST_TOKEN: z.string().min(1),
  JWT_SECRET: strongSecret,
  ENCRYPTION_KEYS: keyRing,
  API_KEY_SECRETS: apiKeySecrets.default([]),
  BASE_URL: origin.default('https://api.8004.dev'),
  ALLOWED_ORIGINS: list.default([]),
  CONTACT_EMAIL: z.string().default('support@8004.dev'),
  CONTACT_GITHUB: z.string().default('https://github.com/erc-8004/api.8004.dev'),
  DOCUMENTATION_URL: z.string().default('https://docs.8004.dev'),
  OUTBOUND_ALLOW: z.string().default(''),
  DOH_URL: z.url().default('https://cloudflare-dns.com/dns-query'),
  TELEGRAM_BOT_TOKEN: z
    .string()
    .regex(/^\d{1,20}:[\w-]{1,128}$/, 'must be a bot token, such as 123456:AbC-dEf')
    .optional(),
  TELEGRAM_API_URL: origin.default('https://api.telegram.org'),
  AUTH_REGISTER_LIMIT: positive.default(100),
  AUTH_LOGIN_LIMIT: positive.default(300),
  DEFAULT_PLAN: z.enum(PLAN_NAMES).default('free'),
});

/** Settings that are repeated per chain: `RPC_URL_8453`, `START_BLOCK_8453` and so on. */
function perChain<T>(raw: Record<string, unknown>, prefix: string, parse: (text: string) => T): Record<number, T> {
  const found: Record<number, T> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (!name.startsWith(`${prefix}_`) || typeof value !== 'string' || value === '') continue;
    const chainId = Number(name.slice(prefix.length + 1));
    if (Number.isSafeInteger(chainId)) found[chainId] = parse(value);
  }
  return found;
}

const wholeNumber = (text: string) => z.coerce.number().int().min(0).parse(text);

/**
 * Reads the raw environment. Names what is missing or malformed, never a value.
 * @throws Error listing every setting that is wrong
 */
export function readConfig(raw: Record<string, unknown>): Config {
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`the environment is not complete: ${faults.join('; ')}`);
  }
  const env = parsed.data;
  return {
    database: { url: env.DATABASE_URL, proxyUrl: env.DATABASE_PROXY_URL },
    redis: { url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN },
    jwtSecret: env.JWT_SECRET,
    keyRing: env.ENCRYPTION_KEYS,
    apiKeySecrets: keySecretsOf(env.API_KEY_SECRETS, env.ENCRYPTION_KEYS),
    baseUrl: env.BASE_URL,
    allowedOrigins: env.ALLOWED_ORIGINS,
    contact: { email: env.CONTACT_EMAIL, github: env.CONTACT_GITHUB, documentation: env.DOCUMENTATION_URL },
    outbound: { allow: env.OUTBOUND_ALLOW, dohUrl: env.DOH_URL },
    telegram: { url: env.TELEGRAM_API_URL, token: env.TELEGRAM_BOT_TOKEN },
    authLimits: { register: env.AUTH_REGISTER_LIMIT, login: env.AUTH_LOGIN_LIMIT },
    defaultPlan: env.DEFAULT_PLAN,
    chains: watchedChains({
      rpcUrls: perChain(raw, 'RPC_URL', (text) => text.split(',').map((url) => z.url().parse(url.trim()))),
      startBlocks: perChain(raw, 'START_BLOCK', wholeNumber),
      confirmations: perChain(raw, 'CONFIRMATIONS', wholeNumber),
      pollMs: perChain(raw, 'POLL_MS', wholeNumber),
    }),
  };
}

/** One parsed configuration an isolate: the environment of a deployment does not change while it lives. */
let parsed: Config | undefined;

export function configOf(env: Env): Config {
  parsed ??= readConfig({ ...env });
  return parsed;
}

/** Test seam: lets a test file give the isolate a configuration of its own before anything reads it. */
export function primeConfig(config: Config): void {
  parsed = config;
}
